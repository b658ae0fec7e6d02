/**
 * The identity, whose gradient is not: what arrives is turned into something else on its way back.
 * That is for training which holds gradients that would otherwise run away.
 *
 * Gradient, for an arriving dy: turn(dy).
 */

import { applyOne, type Operator, type Tensor } from "../tensor.ts";

/** What becomes of a gradient, in its shape; undefined where none flows on. */
type Turn = (dy: Tensor) => Tensor | undefined;

const turnOperator: Operator<{ turn: Turn }> = {
  name: "turnGradient",
  infer([x]) {
    if (x === undefined) throw new Error("Expected an operand for turnGradient but received none");
    return [x];
  },
  evaluate: ([x]) => (x ? [x] : []),
  gradient: (_, { turn }, [dy]) => [dy && turn(dy)],
  // No node: the output is the input under the same name.
  emit: (_, inputs) => inputs,
};

/** x itself; the gradient that arrives at it goes on as `turn` gives it. */
export const turnGradient = (x: Tensor, turn: Turn): Tensor => applyOne(turnOperator, [x], { turn });

/** x itself, through which no gradient flows. */
export const detach = (x: Tensor): Tensor => turnGradient(x, () => undefined);
