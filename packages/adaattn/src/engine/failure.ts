/** What the engines throw where a runtime has failed. */

import { AdaattnError } from "../error.ts";

/**
 * What the runtimes say where memory is short: the allocators of the CPU, of WebAssembly and of the
 * GPU.
 */
const NO_MEMORY = /bad_?alloc|out of memory|failed to allocate|allocation failed/i;

/**
 * The error of a runtime with what it was doing.
 *
 * @param doing such as "run the encoder on cpu".
 * @param reason what the runtime said.
 */
export function engineFailure(doing: string, reason: string, cause: unknown): AdaattnError {
  const code = NO_MEMORY.test(reason) ? "memory" : "engine";
  return new AdaattnError(code, `The engine cannot ${doing}: ${reason}`, { cause });
}
