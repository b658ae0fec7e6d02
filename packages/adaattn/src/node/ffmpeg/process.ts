/**
 * ffmpeg and ffprobe as child processes: started with lists of arguments and no shell, joined to us
 * by pipes, and never left behind. They are looked for on the PATH, or where the environment
 * variables FFMPEG_PATH and FFPROBE_PATH say.
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { AdaattnError } from "../../error.ts";

/** One of the two programs. */
export type FfmpegProgram = "ffmpeg" | "ffprobe";

/** How a program ended: by itself with a code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * How much of what a program says on stderr is kept, in characters: the end, where the reasons
 * stand.
 */
const KEPT = 8192;

/**
 * What inputs may refer to: playlists and the like must not make ffmpeg open addresses of the
 * network.
 */
export const LOCAL_ONLY: readonly string[] = ["-protocol_whitelist", "file,pipe,crypto,data"];

/** What programs that are started from now on may do at most. */
export interface FfmpegLimits {
  /** The containers, by ffmpeg's names of their demuxers, that sources may have; any by default. */
  readonly formats?: readonly string[] | undefined;
  /** Bytes of memory of one program; any number by default. It holds on Linux and macOS. */
  readonly memory?: number | undefined;
  /** For how many milliseconds a decoder may give no frame before it is ended; any by default. */
  readonly patience?: number | undefined;
}

let limits: FfmpegLimits = {};

/**
 * Limits every ffmpeg and ffprobe that this process starts from now on, for programs that read
 * videos of strangers. Without it they open whatever ffmpeg knows, as the command line does for its
 * user.
 */
export function limitFfmpeg(wanted: FfmpegLimits): void {
  limits = wanted;
}

/** For how many milliseconds a decoder may give no frame; undefined where it may take its time. */
export function decoderPatience(): number | undefined {
  return limits.patience;
}

/** The options before a source, which may be a stranger's. */
export function sourceArgs(): readonly string[] {
  return [...LOCAL_ONLY, ...(limits.formats ? ["-format_whitelist", limits.formats.join(",")] : [])];
}

/**
 * Sets the limit in a shell that then becomes the program; where a system has no such limit, it
 * goes without.
 */
const WITH_LIMIT = 'ulimit -d "$0" 2>/dev/null; exec "$@"';

/**
 * Whether a program says that it gets no memory. A frame that gets no buffer has no other reason,
 * unless its size is none.
 */
function lacksMemory(said: string): boolean {
  return (
    /(could not|cannot|failed to) allocate|out of memory/i.test(said) ||
    (/get_buffer\(\) failed/.test(said) && !/is invalid/.test(said))
  );
}

/** What a shell ends with that did not find the program. */
const NOT_FOUND = 127;

/**
 * How a path is given to ffmpeg, which would otherwise take `-a.mp4` for an option and `a:b.mp4`
 * for a protocol.
 */
export function fileUrl(path: string): string {
  return `file:${path}`;
}

/** Programs that run at this moment, for the end of this process to end. */
const running = new Set<ChildProcess>();

function killRunning(): void {
  for (const child of running) child.kill("SIGKILL");
}

/**
 * A program that was started. Disposing of it ends it at once if it still runs, and waits until it
 * has ended.
 */
export class FfmpegProcess implements AsyncDisposable {
  /**
   * Resolves when it has ended and its pipes are closed; rejects where it could not be started at
   * all.
   */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #memory = limits.memory;
  #said = "";
  #exceeded: number | undefined;

