import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { NodeEngine } from "../../src/node/engine.ts";
import { hasHugePages, withHugePages } from "../../src/node/hugePages.ts";
import { Model } from "../../src/stylize/model.ts";
import { generatedWeights, tiny, waves } from "../models.ts";

afterEach(() => vi.unstubAllEnvs());

const KERNEL = "/sys/kernel/mm/transparent_hugepage/enabled";
const kernel = existsSync(KERNEL) ? readFileSync(KERNEL, "utf8") : "";

test("glibc is asked for huge pages beside what else it is asked for, and left alone where it was told", () => {
  const { HOME, GLIBC_TUNABLES } = withHugePages({ HOME: "/root" });
  expect(HOME).toBe("/root");
  expect(GLIBC_TUNABLES).toMatch(/^glibc\.malloc\.hugetlb=1:/);
  expect(withHugePages({ GLIBC_TUNABLES: "glibc.malloc.check=3" })).toEqual({
    GLIBC_TUNABLES: `glibc.malloc.check=3:${GLIBC_TUNABLES}`,
  });
  const told = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=0" };
  expect(withHugePages(told)).toBe(told);
});

test("they are there where the kernel gives them always, or when it is asked and glibc asks", () => {
  expect(hasHugePages({})).toBe(kernel.includes("[always]"));
  expect(hasHugePages(withHugePages({}))).toBe(kernel.includes("[always]") || kernel.includes("[madvise]"));
});

test.runIf(kernel.includes("[madvise]"))("a process that asks gets them", () => {
  const program =
    "const held = Buffer.alloc(2 ** 26, 1);" +
    "process.stdout.write(require('fs').readFileSync('/proc/self/smaps_rollup', 'utf8') + held.length);";
  const kilobytes = (env: NodeJS.ProcessEnv) => {
    const text = execFileSync(process.execPath, ["-e", program], { env, encoding: "utf8" });
    return Number(/^AnonHugePages: +(\d+) kB$/m.exec(text)?.[1]);
  };
  const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== "GLIBC_TUNABLES"));
  expect(kilobytes(withHugePages(plain)) - kilobytes(plain)).toBeGreaterThan(2 ** 15);
});

test.runIf(kernel.includes("[madvise]"))("a process that asks keeps what it gave back", () => {
  const program =
    "for (let i = 0; i < 100; i++) { Array.from({ length: 8 }, () => new Uint8Array(2 ** 22).fill(1)); gc(); }" +
    "process.stdout.write(String(process.resourceUsage().minorPageFault));";
  const faults = (env: NodeJS.ProcessEnv) =>
    Number(execFileSync(process.execPath, ["--expose-gc", "-e", program], { env }));
  const [kept, plain] = [withHugePages({}), { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" }].map(faults);
  expect(kept).toBeLessThan((plain as number) / 2);
});

test.runIf(!kernel.includes("[always]"))("without them the engine keeps its buffers, and paints the same", async () => {
  const paint = async (tunables: string) => {
    vi.stubEnv("GLIBC_TUNABLES", tunables);
    const engine = new NodeEngine({ threads: 1 });
    await using model = await Model.load("tiny", tiny, generatedWeights(tiny), engine);
    using style = await model.style(waves(48, 32));
    const pictures: Uint8ClampedArray[] = [];
    // Buffers of one size serve the next.
    for (const [width, height] of [
      [96, 64],
      [32, 48],
      [96, 64],
    ] as const) {
      pictures.push((await model.stylize(waves(width, height), style)).data);
    }
    return { keepsMemory: engine.keepsMemory, least: model.leastMemory, pictures };
  };
  const [asked, kept] = [await paint("glibc.malloc.hugetlb=1"), await paint("")];
  expect([asked.keepsMemory, kept.keepsMemory]).toEqual([!kernel.includes("[madvise]"), true]);
  expect(kept.least).toBeGreaterThanOrEqual(asked.least);
  expect(kept.pictures).toEqual(asked.pictures);
});
