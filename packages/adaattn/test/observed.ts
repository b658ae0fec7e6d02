/** An engine that is watched: which of its tensors live, and what was read from them. */

import type { Engine, EngineTensor, Session, TensorData } from "../src/engine/engine.ts";

export interface Observer {
  readonly engine: Engine;
  /**
   * The tensors that were given out and not disposed of, with the names of their sessions and
   * outputs.
   */
  readonly living: ReadonlyMap<EngineTensor, string>;
  /** What was read, newest last. */
  readonly read: readonly TensorData[];
}

export function observe(inner: Engine): Observer {
  const living = new Map<EngineTensor, string>();
  const read: TensorData[] = [];

  function watch(tensor: EngineTensor, label: string): void {
    const [disposeInner, readInner] = [tensor.dispose.bind(tensor), tensor.read.bind(tensor)];
    living.set(tensor, label);
    tensor.dispose = () => {
      living.delete(tensor);
      disposeInner();
    };
    tensor.read = async () => {
      const values = await readInner();
      read.push(values);
      return values;
    };
  }

  return {
    living,
    read,
    engine: {
      device: inner.device,
      async load(model, name, options): Promise<Session> {
        const session = await inner.load(model, name, options);
        return {
          async run(inputs, runOptions) {
            const outputs = await session.run(inputs, runOptions);
            for (const [output, tensor] of Object.entries(outputs)) watch(tensor, `${output} of ${name}`);
            return outputs;
          },
          dispose: () => session.dispose(),
        };
      },
      dispose: () => inner.dispose(),
    },
  };
}
