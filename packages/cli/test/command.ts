/** Runs the real command as a child process and makes the pictures to give it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp, { type Sharp } from "sharp";
import { afterAll } from "vitest";

const SOURCE = new URL("../../../scripts/source.mjs", import.meta.url).href;
const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
export const BUILT = fileURLToPath(new URL("../bin/adaattn.js", import.meta.url));

/**
 * The command line that runs `adaattn`: what was built, if scripts/test.sh has just built it (it
 * starts in half the time), else the source.
 */
export const ADAATTN = process.env.ADAATTN_TEST_BUILT
  ? [process.execPath, BUILT]
  : [process.execPath, "--conditions=@adaattn/source", "--import", SOURCE, MAIN];

/**
 * What the command must not inherit from whoever runs the tests: settings of color (CI is one to
 * Node), and the software GPU of the WebGPU tests, which `--device auto` would spend seconds to
 * try.
 */
const LEFT_OUT = ["NO_COLOR", "FORCE_COLOR", "CI", "NODE_OPTIONS", "VK_ICD_FILENAMES", "VK_DRIVER_FILES"];

/** How a command ended and what it printed. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What {@link run} may be asked. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Sends this signal as soon as stderr holds this text, and says so. */
  readonly interrupt?: { readonly signal: NodeJS.Signals; readonly at: string; readonly sent: () => void };
}

/** Runs `adaattn` with these arguments. */
export function adaattn(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run([...ADAATTN, ...args], options);
}

/** Runs any command, without a terminal. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [file = "", ...args] = command;
  const { interrupt } = options;
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !LEFT_OUT.includes(name)));
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...inherited, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    let sent = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (interrupt && !sent && stderr.includes(interrupt.at)) {
        sent = true;
        interrupt.sent();
        child.kill(interrupt.signal);
      }
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** A new temporary folder, removed after the file's tests. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "adaattn-cli-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A picture of smooth waves, which photographs and paintings resemble more than noise does. */
export function waves(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const data = Buffer.alloc(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const x = i % width;
    const y = Math.floor(i / width);
    for (let channel = 0; channel < 3; channel++) {
      data[i * channels + channel] = 128 + 100 * Math.sin(x / (7 + channel) + y / (11 - channel));
    }
    if (channels === 4) data[i * channels + 3] = x < width / 2 ? 64 : 255;
  }
  return sharp(data, { raw: { width, height, channels } });
}
