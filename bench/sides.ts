/** Runs the side of a case as a process of its own and reads what it says of itself. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withHugePages } from "adaattn/internal/hugePages";
import type { Side } from "./cases.ts";
import { median } from "./median.ts";
import type { Reading } from "./results.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const COMMAND = here("../packages/cli/bin/adaattn.js");
const SOURCES = ["--conditions=@adaattn/source", "--import", new URL("../scripts/source.mjs", import.meta.url).href];

/** What `adaattn stylize --json` prints of a picture. */
interface Painted {
  readonly milliseconds: Readonly<Record<"encode" | "attend" | "decode", number>>;
  readonly tiles: number;
  readonly peakRssBytes: number;
}

/** What `adaattn video --json` prints. */
interface PaintedFilm {
  readonly seconds: number;
  readonly frames: number;
  readonly peakRssBytes: number;
}

/** What a script prints. */
interface Printed extends Omit<Reading, "seconds"> {
  readonly medianSeconds: number;
}

/** A folder for the files that sides read and write, and the programs that they are. */
export class Bench implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "adaattn-bench-"));
  readonly #python: string;
  readonly #threads: string;
  readonly #hasPyTorch: boolean;

  constructor({ python, threads }: { python: string; threads: number }) {
    this.#python = python;
    this.#threads = `${threads}`;
    this.#hasPyTorch = spawnSync(python, ["-c", "import torch"]).status === 0;
    // An interrupt goes to the program that runs, too; #output sees how that ended.
    process.on("SIGINT", () => undefined);
  }

  /** Why a side cannot run here, if it cannot. */
  obstacle({ program, needs = 0 }: Side): string | undefined {
    const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
    if (program === "peer" && !this.#hasPyTorch) return "PyTorch is not installed";
    if (needs > freemem()) return `needs about ${gigabytes(needs)} GB, and ${gigabytes(freemem())} GB were free`;
    return undefined;
  }

  /** Runs a side once. */
  run({ program, args, wholeProcess = false, hugePages = false }: Side): Reading {
    const filled = args.map((arg) =>
      arg.replace(/^\{(\w+) ?(.*)\}$/, (_, kind: string, rest: string) => this.#file(kind, rest)),
    );
    const threads = ["--threads", this.#threads];
    const begun = performance.now();
    if (program === "ours" || program === "peer") {
      const [first = "", ...others] = filled;
      const text =
        program === "ours"
          ? this.ours([...filled, ...threads])
          : this.#output(this.#python, [here(`peers/${first}`), ...others, ...threads], hugePages);
      const { medianSeconds, ...reading } = JSON.parse(text.trim().split("\n").at(-1) ?? "") as Printed;
      return { ...pickReading(reading), seconds: medianSeconds };
    }
    if (!existsSync(here("../packages/cli/dist/start.js"))) {
      throw new Error("Expected the command to be built but found no packages/cli/dist; run npm run build first.");
    }
    const text = this.#output(process.execPath, [COMMAND, program, ...filled, ...threads, "--json", "--quiet"]);
    if (program === "video") {
      const { seconds, frames, peakRssBytes } = JSON.parse(text) as PaintedFilm;
      return { seconds: seconds / frames, peakRssBytes };
    }
    const wall = (performance.now() - begun) / 1000;
    const painted = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Painted);
    // The first of several pictures pays for what the process has not done before.
    const later = painted.length > 1 ? painted.slice(1) : painted;
    const seconds = later.map(({ milliseconds: { encode, attend, decode } }) => (encode + attend + decode) / 1000);
    const peakRssBytes = Math.max(...painted.map((picture) => picture.peakRssBytes));
    return { seconds: wholeProcess ? wall : median(seconds), peakRssBytes, tiles: later[0]?.tiles ?? 0 };
  }

  /** What ours.ts prints. */
  ours(args: readonly string[]): string {
    return this.#output(process.execPath, [...SOURCES, here("ours.ts"), ...args]);
  }

  #output(program: string, args: readonly string[], hugePages = true): string {
    const env = hugePages ? withHugePages(process.env) : process.env;
    const { status, signal, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 26, env });
    if (status === 0) return stdout;
    if (signal === "SIGINT" || status === 130) {
      this[Symbol.dispose]();
      process.exit(130);
    }
    throw new Error(`${program} ${args.join(" ")} failed (${signal ?? status}): ${stderr.trim()}`);
  }

  /**
   * A file that an argument stands for; photographs are made when they are first asked for, as many
   * copies as there are names.
   */
  #file(kind: string, rest: string): string {
    if (kind === "painting") return here("../assets/paintings/van-gogh-starry-night.jpg");
    if (kind === "output") return join(this.#folder, "output.jpg");
    if (kind === "painted") return join(this.#folder, "painted.mp4");
    if (kind === "film") return this.#film(rest);
    const path = join(this.#folder, kind === "folder" ? "outputs" : `${rest.replace(" ", "-")}.jpg`);
    if (existsSync(path)) return path;
    if (kind === "folder") {
      mkdirSync(path);
      return path;
    }
    const [, width = "", height = ""] = /^(\d+)x(\d+)/.exec(rest) ?? [];
    this.ours([
      "photo",
      "--photo",
      here("../assets/contents/castle.jpg"),
      "--output",
      path,
      "--width",
      width,
      "--height",
      height,
    ]);
    return path;
  }

  /** A film of a slow pan over a photograph, `WIDTHxHEIGHT FRAMES`. */
  #film(text: string): string {
    const path = join(this.#folder, `${text.replace(" ", "-")}.mp4`);
    const [size = "", frames = ""] = text.split(" ");
    const pan = `scale=1024:-1,crop=${size.replace("x", ":")}:(iw-ow)*(0.5+0.5*sin(n/60)):(ih-oh)*(0.5+0.5*cos(n/90))`;
    const input = ["-loop", "1", "-framerate", "24", "-i", here("../assets/contents/castle.jpg")];
    const output = ["-vf", pan, "-frames:v", frames, "-pix_fmt", "yuv420p", "-y", path];
    if (!existsSync(path)) this.#output("ffmpeg", ["-loglevel", "error", ...input, ...output]);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

function pickReading({
  cachedSeconds,
  peakRssBytes,
  roofGflops,
  tiles,
  shares,
}: Omit<Reading, "seconds">): Omit<Reading, "seconds"> {
  return {
    ...(cachedSeconds === undefined ? {} : { cachedSeconds }),
    peakRssBytes,
    ...(roofGflops === undefined ? {} : { roofGflops }),
    ...(tiles === undefined ? {} : { tiles }),
    ...(shares === undefined ? {} : { shares }),
  };
}
