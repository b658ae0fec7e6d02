/**
 * What can go wrong in a browser, as codes finer than those of every error, for pages that say it
 * in their own languages.
 */

import { AdaattnError } from "../error.ts";

/**
 * Why something cannot be had here.
 *
 * - `noWebGpu`, `noAdapter`: the browser has no WebGPU, or finds no GPU that it may use.
 * - `softwareGpu`: what the browser has for a GPU is a program.
 * - `noSimd`: its WebAssembly lacks vectors, without which the engine does not run.
 * - `insecure`: the page came by plain http, where files cannot be checked.
 * - `unreachable`, `refused`, `brokenOff`: a file cannot be fetched for want of a connection, the
 *   server answered with an error, or the connection ended amid the file.
 * - `damaged`: a file has another checksum, or cannot be inflated.
 * - `memory`: there is not enough of it.
 * - `wrongNumbers`: the GPU computes wrongly.
 * - `engine`: the engine failed otherwise.
 */
export type WebProblemCode =
  | "noWebGpu"
  | "noAdapter"
  | "softwareGpu"
  | "noSimd"
  | "insecure"
  | "unreachable"
  | "refused"
  | "brokenOff"
  | "damaged"
  | "memory"
  | "wrongNumbers"
  | "engine";

const ENGINE: readonly WebProblemCode[] = ["noWebGpu", "noAdapter", "softwareGpu", "noSimd", "wrongNumbers", "engine"];

/** An error of which it is known what happened; its message is one sentence in English. */
export class WebProblem extends AdaattnError {
  readonly problem: WebProblemCode;

  constructor(problem: WebProblemCode, message: string, options?: ErrorOptions) {
    super(problem === "memory" ? "memory" : ENGINE.includes(problem) ? "engine" : "file", message, options);
    this.problem = problem;
  }
}

/** What happened, whoever threw the error: `engine` where nothing more is known. */
export function problemCode(error: unknown): WebProblemCode {
  if (error instanceof WebProblem) return error.problem;
  return error instanceof AdaattnError && error.code === "memory" ? "memory" : "engine";
}
