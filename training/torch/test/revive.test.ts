/** Channels that died are found and woken, and the picture stays. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, writeSafetensors } from "adaattn/network";
import { loadModel, readPicture } from "adaattn/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { here, left, PYTHON, run } from "./python.ts";

const root = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const floats = (tensor: { data: ArrayLike<number | bigint> } | undefined) =>
  Float32Array.from(tensor?.data ?? [], Number);

describe.skipIf(left)("revive.py", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "adaattn-revive-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("tells which channels are dead, wakes them, and leaves the picture as it is", async () => {
    const folders = { dead: join(folder, "dead"), woken: join(folder, "woken") };
    for (const path of Object.values(folders)) {
      await mkdir(path);
      await writeFile(join(path, "model.json"), JSON.stringify({ architecture: "small-video" }));
    }
    const [dead, woken] = [join(folders.dead, "model.safetensors"), join(folders.woken, "model.safetensors")];
    const { tensors } = readSafetensors(await readFile(root("models/small-video/model.safetensors")));
    const killed = new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: floats(tensor) }]));
    killed.get("decoder.3_2.weight")?.data.fill(0, 0, 20 * 64 * 9);
    killed.get("decoder.3_2.bias")?.data.fill(-1, 0, 20);
    await writeFile(dead, writeSafetensors(killed, { architecture: "small-video" }));
    const pictures = ["--content", root("assets/contents"), "--style", root("assets/paintings"), "--pictures", "3"];
    const revive = (...args: string[]) =>
      run([PYTHON, here("revive.py"), ...args, "--preset", "small-video", ...pictures]);
    const count = (text: string) => Number(/decoder\.3_2: (\d+) of 64 dead/.exec(text)?.[1] ?? Number.NaN);

    const mended = await revive(dead, "--out", woken);
    expect(mended).toMatchObject({ code: 0, stderr: "" });
    expect(count(mended.stdout)).toBeGreaterThanOrEqual(20);
    expect(mended.stdout).toMatch(/decoder\.3_2: \d+ of 64 dead, now 0/);
    const before = await stat(woken);
    const told = await revive(woken);
    expect(told).toMatchObject({ code: 0, stderr: "" });
    expect(count(told.stdout)).toBe(0);
    expect(told.stdout).not.toContain("now");
    expect((await stat(woken)).mtimeMs).toBe(before.mtimeMs);

    const now = readSafetensors(await readFile(woken)).tensors;
    const [going, coming] = [floats(now.get("decoder.3_1.weight")), floats(now.get("decoder.3_2.weight"))];
    for (let channel = 0; channel < 20; channel++) {
      // Something goes in, nothing comes out yet: what is new must prove useful first.
      expect(coming.subarray(channel * 64 * 9, (channel + 1) * 64 * 9).every((value) => value === 0)).toBe(false);
      for (let output = 0; output < 32; output++) {
        const start = (output * 64 + channel) * 9;
        expect(going.subarray(start, start + 9).every((value) => value === 0)).toBe(true);
      }
    }
    const [photograph, painting] = await Promise.all([
      readPicture(root("assets/contents/bee.jpg")),
      readPicture(root("assets/paintings/monet-irises.jpg")),
    ]);
    const paint = async (path: string) => {
      await using model = await loadModel(path, { device: "cpu" });
      using style = await model.style(painting, { size: 128 });
      return (await model.stylize(photograph, style, { size: 160 })).data;
    };
    const [one, other] = [await paint(folders.dead), await paint(folders.woken)];
    const mean = one.reduce((sum, value, at) => sum + Math.abs(value - (other[at] ?? 255)), 0) / one.length;
    expect(mean).toBeLessThan(0.25);
  });
});
