/**
 * `npm run setup:test` and `npm test` on a machine that lacks everything, played by programs that
 * only write down how they are called.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";

const scripts = new URL("..", import.meta.url).pathname;
const machine = mkdtempSync(join(tmpdir(), "setup-"));
const calls = join(machine, "calls");
afterAll(() => rmSync(machine, { recursive: true, force: true }));

beforeEach(() => {
  rmSync(join(machine, "bin"), { recursive: true, force: true });
  rmSync(calls, { force: true });
  mkdirSync(join(machine, "bin"));
  for (const name of ["bash", "dirname", "env", "grep", "mktemp", "rm", "sed", "sort", "tail", "tr"]) {
    const found = ["/usr/bin", "/bin"].map((folder) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) symlinkSync(found, join(machine, "bin", name));
  }
  program("uname", "echo Linux");
  for (const name of ["npm", "npx", "apt-get", "sudo", "brew"]) program(name, `echo "${name} $*" >>"$CALLS"`);
});

function program(name: string, body: string): void {
  writeFileSync(join(machine, "bin", name), `#!/bin/bash\n${body}\n`, { mode: 0o755 });
}

function run(script: string, ci: "true" | "" = "") {
  const env = { PATH: join(machine, "bin"), CALLS: calls, CI: ci, TMPDIR: machine };
  const { status, stderr } = spawnSync("/bin/bash", [join(scripts, script)], { encoding: "utf8", env });
  const lines = existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : [];
  return { status, stderr, calls: lines };
}

test("npm test installs nothing, names each missing part and goes on", () => {
  const { status, stderr, calls } = run("test.sh");
  expect(status).toBe(0);
  expect(stderr).toContain(
    "SKIPPED: every test of video files. It needs ffmpeg: npm run setup:test, or apt-get install ffmpeg",
  );
  expect(stderr).toContain("SKIPPED: every test of jobs across machines. It needs redis");
  expect(calls).toEqual(["npm run --silent check", "npm run --silent build", "npx vitest run"]);
});

test("npm test fails in CI before anything runs where a part is missing", () => {
  const { status, stderr, calls } = run("test.sh", "true");
  expect(status).toBe(1);
  expect(stderr).toContain("With CI=true nothing may be skipped.");
  expect(calls).toEqual([]);
});

test("npm run setup:test installs what is missing by apt, each package once, and says what it could not", () => {
  const { status, stderr, calls } = run("setup-test.sh");
  expect(calls.filter((call) => call.includes("apt-get") && call.includes("update"))).toHaveLength(1);
  const install = calls.find((call) => call.includes("install -y --no-install-recommends")) ?? "";
  for (const name of ["chromium", "ffmpeg", "redis-server"])
    expect(install.split(" ").filter((word) => word === name)).toHaveLength(1);
  expect(stderr).toContain("Could not install ffmpeg, without which the tests skip every test of video files.");
  expect(status).toBe(0);
  expect(run("setup-test.sh", "true").status).toBe(1);
});

test("npm run setup:test asks Homebrew on macOS", () => {
  program("uname", "echo Darwin");
  rmSync(join(machine, "bin", "apt-get"));
  expect(run("setup-test.sh").calls).toContain("brew install ffmpeg redis");
});
