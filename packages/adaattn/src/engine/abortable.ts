/** What makes a run of an engine end early for whoever waits for it. */

import type { EngineTensor } from "./engine.ts";

/**
 * `answer`, or a rejection as soon as `signal` is aborted; then the tensors that still come are
 * disposed of.
 */
export function abortable(
  answer: Promise<Record<string, EngineTensor>>,
  signal: AbortSignal,
): Promise<Record<string, EngineTensor>> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      answer.then(
        (outputs) => {
          for (const tensor of Object.values(outputs)) tensor.dispose();
        },
        () => undefined,
      );
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
