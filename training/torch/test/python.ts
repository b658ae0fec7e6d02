/** Starts the trainer in PyTorch, where that is installed, and says so where it is not. */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Debian's interpreter, which has Debian's PyTorch, wherever another comes first on the PATH. */
export const PYTHON = "/usr/bin/python3";

/** A file of training/torch. */
export const here = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const SEARCH = `
import importlib.util, sys
sys.exit(any(importlib.util.find_spec(name) is None for name in ("torch", "numpy", "PIL")))`;

/** Whether these tests are left out: without PyTorch they are, but not in CI, where they fail. */
export const left = process.env.CI !== "true" && spawnSync(PYTHON, ["-c", SEARCH], { stdio: "ignore" }).status !== 0;
if (left) console.warn("SKIPPED: tests of training/torch need PyTorch; on Debian: apt-get install python3-torch");

/** How a program ended and what it printed. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command; `end` gets SIGTERM as soon as stdout holds that text. */
export function run(command: readonly string[], { end }: { end?: string } = {}): Promise<Outcome> {
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    // Two tests and their processes share the cores: one thread each. Python would otherwise leave
    // __pycache__ in the sources.
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1" };
    const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const printed = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const before = printed.stdout;
      printed.stdout += text;
      if (end !== undefined && !before.includes(end) && printed.stdout.includes(end)) child.kill("SIGTERM");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      printed.stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...printed }));
  });
}
