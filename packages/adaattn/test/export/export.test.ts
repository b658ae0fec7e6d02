import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readFields } from "@adaattn/graph";
import * as ort from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportOnnx } from "../../src/export/onnx.ts";
import type { ExportOptions } from "../../src/export/parts.ts";
import type { Architecture } from "../../src/network/architecture.ts";
import { NodeEngine } from "../../src/node/engine.ts";
import { type Picture, toTensor } from "../../src/picture/picture.ts";
import { Model } from "../../src/stylize/model.ts";
import type { StylizeOptions } from "../../src/stylize/options.ts";
import { chosenPositions } from "../../src/stylize/positions.ts";
import { decodeHalf, encodeHalf } from "../../src/weights/half.ts";
import { generatedWeights, tiny, tinyVideo, waves } from "../models.ts";

const [content, painting] = [waves(96, 64, 1), waves(64, 48, 2)];
const size = { width: 96, height: 64 };
const styleSize = { width: 64, height: 48 };

const exported = (options: ExportOptions, architecture: Architecture = tiny) =>
  exportOnnx({ name: architecture.name, architecture, weights: generatedWeights(architecture) }, options);

const planes = (picture: Picture) =>
  new ort.Tensor("float32", toTensor(picture), [1, 3, picture.height, picture.width]);

type Tensors = Record<string, ort.Tensor>;

/** Runs a file on a plain ONNX Runtime with whatever of `known` it has inputs for. */
async function run(file: Uint8Array | undefined, known: Tensors): Promise<Tensors> {
  const session = await ort.InferenceSession.create(file ?? new Uint8Array(), { logSeverityLevel: 3 });
  try {
    const feeds = session.inputNames.map((name) => [name, known[name] ?? expect.fail(`nothing known as ${name}`)]);
    return await session.run(Object.fromEntries(feeds));
  } finally {
    await session.release();
  }
}

/** Red, green and blue bytes as the exported network paints them. */
function bytesOf({ picture }: Tensors): number[] {
  const [, , height = 0, width = 0] = picture?.dims ?? [];
  const data = picture?.data as Float32Array;
  expect(data.every((value) => value >= 0 && value <= 1)).toBe(true);
  const area = height * width;
  return Array.from({ length: 3 * area }, (_, at) =>
    Math.round((data[(at % 3) * area + Math.floor(at / 3)] ?? 0) * 255),
  );
}

/** What the library itself paints. */
async function painted(
  architecture: Architecture,
  weights = generatedWeights(architecture),
  controls: StylizeOptions = {},
): Promise<number[]> {
  await using model = await Model.load(architecture.name, architecture, weights, new NodeEngine({ device: "cpu" }));
  const style = await model.style(painting);
  const { data } = await model.stylize(content, style, controls);
  return Array.from(data).filter((_, at) => at % 4 < 3);
}

const largestDifference = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length ? Math.max(...a.map((value, at) => Math.abs(value - (b[at] ?? 0)))) : Number.NaN;

describe.each([tiny, tinyVideo])("$name", (architecture) => {
  let expected: number[];
  beforeAll(async () => {
    expected = await painted(architecture);
  });

  test.each<ExportOptions>([{}, { portable: true }, { size }, { portable: true, size }])(
    "paints what the library paints in one file (%j)",
    async (options) => {
      const files = exported({ styleSize, ...options }, architecture);
      expect(Object.keys(files)).toEqual(["model.onnx", "README.md"]);
      const given = await run(files["model.onnx"], { content: planes(content), style: planes(painting) });
      expect(largestDifference(bytesOf(given), expected)).toBeLessThanOrEqual(1);
    },
  );

  test.each<ExportOptions>([{}, { portable: true }])("and in parts (%j)", async (options) => {
    const files = exported({ parts: "split", ...options }, architecture);
    const source = { painting, stroke: 1, choice: { seed: 0 }, notes: [] };
    const chosen = architecture.attention.modules.map((module): [string, ort.Tensor] => {
      const positions = chosenPositions(architecture.attention, module, source, styleSize);
      return [`chosen${module.level}`, new ort.Tensor("int64", positions, [positions.length])];
    });
    const encode = (picture: Picture) => run(files["encode.onnx"], { picture: planes(picture) });
    const style = await run(files["style.onnx"], { ...(await encode(painting)), ...Object.fromEntries(chosen) });
    const known: Tensors = { ...style, ...(await encode(content)) };
    Object.assign(known, await run(files["statistics.onnx"], known));
    for (const { level } of architecture.attention.modules) {
      const ofLevel = Object.entries(known).flatMap(([name, tensor]) =>
        name.endsWith(String(level)) ? [[name.slice(0, -1), tensor]] : [],
      );
      const maps = await run(files[`attend${level}.onnx`], Object.fromEntries(ofLevel));
      for (const [name, tensor] of Object.entries(maps)) known[`${name}${level}`] = tensor;
    }
    const given = await run(files["decode.onnx"], known);
    expect(largestDifference(bytesOf(given), expected)).toBeLessThanOrEqual(1);
  });
});

test("grain is that of the library", async () => {
  const grain = 0.5;
  const files = exported({ styleSize, size, grain });
  const given = await run(files["model.onnx"], { content: planes(content), style: planes(painting) });
  const expected = await painted(tiny, generatedWeights(tiny), { grain });
  expect(largestDifference(bytesOf(given), expected)).toBeLessThanOrEqual(1);
  expect(largestDifference(bytesOf(given), await painted(tiny))).toBeGreaterThan(3);
});

