/** Ctrl-C and its kin: stop at once, and leave nothing half-written. */

/** How long the work may take to clear up after itself before the process ends over its head. */
const GRACE_MILLISECONDS = 250;

/** Watches for Ctrl-C, `kill` and the terminal's closing. */
export interface Interruption {
  /** Aborted when one of them comes. */
  readonly signal: AbortSignal;
  /**
   * From now on the first of them only aborts the signal, and the work ends by itself, however long
   * that takes; a second one still ends the process at once. `message` tells the person so when it
   * comes.
   */
  wait(message: string): void;
  /** From now on SIGHUP calls this, as often as it comes, and ends nothing. */
  onHangup(listener: () => void): void;
  /** Ends the process if one has come, else does nothing; for when the work has stopped. */
  end(): void;
}

/**
 * Aborts the signal when SIGINT, SIGTERM or SIGHUP comes, and a moment later, whatever still runs,
 * ends the process by that very signal, which a shell sees as exit code 130, 143 or 129. A second
 * one ends it at once.
 *
 * It does not end by `process.exit`, which waits for worker threads, and those cannot be stopped
 * within a run of ONNX Runtime.
 */
export function watchInterruption(): Interruption {
  const controller = new AbortController();
  let came: NodeJS.Signals | undefined;
  let patience: string | undefined;
  const end = () => {
    if (came === undefined) return;
    // Listeners for the end of the process remove temporary files; a signal alone would not call
    // them.
    process.emit("exit", 1);
    process.kill(process.pid, came);
  };
  const stop = (name: NodeJS.Signals) => {
    came = name;
    controller.abort();
    process.stderr.write(`${patience ?? "Stopped."}\n`);
    if (patience === undefined) setTimeout(end, GRACE_MILLISECONDS);
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, stop);
  const wait = (message: string) => {
    patience = message;
  };
  const onHangup = (listener: () => void) => {
    process.off("SIGHUP", stop).on("SIGHUP", listener);
  };
  return { signal: controller.signal, wait, onHangup, end };
}
