import { describe, expect, test } from "vitest";
import { gatherWeights, type ImportTarget, importTarget, type WeightFile } from "../../src/import/released.ts";
import type { StoredType, TensorEntry } from "../../src/weights/stored.ts";

/** A tensor that counts how often it is read; every value is `value`. */
function entry(shape: readonly number[], value = 1, dtype: StoredType = "F32"): TensorEntry & { reads: number } {
  const made = {
    dtype,
    shape,
    reads: 0,
    async read() {
      made.reads++;
      const length = shape.reduce((product, size) => product * size, 1);
      return dtype === "I64" ? new BigInt64Array(length) : new Float32Array(length).fill(value);
    },
  };
  return made;
}

/**
 * The released files of a target, every tensor of a part filled with the part's number; the encoder
 * is part 0.
 */
function files(target: ImportTarget): (WeightFile & { tensors: Map<string, TensorEntry> })[] {
  return target.parts.map(({ file, layouts: [layout] }, part) => ({
    name: file,
    tensors: new Map([...(layout?.tensors.values() ?? [])].map(({ name, shape }) => [name, entry(shape, part)])),
  }));
}

/** Names with something before them. */
function prefixed(file: WeightFile, prefix: string): WeightFile {
  return { ...file, tensors: new Map([...file.tensors].map(([name, tensor]) => [prefix + name, tensor])) };
}

const video = importTarget("video");
const image = importTarget("image");

describe("parts are found by their tensors", () => {
  test("in any order, under any prefix, with others beside them that are never read", async () => {
    const [encoder, attention, decoder] = files(video);
    if (!encoder || !attention || !decoder) throw new Error("Expected three files");
    const unused = entry([512, 512, 3, 3]);
    encoder.tensors.set("45.weight", unused);
    const shuffled = [prefixed(decoder, "decoder."), encoder, prefixed(attention, "state_dict.module.")];
    const { weights, encoder: layout, from } = await gatherWeights(video, shuffled);
    expect([...weights.keys()]).toEqual([...video.shapes.keys()]);
    expect(weights.get("vgg.16.weight")?.[0]).toBe(0);
    expect(weights.get("video.transformer.f.weight")).toHaveLength(448 * 448);
    expect(weights.get("video.transformer.f.bias")).toEqual(new Float32Array(448).fill(1));
    expect(weights.get("video.decoder.24.bias")).toEqual(new Float32Array(3).fill(2));
    expect(layout).toBe("normalised");
    expect([...from]).toEqual([
      ["the encoder", "vgg_normalised.pth"],
      ["the attention", "latest_net_transformer.pth"],
      ["the decoder", "latest_net_decoder.pth"],
    ]);
    expect(unused.reads).toBe(0);
  });

  test("all in one file under the names of the architecture", async () => {
    const tensors = new Map([...video.shapes].map(([name, shape]) => [name, entry(shape)]));
    expect((await gatherWeights(video, [{ name: "all", tensors }])).weights.size).toBe(video.shapes.size);
  });

  test("modules of the same names by their shapes", async () => {
    const { weights } = await gatherWeights(image, files(image).reverse());
    expect(weights.get("adaattn_3.f.bias")).toEqual(new Float32Array(448).fill(1));
    expect(weights.get("transformer.attn_adain_4_1.f.bias")).toEqual(new Float32Array(960).fill(2));
  });
});