test("weights of 16 bits take half the bytes and count as what they are rounded to", async () => {
  const [whole, half] = [false, true].map((half) => exported({ styleSize, half })["model.onnx"]);
  const weights = [...generatedWeights(tiny).values()];
  const stored = weights.reduce((sum, { length }) => sum + length, 0);
  expect((whole?.length ?? 0) - (half?.length ?? 0)).toBeGreaterThan(1.8 * stored);
  const rounded = new Map(
    [...generatedWeights(tiny)].map(([name, values]) => [
      name,
      name.endsWith(".bias") ? values : decodeHalf(encodeHalf(values)),
    ]),
  );
  const given = await run(half, { content: planes(content), style: planes(painting) });
  expect(largestDifference(bytesOf(given), await painted(tiny, rounded))).toBeLessThanOrEqual(1);
});

test("an encoder of 8 bits paints nearly the same", async () => {
  const file = exported({ styleSize, int8Encoder: true })["model.onnx"];
  const given = bytesOf(await run(file, { content: planes(content), style: planes(painting) }));
  const expected = await painted(tiny);
  const mean = given.reduce((sum, value, at) => sum + Math.abs(value - (expected[at] ?? 0)), 0) / given.length;
  expect(mean).toBeGreaterThan(0);
  expect(mean).toBeLessThan(2);
});

describe("portable files", () => {
  let folder: string;
  const files: Record<string, Uint8Array> = {
    ...exported({ portable: true, parts: "split" }),
    ...exported({ portable: true, half: true, int8Encoder: true }),
    "video.onnx": exported({ portable: true, size }, tinyVideo)["model.onnx"] ?? new Uint8Array(),
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "adaattn-export-"));
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The domains of a model's nodes; fields 7 of ModelProto, 1 of GraphProto and 7 of NodeProto. */
  function domains(bytes: Uint8Array): Set<string> {
    const within = (message: Uint8Array, field: number) =>
      [...readFields(message)].flatMap(({ number, value }) =>
        number === field && value instanceof Uint8Array ? [value] : [],
      );
    const nodes = within(bytes, 7).flatMap((graph) => within(graph, 1));
    return new Set(nodes.flatMap((node) => within(node, 7)).map((domain) => new TextDecoder().decode(domain)));
  }

  test("have no operators of Microsoft's, which others have", () => {
    for (const [name, bytes] of Object.entries(files)) {
      if (name.endsWith(".onnx")) expect([...domains(bytes)]).toEqual([]);
    }
    expect([...domains(exported({})["model.onnx"] ?? new Uint8Array())]).toEqual(["com.microsoft"]);
  });

  test("run on ONNX Runtime for browsers", async () => {
    const session = await web.InferenceSession.create(files["model.onnx"] ?? new Uint8Array());
    const feeds = { content: waves(64, 64), style: waves(512, 512) };
    const tensors = Object.entries(feeds).map(([name, picture]) => {
      const { data, dims } = planes(picture);
      return [name, new web.Tensor("float32", data as Float32Array, dims)];
    });
    const { picture } = await session.run(Object.fromEntries(tensors));
    const native = await run(files["model.onnx"], { content: planes(feeds.content), style: planes(feeds.style) });
    const [given, expected] = [picture, native.picture].map((tensor) => Array.from(tensor?.data as Float32Array));
    expect(largestDifference(given ?? [], expected ?? [])).toBeLessThan(1e-3);
    await session.release();
  });

  const python = "/usr/bin/python3";
  test("are sound to onnx.checker", async ({ skip }) => {
    const execute = promisify(execFile);
    const found = await execute(python, ["-c", "import onnx"]).catch(() => undefined);
    if (found === undefined && process.env.CI !== "true") skip("python3-onnx is not installed");
    const script = `
import glob, onnx
for file in sorted(glob.glob("*.onnx")):
    onnx.checker.check_model(onnx.load(file), full_check=True)
    print(file)`;
    const { stdout } = await execute(python, ["-c", script], { cwd: folder });
    expect(stdout.trim().split("\n")).toEqual(
      Object.keys(files)
        .filter((name) => name.endsWith(".onnx"))
        .sort(),
    );
  });
});

describe("the README", () => {
  const readme = (options: ExportOptions) => new TextDecoder().decode(exported(options)["README.md"]);

  test("lists what goes in and comes out", () => {
    const text = readme({ size: { height: 96, width: 128 } });
    expect(text).toContain("| in | content | float32 [1, 3, 96, 128] | the photograph |");
    expect(text).toContain("| in | style | float32 [1, 3, 512, 512] | the painting |");
    expect(text).toContain("| out | picture | float32 [1, 3, 96, 128] | a picture |");
    expect(text).toContain('content: await planes("photo.jpg", 128, 96)');
  });

  test("says of parts how many positions they are made for", () => {
    expect(readme({ parts: "split" })).toContain("is made for at most 40 of them, on a regular grid");
    expect(readme({ parts: "split" })).toContain("## attend5.onnx");
  });
});

test("sizes that the network cannot take are refused", () => {
  expect(() => exported({ size: { height: 40, width: 32 } })).toThrow(
    "Expected multiples of 16 from 32 on for the size of photographs but received 40x32 (height x width).",
  );
  expect(() => exported({ styleSize: { height: 16, width: 32 } })).toThrow("the size of paintings but received 16x32");
  expect(() => exported({ parts: "split", styleSize })).toThrow("Expected no size for an export in parts");
});

test("grain without a size, and grain that there is not, are refused", () => {
  expect(() => exported({ grain: 0.5 })).toThrow("Expected a size of photographs beside the grain");
  expect(() => exported({ parts: "split", grain: 0.5 })).toThrow("Expected a size of photographs beside the grain");
  expect(() => exported({ size, grain: 1.5 })).toThrow("Expected a number from 0 to 1 for grain but received 1.5");
});
