/**
 * What the person at the terminal sees beside the results, on stderr, so that stdout stays for
 * those: errors, and while a picture is made one line rewritten in place on a terminal, one plain
 * line a task elsewhere, nothing when quiet.
 */
/** Reports how far the work is. */
export interface ProgressLine {
  /**
   * Shows what is being done and, on a terminal, which part of it and how much of it is done, from
   * 0 to 1.
   */
  show(task: string, stage?: string, fraction?: number): void;
  /** Takes the line away, before anything else is printed. */
  clear(): void;
}

const BAR_WIDTH = 20;
const REDRAW_MILLISECONDS = 60;

/** Whether this stream is a terminal that a line can be rewritten on. */
function isLive(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== "dumb";
}

/**
 * Text in a color (an ANSI code such as 31 for red) where the stream is a terminal with colors and
 * NO_COLOR is not set, else the text as it is.
 */
export function colored(stream: NodeJS.WriteStream, code: number, text: string): string {
  return isLive(stream) && stream.hasColors() ? `\x1b[${code}m${text}\x1b[39m` : text;
}

/** Prints an error's sentence on stderr and returns it. */
export function printError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${colored(process.stderr, 31, "error:")} ${message}\n`);
  return message;
}

/**
 * A progress line on this stream: silent where quiet is asked for, and from the moment that the
 * signal is aborted.
 */
export function createProgressLine(
  stream: NodeJS.WriteStream,
  options: { readonly quiet: boolean; readonly signal: AbortSignal },
): ProgressLine {
  const { quiet, signal } = options;
  if (quiet) return { show: () => undefined, clear: () => undefined };
  const line = isLive(stream) ? createLiveLine(stream) : createPlainLines(stream);
  signal.addEventListener("abort", () => line.clear(), { once: true });
  return {
    show(task, stage, fraction) {
      if (!signal.aborted) line.show(task, stage, fraction);
    },
    clear: () => line.clear(),
  };
}

function createPlainLines(stream: NodeJS.WriteStream): ProgressLine {
  let shown = "";
  return {
    show(task) {
      if (task !== shown) stream.write(`${task}\n`);
      shown = task;
    },
    clear: () => undefined,
  };
}

function createLiveLine(stream: NodeJS.WriteStream): ProgressLine {
  let shown = "";
  let drawnAt = 0;
  return {
    show(task, stage = "", fraction = 0) {
      const label = `${task} ${stage}`;
      const now = performance.now();
      if (label === shown && now - drawnAt < REDRAW_MILLISECONDS) return;
      shown = label;
      drawnAt = now;
      const filled = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
      const room = (stream.columns || 80) - 1;
      const text = ` ${label}`.slice(0, Math.max(0, room - BAR_WIDTH));
      const bar = room < BAR_WIDTH ? "" : colored(stream, 36, "━".repeat(filled)) + "─".repeat(BAR_WIDTH - filled);
      stream.write(`\r${bar}${text}\x1b[K`);
    },
    clear() {
      if (shown !== "") stream.write("\r\x1b[K");
      shown = "";
    },
  };
}
