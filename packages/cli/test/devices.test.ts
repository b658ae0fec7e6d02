/**
 * Which device is taken, where drivers answer, do not, or end the process: what is printed, and
 * what is remembered.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { adaattn, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();
const driver = join(folder, "driver.json");

beforeAll(async () => {
  await waves(48, 40).png().toFile(join(folder, "lake.png"));
  await waves(40, 48).png().toFile(join(folder, "wave.png"));
  const ICD = { library_path: "/nowhere/libvulkan_nothing.so", api_version: "1.1.0" };
  await writeFile(driver, JSON.stringify({ file_format_version: "1.0.0", ICD }));
});

const run = (args: readonly string[], cache: string, env: Record<string, string> = { VK_ICD_FILENAMES: driver }) =>
  adaattn(args, { cwd: folder, env: { ...env, XDG_CACHE_HOME: join(folder, cache), XDG_RUNTIME_DIR: "" } });
const answers = async (cache: string) => {
  const kept = join(folder, cache, "adaattn", "devices");
  const files = await readdir(kept).catch(() => []);
  return Promise.all(files.map(async (file) => [join(kept, file), await readFile(join(kept, file), "utf8")] as const));
};
const stylize = ["stylize", "lake.png", "--style", "wave.png"];

describe("a Vulkan loader without a GPU", () => {
  test("is not heard of", async () => {
    expect(await run([...stylize, "-o", "quiet.png", "--quiet"], "first")).toMatchObject({ code: 0, stderr: "" });
    expect(await answers("first")).toHaveLength(1);
  });

  test("is told of in a sentence where WebGPU is asked for", async () => {
    const asked = await run([...stylize, "-o", "never.png", "--quiet", "--device", "webgpu"], "second");
    expect(asked).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: WebGPU does not work on this machine: [^\n/]+\. Choose the device cpu or auto instead\.\n$/,
      ),
    });
    expect(existsSync(join(folder, "never.png"))).toBe(false);
  });
});

test("an answer is remembered until a driver changes, and renewed when that is asked for", async () => {
  const reason = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(["doctor", "--json", ...args], "third");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { devices } = JSON.parse(stdout) as { devices: { device: string; available: boolean; detail: string }[] };
    return devices.find(({ device }) => device === "webgpu");
  };
  const first = await reason();
  expect(first).toMatchObject({ available: false, detail: expect.stringMatching(/\w/) });
  const [[path, text] = ["", ""]] = await answers("third");
  expect(JSON.parse(text)).toEqual({ webgpu: { reason: first?.detail } });
  await writeFile(path, JSON.stringify({ webgpu: { reason: "this was remembered" } }));
  expect(await reason()).toMatchObject({ detail: "this was remembered" });
  expect(await reason("--probe")).toEqual(first);
  await writeFile(path, JSON.stringify({ webgpu: { reason: "this was remembered" } }));
  await utimes(driver, new Date(1e12), new Date(1e12));
  expect(await reason()).toEqual(first);
}, 120_000);

const software = process.env.VK_ICD_FILENAMES;
test.skipIf(!software)(
  "a driver that answers, but slower than the processor, is left alone by auto",
  async () => {
    const env = { VK_ICD_FILENAMES: software ?? "" };
    await mkdir(join(folder, "fourth"), { recursive: true });
    const made = await run([...stylize, "-o", "soft.png", "--json", "--quiet"], "fourth", env);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(made.stdout)).toMatchObject({ device: "cpu" });
    const [[, text] = ["", "{}"]] = await answers("fourth");
    const milliseconds = expect.any(Number);
    expect(JSON.parse(text)).toEqual({ webgpu: { milliseconds }, cpu: { milliseconds } });
  },
  120_000,
);
