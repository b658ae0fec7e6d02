/** The options that say how a painting is looked at, shared by the commands that take a style. */

import type { Command } from "commander";

/** These options as they are typed. */
export interface LookFlags {
  styleSize?: string;
  stroke?: string;
  styleRotate?: string;
  keys?: string;
}

/** Adds the options to a command. */
export function addLookOptions(command: Command): Command {
  return command
    .option("--style-size <N>", `the painting's longer side while looking at it (default: as it is, up to 512)`)
    .option("--stroke <FACTOR>", "strokes from half (0.5) to twice (2) as large (default: 1)")
    .option("--style-rotate <DEGREES>", "turns the painting, and its strokes, clockwise (default: 0)")
    .option("--keys <N|all>", "attend to at most so many positions of the painting (default: the model's own number)");
}
