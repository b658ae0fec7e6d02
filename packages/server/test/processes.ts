/**
 * Real processes for tests of faults: the command itself, redis-server, and what they leave behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll } from "vitest";
import { ADAATTN } from "../../cli/test/command.ts";
import { Client } from "../src/client.ts";
import { until } from "./helpers.ts";

/** All that were started. Hooks that a running test adds to its file would not be called. */
const programs: Program[] = [];
afterAll(() => {
  for (const { child } of programs) child.kill("SIGKILL");
});

/** A program under test; it is ended after the file's tests at the latest. */
export class Program {
  readonly child: ChildProcess;
  #said = "";

  constructor(command: string, args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !["NODE_OPTIONS", "VK_ICD_FILENAMES"].includes(name)),
    );
    this.child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...inherited, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#said += text;
      });
    }
    programs.push(this);
  }

  /** Everything it has printed. */
  get said(): string {
    return this.#said;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits until it has printed something of this form. */
  async says(form: RegExp): Promise<string> {
    return until(() => {
      const found = form.exec(this.#said);
      if (!found && this.hasEnded) throw new Error(`It ended and said: ${this.#said}`);
      return found?.[1] ?? found?.[0];
    }, `it says ${form}`);
  }

  /** Waits until it has ended. */
  async ends(): Promise<void> {
    if (!this.hasEnded) await once(this.child, "exit");
  }

  /** Ends it by a signal and waits until it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.child, "exit");
    this.child.kill(signal);
    await ended;
  }
}

/** The command line that runs `adaattn`. */
export function adaattnCommand(args: readonly string[]): string[] {
  return [...ADAATTN, ...args];
}

/** Starts `adaattn`, perhaps on one core alone. */
export function adaattn(
  args: readonly string[],
  options: { env?: Record<string, string>; core?: number | undefined } = {},
): Program {
  const pinned = options.core === undefined ? [] : ["taskset", "-c", String(options.core)];
  const [program = "", ...rest] = [...pinned, ...adaattnCommand(args)];
  return new Program(program, rest, { ...(options.env && { env: options.env }) });
}

/** Starts `adaattn serve` and waits until it does. */
export async function serve(args: readonly string[], options: { env?: Record<string, string> } = {}) {
  const program = adaattn(["serve", "--port", "0", "--workers", "1", "--log-level", "warn", ...args], options);
  const url = await program.says(/serves at (\S+);/);
  return { program, url, client: new Client(url) };
}

/** A port that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("Expected a port");
  return address.port;
}

/**
 * A Redis that writes down what it is told, in a folder of its own, and can be killed and started
 * again.
 */
export class TestRedis {
  readonly port: number;
  readonly #folder: string;
  #program: Program | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  static async start(folder: string): Promise<TestRedis> {
    const redis = new TestRedis(await freePort(), folder);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const settings = ["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--dir", this.#folder];
    this.#program = new Program("redis-server", ["--bind", "127.0.0.1", "--port", String(this.port), ...settings]);
    await this.#program.says(/Ready to accept connections/);
  }

  async kill(): Promise<void> {
    await this.#program?.end("SIGKILL");
  }
}