describe("what does not fit is listed", () => {
  /** How the files are refused after a change. */
  async function refusal(change: (files: ReturnType<typeof released>) => WeightFile[] | undefined): Promise<string> {
    const all = released();
    try {
      await gatherWeights(image, change(all) ?? all.list);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return "not refused";
  }

  function released() {
    const list = files(image);
    const [encoder, three, transformer, decoder] = list;
    if (!encoder || !three || !transformer || !decoder) throw new Error("Expected four files");
    return { list, encoder, three, transformer, decoder };
  }

  test("every tensor by name, with the file and both shapes", async () => {
    const message = await refusal(({ transformer, decoder, three }) => {
      transformer.tensors.delete("merge_conv.bias");
      decoder.tensors.set("decoder_layer_1.1.weight", entry([256, 256, 3, 3]));
      three.tensors.set("h.bias", entry([256], 1, "I64"));
      return undefined;
    });
    expect(message).toMatchInlineSnapshot(`
      "The files do not fit vgg19-image:
        h.bias in latest_net_adaattn_3.pth holds I64 values where floats are needed.
        merge_conv.bias is missing in latest_net_transformer.pth.
        decoder_layer_1.1.weight in latest_net_decoder.pth has the shape [256, 256, 3, 3] where [256, 512, 3, 3] is needed."
    `);
  });

  test("parts that no file holds", async () => {
    expect(await refusal(({ encoder, decoder }) => [encoder, decoder])).toMatchInlineSnapshot(`
      "The files do not fit vgg19-image:
        no file holds the attention of level 3 (f.weight and others, released as latest_net_adaattn_3.pth).
        no file holds the attention of levels 4 and 5 (attn_adain_4_1.f.weight and others, released as latest_net_transformer.pth)."
    `);
  });

  test("a part in two files, or twice in one", async () => {
    expect(await refusal(({ list, three }) => [...list, { ...three, name: "copy.pth" }])).toMatch(
      "the attention of level 3 is in latest_net_adaattn_3.pth and in copy.pth; give only one of them.",
    );
    const twice = await refusal(({ list, decoder }) => {
      for (const [name, tensor] of prefixed(decoder, "ema.").tensors) decoder.tensors.set(name, tensor);
      return list;
    });
    expect(twice).toMatch('the decoder is in latest_net_decoder.pth and in latest_net_decoder.pth under "ema."');
  });

  test("a value that is not finite", async () => {
    const message = await refusal(({ three }) => void three.tensors.set("g.bias", entry([448], Number.NaN)));
    expect(message).toBe(
      "Expected finite values for g.bias in latest_net_adaattn_3.pth but it holds NaN; get the file again.",
    );
  });
});

describe("VGG-19 of other programs", () => {
  const [normalized] = files(importTarget("video"));
  const others = files(video).slice(1);
  const convolutions = [...(normalized?.tensors ?? [])].filter(([name]) => name !== "0.weight" && name !== "0.bias");

  test("torchvision's: same kernels, colors prepared by the first convolution", async () => {
    const index = [0, 2, 5, 7, 10];
    const tensors = new Map(
      convolutions.map(([name, { shape }], at) => [
        `features.${index[at >> 1]}.${name.split(".")[1]}`,
        entry(shape, at),
      ]),
    );
    const { weights, encoder } = await gatherWeights(video, [{ name: "vgg19.pth", tensors }, ...others]);
    expect(encoder).toBe("torchvision");
    expect(weights.get("vgg.12.weight")?.[0]).toBe(6);
    const matrix = weights.get("vgg.0.weight") ?? [];
    const bias = weights.get("vgg.0.bias") ?? [];
    // A gray of 0.5 becomes (0.5 - mean) / deviation.
    const gray = [0, 1, 2].map((row) => 0.5 * (matrix[row * 3 + row] ?? 0) + (bias[row] ?? 0));
    [(0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225].forEach((expected, row) => {
      expect(gray[row]).toBeCloseTo(expected, 5);
    });
  });

  test.each([
    (layer: string, kind: string) => `${layer}/${kind}`,
    (layer: string, kind: string) => `${layer}/${kind}:0`,
    (layer: string, kind: string) => `${layer}/${layer}/${kind}:0`,
    (layer: string, kind: string) => `${layer}/${layer}_${kind === "kernel" ? "W" : "b"}_1:0`,
    (layer: string, kind: string) => `layers.${layer}.${kind}`,
  ])("Keras's, spelling %#: kernels turned, colors from RGB to BGR of 255", async (spell) => {
    const layers = ["1_1", "1_2", "2_1", "2_2", "3_1"];
    const tensors = new Map<string, TensorEntry>();
    for (const [at, [name, { shape }]] of convolutions.entries()) {
      const layer = `block${layers[at >> 1]?.replace("_", "_conv")}`;
      const [outputs = 0, inputs = 0, height = 0, width = 0] = shape;
      tensors.set(spell(layer, "bias"), entry([outputs]));
      if (name.endsWith("bias")) continue;
      const kernel = entry([height, width, inputs, outputs]);
      // The value says where it lies: [row, column, input, output].
      kernel.read = async () => Float32Array.from({ length: height * width * inputs * outputs }, (_, place) => place);
      tensors.set(spell(layer, "kernel"), kernel);
    }
    const { weights, encoder } = await gatherWeights(video, [{ name: "vgg19.npz", tensors }, ...others]);
    expect(encoder).toBe("keras");
    const at = (output: number, entering: number, row: number, column: number) =>
      weights.get("vgg.5.weight")?.[((output * 64 + entering) * 3 + row) * 3 + column];
    expect([at(0, 0, 0, 0), at(1, 0, 0, 0), at(5, 7, 2, 1)]).toEqual([0, 1, ((2 * 3 + 1) * 64 + 7) * 64 + 5]);
    expect([...(weights.get("vgg.0.weight") ?? [])]).toEqual([0, 0, 255, 0, 255, 0, 255, 0, 0]);
    expect(weights.get("vgg.0.bias")?.[0]).toBeCloseTo(-103.939, 3);
  });
});
