/**
 * The one class of errors that callers sort by; every room throws it, so it stands beside the
 * rooms.
 */

/**
 * Whose matter an error is:
 *
 * - `option`: a value that was asked for does not fit; ask for another.
 * - `file`: a picture, video, model or style cannot be read, fetched or written, or is damaged; get
 *   another, or another place.
 * - `engine`: the engine, its device or ffmpeg cannot be started, or has failed.
 * - `memory`: there is not enough memory; ask for a smaller size.
 */
export type ErrorCode = "option" | "file" | "engine" | "memory";

/**
 * What this library throws where its caller can do something about it. The message is one sentence
 * for people and may be worded otherwise in any version; programs look at {@link AdaattnError.code
 * | code}. Errors of any other class are mistakes of the library, and what an aborted call throws
 * is the signal's reason.
 */
export class AdaattnError extends Error {
  override readonly name: string = "AdaattnError";
  /** Whose matter it is. */
  readonly code: ErrorCode;

  /** @param options the error that was the reason, as `cause`. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