  /**
   * @param pipes which of its standard streams are pipes to this process; stderr always is. With
   *   `needsMemory` it is ended once it says that its limit is too low: ffmpeg leaves frames out
   *   then, ends as if all were well, or never.
   */
  constructor(
    program: FfmpegProgram,
    args: readonly string[],
    pipes: { readonly input?: boolean; readonly output?: boolean; readonly needsMemory?: boolean } = {},
  ) {
    const path = process.env[program === "ffmpeg" ? "FFMPEG_PATH" : "FFPROBE_PATH"] || program;
    const isLimited = this.#memory !== undefined && process.platform !== "win32";
    const kibibytes = String(Math.floor((this.#memory ?? 0) / 1024));
    const [command, all] = isLimited ? ["/bin/sh", ["-c", WITH_LIMIT, kibibytes, path, ...args]] : [path, args];
    const child = spawn(command, all, {
      stdio: [pipes.input ? "pipe" : "ignore", pipes.output ? "pipe" : "ignore", "pipe"],
      env: { ...process.env, AV_LOG_FORCE_NOCOLOR: "1" },
      // In a group of its own, so that Ctrl-C in the terminal reaches only us, who then let it
      // finish its file.
      detached: true,
      windowsHide: true,
    });
    this.#child = child;
    if (running.size === 0) process.on("exit", killRunning);
    running.add(child);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-KEPT);
      if (!pipes.needsMemory || this.#memory === undefined || !lacksMemory(this.#said)) return;
      this.#exceeded = this.#memory;
      this.kill();
    });
    // A pipe that breaks says no more than that the program ended, which `ended` tells.
    child.stdin?.on("error", () => undefined);
    this.ended = new Promise<Ending>((resolve, reject) => {
      child.once("close", (code, signal) => {
        if (isLimited && code === NOT_FOUND) reject(cannotStart(program, path, { code: "ENOENT" }));
        else resolve({ code, signal });
      });
      child.once("error", (error: NodeJS.ErrnoException) => reject(cannotStart(program, path, error)));
    }).finally(() => {
      running.delete(child);
      if (running.size === 0) process.off("exit", killRunning);
    });
    this.ended.catch(() => undefined);
  }

  /** Its standard input. */
  get input(): Writable {
    if (!this.#child.stdin) throw new Error("Expected a program with a pipe for its input");
    return this.#child.stdin;
  }

  /** Its standard output. */
  get output(): Readable {
    if (!this.#child.stdout) throw new Error("Expected a program with a pipe for its output");
    return this.#child.stdout;
  }

  /** The lines at the end of what it said on stderr. */
  get complaints(): readonly string[] {
    return this.#said
      .split(/[\r\n]+/)
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }

  /** How many bytes of memory it may have, where it was ended since it needs more. */
  get exceeded(): number | undefined {
    return this.#exceeded;
  }

  /** Ends it at once; `ended` then resolves. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    // Nobody reads what is left in its pipes, and only empty ones count as closed.
    for (const pipe of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) pipe?.destroy();
    await this.ended.catch(() => undefined);
  }
}

function cannotStart(program: FfmpegProgram, path: string, error: { readonly code?: string | undefined }): Error {
  if (error.code !== "ENOENT")
    return new AdaattnError("engine", `Cannot start ${path}: the system answered ${error.code}.`, { cause: error });
  return new AdaattnError(
    "engine",
    `Cannot find ${path}, which reads and writes video: install it by apt install ffmpeg (Debian, Ubuntu), brew install ffmpeg ` +
      `(macOS) or winget install ffmpeg (Windows), or say where it lies in ${program === "ffmpeg" ? "FFMPEG_PATH" : "FFPROBE_PATH"}.`,
    { cause: error },
  );
}

/** How a program that failed ended, for a sentence: its first complaint, or the signal or code. */
export function reasonOf({ code, signal }: Ending, complaints: readonly string[]): string {
  if (signal !== null) return `ffmpeg was ended by ${signal}`;
  // Such as "[mov,mp4 @ 0x55d0] moov atom not found" or "file:a.mp4: Invalid data found when
  // processing input".
  const first = complaints[0]?.replace(/^\[[^\]]*\]\s*/, "");
  return first === undefined ? `ffmpeg ended with code ${code}` : `ffmpeg says: ${first.replace(/\.$/, "")}`;
}

/** How much a program may print that is read as a whole, in characters. */
const MOST_PRINTED = 16 * 2 ** 20;

/**
 * Runs a program to its end and returns what it printed.
 *
 * @throws Error where it cannot be started or prints more than 16 MiB; the signal's reason where it
 *   is aborted. A failure of its own is in `ending`.
 */
export async function runProgram(
  program: FfmpegProgram,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<{ readonly output: string; readonly ending: Ending; readonly complaints: readonly string[] }> {
  signal?.throwIfAborted();
  await using child = new FfmpegProcess(program, args, { output: true });
  const abort = () => void child[Symbol.asyncDispose]();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    let output = "";
    child.output.setEncoding("utf8").on("data", (text: string) => {
      if (output.length > MOST_PRINTED) return;
      output += text;
      if (output.length > MOST_PRINTED) abort();
    });
    const ending = await child.ended;
    signal?.throwIfAborted();
    if (output.length > MOST_PRINTED) throw new AdaattnError("file", `${program} says more of the file than is read.`);
    return { output, ending, complaints: child.complaints };
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** What the installed ffmpeg can do. */
export interface FfmpegAbilities {
  /** Such as "5.1.9-0+deb12u1". */
  readonly version: string;
  /** Names of encoders, such as libx264. */
  readonly encoders: ReadonlySet<string>;
  /** Names of decoders, such as libvpx. */
  readonly decoders: ReadonlySet<string>;
  /** Names of filters, such as zscale. */
  readonly filters: ReadonlySet<string>;
}

/**
 * What each ffmpeg that was asked can do, by its path; it does not change while this process runs.
 */
const asked = new Map<string, Promise<FfmpegAbilities>>();

/**
 * Asks ffmpeg what it can do.
 *
 * @throws Error with one sentence on how to get ffmpeg where there is none.
 */
export function ffmpegAbilities(signal?: AbortSignal): Promise<FfmpegAbilities> {
  const path = process.env.FFMPEG_PATH ?? "";
  const known = asked.get(path);
  if (known !== undefined) return known;
  const asking = ask(signal);
  asked.set(path, asking);
  // Whoever was refused may ask again.
  asking.catch(() => asked.delete(path));
  return asking;
}

async function ask(signal: AbortSignal | undefined): Promise<FfmpegAbilities> {
  const [encoders, decoders, filters] = await Promise.all(
    ["-encoders", "-decoders", "-filters"].map((list) => runProgram("ffmpeg", [list], signal)),
  );
  // Lines such as " V....D libx264  libx264 H.264 ..." and " .SC zscale  V->V  Apply ...".
  const names = (text = "") => new Set([...text.matchAll(/^ [A-Z.|]{2,6} +(\S+)/gm)].map(([, name = ""]) => name));
  return {
    // From the banner, which stands among the complaints.
    version: /^ffmpeg version (\S+)/m.exec(encoders?.complaints.join("\n") ?? "")?.[1] ?? "unknown",
    encoders: names(encoders?.output),
    decoders: names(decoders?.output),
    filters: names(filters?.output),
  };
}

/**
 * The option that hands every frame on with neither copies nor gaps: it was renamed in ffmpeg 5.1,
 * its old name then removed.
 */
export function passFrames({ version }: FfmpegAbilities): readonly string[] {
  const [, major, minor] = /^n?(\d+)\.(\d+)/.exec(version) ?? [];
  const isOld = major !== undefined && (Number(major) < 5 || (major === "5" && minor === "0"));
  return isOld ? ["-vsync", "passthrough"] : ["-fps_mode", "passthrough"];
}
