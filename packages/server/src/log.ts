/** What an operator is told, as lines of JSON. */

/** Tells something: how grave it is, what it is about, and one sentence. */
export type Log = (
  level: "info" | "warn" | "error",
  about: Readonly<Record<string, string | number | undefined>>,
  sentence: string,
) => void;

/** The numbers that the server's logger, pino, has for the levels. */
const LEVELS = { info: 30, warn: 40, error: 50 };

/** A log of a process without a logger of its own, in the form of the server's. */
export function jsonLog(stream: NodeJS.WritableStream): Log {
  return (level, about, sentence) => {
    stream.write(
      `${JSON.stringify({ level: LEVELS[level], time: Date.now(), pid: process.pid, ...about, msg: sentence })}\n`,
    );
  };
}
