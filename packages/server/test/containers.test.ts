/**
 * What is otherwise in containers: processes have the same number again and again, and memory is
 * limited.
 */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { totalmem } from "node:os";
import { basename, join } from "node:path";
import { expect, it, vi } from "vitest";
import { openScratch } from "../src/scratch.ts";
import { painterSettings } from "../src/settings.ts";
import { temporaryFolder } from "./helpers.ts";
import { serve } from "./processes.ts";

it("what a killed process left goes, though its number is another's by now, and what a living one has stays", async () => {
  const data = temporaryFolder();
  const { program } = await serve(["--data", data]);
  const [living = ""] = readdirSync(join(data, "scratch"));
  // Of a process that lives, but left no lock: the first in its container, as this number is here.
  const left = join(data, "scratch", "1-0badcafe");
  mkdirSync(left);
  const first = await openScratch(data);
  expect(existsSync(left)).toBe(false);
  expect(readdirSync(join(data, "scratch")).sort()).toEqual([living, basename(first.folder)].sort());
  await program.end("SIGKILL");
  await using second = await openScratch(data);
  expect(existsSync(join(data, "scratch", living))).toBe(false);
  expect([existsSync(first.folder), existsSync(second.folder)]).toEqual([true, true]);
  await first[Symbol.asyncDispose]();
  expect(existsSync(first.folder)).toBe(false);
  const locks = readdirSync(join(data, "locks"));
  expect(locks.filter((name) => !name.startsWith(basename(second.folder)))).toEqual([]);
});

it("memory is the container's where it has less than the machine", () => {
  const gigabyte = 2 ** 30;
  const limit = vi.spyOn(process, "constrainedMemory").mockReturnValue(gigabyte);
  expect(painterSettings()).toMatchObject({ workers: 1, memory: 0.75 * gigabyte });
  limit.mockReturnValue(0);
  expect(painterSettings({ workers: 1 }).memory).toBe(Math.floor(0.75 * totalmem()));
  limit.mockReturnValue(2 ** 63);
  expect(painterSettings({ workers: 1 }).memory).toBe(Math.floor(0.75 * totalmem()));
  limit.mockRestore();
});
