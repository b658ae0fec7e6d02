import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { importTarget } from "adaattn/import";
import { parametersOf, readSafetensors } from "adaattn/network";
import { readModel } from "adaattn/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { npy, torchZip, type Written, zip } from "../../adaattn/test/tensorFiles.ts";
import { adaattn, run as runCommand, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();

/** Small numbers that differ, so that a tensor in the wrong place shows. */
const ramp = (length: number, scale: number) =>
  Float32Array.from({ length }, (_, at) => scale * (((at * 7919) % 1009) / 1009 - 0.4));

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** The released video network in three files. */
async function release(): Promise<Uint8Array[]> {
  return importTarget("video").parts.map(({ layouts: [layout] }) => {
    const tensors = [...(layout?.tensors.values() ?? [])].map(({ name, shape }): [string, Written] => [
      name,
      { shape, data: ramp(sizeOf(shape), 0.1) },
    ]);
    return torchZip(new Map(tensors));
  });
}

const server = createServer((request, response) => {
  const file = request.url === "/encoder.pth" ? files[0] : undefined;
  if (file === undefined) response.writeHead(404).end();
  else response.end(file);
});
let files: Uint8Array[] = [];
let address = "";

beforeAll(async () => {
  files = await release();
  await Promise.all(
    ["encoder.pth", "attention.pth", "decoder.pth"].map((name, at) => writeFile(join(folder, name), files[at] ?? "")),
  );
  await mkdir(join(folder, "photos"));
  for (const [name, width] of [
    ["a", 64],
    ["b", 48],
  ] as const) {
    await waves(width, 48)
      .png()
      .toFile(join(folder, "photos", `${name}.png`));
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const run = (...args: string[]) =>
  adaattn(["import", ...args], { cwd: folder, env: { XDG_CACHE_HOME: join(folder, "cache") } });

describe("a model is imported", () => {
  test("from files in any order, and stylizes afterwards", async () => {
    const { code, stdout, stderr } = await run(
      "--video",
      "decoder.pth",
      "attention.pth",
      "encoder.pth",
      "-o",
      "released",
      "--quiet",
      "--json",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      output: "released",
      name: "vgg19-video",
      encoder: "normalised",
      parts: { "the decoder": { file: "decoder.pth", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      unused: [],
    });
    const painted = await adaattn(
      [
        "stylize",
        "photos/a.png",
        "--style",
        "photos/b.png",
        "-o",
        "out.png",
        "--model",
        "./released",
        "--quiet",
        "--device",
        "cpu",
      ],
      { cwd: folder },
    );
    expect(painted).toMatchObject({ code: 0, stderr: "" });
  });

  test("in half the size, with what was not needed named", async () => {
    await writeFile(join(folder, "spare.npz"), zip([["x.npy", { content: npy([1], ramp(1, 1)) }]]));
    const { code, stdout } = await run(
      "--video",
      "encoder.pth",
      "attention.pth",
      "decoder.pth",
      "spare.npz",
      "-o",
      "half",
      "--half",
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^half: vgg19-video, 3\.3 million parameters\n {2}the encoder: encoder\.pth \(SHA-256 [0-9a-f]{64}\)\n/,
    );
    expect(stdout).toMatch("nothing was taken from spare.npz");
    const { tensors } = readSafetensors(await readFile(join(folder, "half", "model.safetensors")));
    expect(tensors.get("vgg.2.bias")?.dtype).toBe("F16");
  });

  test("from a URL, by its checksum", async () => {
    const sha256 = createHash("sha256")
      .update(files[0] ?? "")
      .digest("hex");
    const rest = ["attention.pth", "decoder.pth", "-o", "fetched", "--quiet"];
    expect(await run("--video", `${address}/encoder.pth`, ...rest, "--sha256", sha256)).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect(await readdir(join(folder, "cache", "adaattn"))).toEqual([expect.stringMatching(/-encoder\.pth$/)]);
    const wrong = await run("--video", `${address}/encoder.pth`, ...rest.with(3, "other"), "--sha256", "0".repeat(64));
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong.stderr).toMatch(/its SHA-256 is [0-9a-f]{64} where 0{64} was expected/);
    expect(await readdir(folder)).not.toContain("other");
  });

  test("with torchvision's VGG-19, normalized over photographs", async () => {
    const layout = importTarget("video").parts[0]?.layouts.find(({ kind }) => kind === "torchvision");
    const tensors = [...(layout?.tensors.values() ?? [])].map(({ name, shape }): [string, Written] => [
      `features.${name}`,
      { shape, data: ramp(sizeOf(shape), shape.length > 1 ? 2 / Math.sqrt(sizeOf(shape.slice(1))) : 0.1) },
    ]);
    await writeFile(join(folder, "vgg19.pth"), torchZip(new Map(tensors)));
    const args = ["--video", "vgg19.pth", "attention.pth", "decoder.pth", "-o", "normalised"];
    const without = await run(...args);
    expect(without.code).toBe(2);
    expect(without.stderr).toMatch(
      /photographs to normalize the encoder of vgg19\.pth over, since it is torchvision's, but received none\. Name a folder/,
    );
    const { code, stdout } = await run(...args, "--pictures", "photos");
    expect(code).toBe(0);
    expect(stdout).toMatch("the encoder was torchvision's and has been normalized over the photographs");
    const { architecture, weights } = await readModel(join(folder, "normalised"));
    expect([...weights.keys()]).toEqual([...parametersOf(architecture).keys()]);
    expect(weights.get("vgg.0.weight")?.[0]).toBeCloseTo(1 / 0.229, 4);
  });
});

/**
 * A module `keras` whose VGG-19 has the names and shapes of the true one, and kernels of numbers
 * made up.
 */
const KERAS = `
import types
import numpy

class Weight:
    def __init__(self, path, value):
        self.path = path
        self.numpy = lambda: value

def VGG19(include_top):
    weights, inputs = [], 3
    numbers = numpy.random.default_rng(1)
    for block, (layers, outputs) in enumerate([(2, 64), (2, 128), (4, 256), (4, 512), (4, 512)], 1):
        for layer in range(1, layers + 1):
            kernel = numbers.standard_normal((3, 3, inputs, outputs), numpy.float32) * (2 / (9 * inputs)) ** 0.5
            weights.append(Weight(f"block{block}_conv{layer}/kernel", kernel))
            weights.append(Weight(f"block{block}_conv{layer}/bias", numpy.zeros(outputs, numpy.float32)))
            inputs = outputs
    return types.SimpleNamespace(weights=weights)

applications = types.SimpleNamespace(VGG19=VGG19)
`;

test("the documented lines of Python bring Keras's VGG-19, normalized over photographs", async ({ skip }) => {
  const python = "/usr/bin/python3";
  const { code: lacking } = await runCommand([python, "-c", "import numpy"]).catch(() => ({ code: 1 }));
  if (lacking !== 0 && process.env.CI !== "true") skip("python3-numpy is not installed");
  const page = await readFile(new URL("../../../docs/importing.md", import.meta.url), "utf8");
  const [, program = ""] = /```python\n(.*?)```/s.exec(page) ?? [];
  await writeFile(join(folder, "keras.py"), KERAS);
  await writeFile(join(folder, "documented.py"), program);
  expect(await runCommand([python, "documented.py"], { cwd: folder })).toMatchObject({ code: 0, stderr: "" });

  const args = ["--encoder", "vgg19.npz", "--pictures", "photos", "-o", "keras.safetensors", "--quiet", "--json"];
  const { code, stdout, stderr } = await run(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({ encoder: "keras" });
  const { tensors } = readSafetensors(await readFile(join(folder, "keras.safetensors")));
  // Blue, green and red of 255 from red, green and blue of 1.
  expect([...(tensors.get("0.weight")?.data ?? [])]).toEqual([0, 0, 255, 0, 255, 0, 255, 0, 0]);
  expect(tensors.get("2.weight")?.shape).toEqual([64, 3, 3, 3]);
});

describe.concurrent("what cannot be imported is refused, and nothing is left", () => {
  test.each<[string, string[], number, RegExp]>([
    ["no network named", ["encoder.pth", "-o", "x"], 2, /one of --image, --video and --encoder/],
    [
      "two networks named",
      ["--image", "--video", "encoder.pth", "-o", "x"],
      2,
      /one of --image, --video and --encoder/,
    ],
    ["no output", ["--image", "encoder.pth"], 2, /required option '-o, --output/],
    [
      "a checksum of no URL",
      ["--image", "encoder.pth", "-o", "x", "--sha256", "0".repeat(64)],
      2,
      /0 times, but received it 1 times/,
    ],
    ["a checksum that is none", ["--image", "https://a/b", "-o", "x", "--sha256", "12"], 2, /64 hexadecimal digits/],
    ["plain http without a checksum", ["--image", "http://127.0.0.1:9/a.pth", "-o", "x"], 1, /only https is safe/],
    ["a file that is missing", ["--image", "nowhere.pth", "-o", "x"], 1, /Cannot read nowhere\.pth: it does not exist/],
    ["a picture", ["--image", "photos/a.png", "-o", "x"], 1, /Cannot read photos\/a\.png: Expected a checkpoint/],
    [
      "parts that are missing",
      ["--video", "encoder.pth", "-o", "x"],
      1,
      /no file holds the attention .*\n.*no file holds the decoder/,
    ],
    [
      "a folder that holds files",
      ["--video", "encoder.pth", "-o", "photos"],
      1,
      /Cannot write photos: it holds files already/,
    ],
    ["a folder in no folder", ["--video", "encoder.pth", "-o", "no/where"], 1, /the folder no does not exist/],
  ])("%s", async (_, args, code, message) => {
    const outcome = await run(...args);
    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr).toMatch(message);
    expect(await readdir(folder)).not.toContain("x");
  });
});
