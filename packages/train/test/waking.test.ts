import {
  constant,
  evaluate,
  gradients,
  input,
  multiply,
  type NdArray,
  ndarray,
  reduceSum,
  type Tensor,
  toOnnx,
} from "@adaattn/graph";
import {
  calm,
  calmNorm,
  initializeConvolutions,
  paint,
  Random,
  sleepiness,
  sleepLoss,
  supervisionHeads,
  supervisionLoss,
} from "@adaattn/train";
import {
  type Architecture,
  architectureNamed,
  constantWeights,
  normalize,
  outputOf,
  parametersOf,
} from "adaattn/network";
import { NodeEngine } from "adaattn/node";
import { describe, expect, test } from "vitest";
import { firstWeights, miniature, randomEncoder } from "./miniature.ts";

const dataOf = (tensor: Tensor, feeds: Record<string, NdArray>) => [...(evaluate([tensor], feeds)[0]?.data ?? [])];

describe("a gradient that is held", () => {
  test.each([
    ["of an odd number of pictures", [1, 2, 10], [1, 2, 4]],
    ["of an even number, the lower median", [3, 1, 2, 100], [3, 1, 2, 4]],
    ["of one picture", [7], [7]],
    ["of equal ones", [0, 0, 0], [0, 0, 0]],
  ])("has no picture's longer than twice the median, %s", (_, lengths, wanted) => {
    // Each picture's gradient points along (3, 4) / 5.
    const values = (list: readonly number[]) => list.flatMap((length) => [0.6 * length, 0.8 * length]);
    const shape = [lengths.length, 2, 1, 1];
    const held = dataOf(calm(input("dy", shape)), { dy: ndarray(values(lengths), shape) });
    for (const [at, value] of values(wanted).entries()) expect(held[at]).toBeCloseTo(value, 9);
  });

  test("by Norm is divided by no less than shares of the batch's deviations", () => {
    // Unbiased deviations of 2, 2 in the first picture and 0.02, 2 in the second.
    const shape = [2, 2, 1, 2];
    const r = Math.SQRT2;
    const feeds = { x: ndarray([-r, r, 1, 1 + 2 * r, -r / 100, r / 100, 5, 5 - 2 * r], shape) };
    const x = input("x", shape);
    const probe = constant(Float32Array.of(1, 2, 3, 5, 8, 1, 4, 2), shape);
    const [plain, held] = [(y: Tensor) => y, calmNorm].map((before) => {
      const output = normalize(before(x));
      const [slope] = gradients(reduceSum(multiply(output, probe)), [x]);
      return { output: dataOf(output, feeds), slope: dataOf(slope as Tensor, feeds) };
    });
    expect(held?.output).toEqual(plain?.output);
    // Of two values only rounding is left of a gradient through Norm but for the epsilon: what is
    // compared is the factor.
    const factors = held?.slope.map((value, at) => value / (plain?.slope[at] ?? 0)) ?? [];
    const own = Math.sqrt(0.02 ** 2 + 1e-5);
    const [first, second] = [Math.sqrt(4 + 1e-5), Math.sqrt(4 + 1e-5)];
    const least = (0.3 * (first + own)) / 2 + (0.1 * (3 * second + own)) / 4;
    for (const at of [0, 1, 2, 3, 6, 7]) expect(factors[at]).toBeCloseTo(1, 9);
    for (const at of [4, 5]) expect(factors[at]).toBeCloseTo(own / least, 6);
  });
});

describe("sleepiness", () => {
  const row = (values: readonly number[]) => ndarray(values, [1, 1, 2, 5]);
  const x = input("x", [1, 1, 2, 5]);

  test("is how far the 90 % quantile lies below a tenth of the spread, by hand", () => {
    // The ninth of ten is -1, the fifth -5, and the mean distance from that 2.5.
    const asleep = [-9, -3, -5, -7, -1, 0, -2, -4, -6, -8];
    expect(dataOf(sleepiness([x]), { x: row(asleep) })[0]).toBeCloseTo(0.1 + 1 / 2.5, 7);
    expect(dataOf(sleepiness([x]), { x: row(asleep.map((value) => value + 2)) })).toEqual([0]);
    // One loud point does not make a channel awake.
    expect(dataOf(sleepiness([x]), { x: row(asleep.map((value) => value || 1000)) })[0]).toBeCloseTo(
      0.1 + 1 / 102.5,
      7,
    );
  });

  test("has a gradient at the quantile alone, the spread being held", () => {
    const [slope] = gradients(sleepiness([x]), [x]);
    const values = [-9, -3, -5, -7, -1, 0, -2, -4, -6, -8];
    const found = dataOf(slope as Tensor, { x: row(values) });
    for (const [at, value] of found.entries()) expect(value).toBeCloseTo(values[at] === -1 ? -1 / 2.5 : 0, 7);
  });

  test("is averaged over channels, and looks at several maps as at one", () => {
    const [content, style] = [input("content", [2, 2, 2, 5]), input("style", [1, 2, 2, 5])];
    const data = Array.from({ length: 60 }, (_, at) => Math.sin(at * at) - (Math.floor(at / 10) % 2));
    const feeds = {
      content: ndarray(data.slice(0, 40), [2, 2, 2, 5]),
      style: ndarray(data.slice(40), [1, 2, 2, 5]),
      both: ndarray(data, [3, 2, 2, 5]),
      first: ndarray([...data.slice(0, 10), ...data.slice(20, 30), ...data.slice(40, 50)], [3, 1, 2, 5]),
      second: ndarray([...data.slice(10, 20), ...data.slice(30, 40), ...data.slice(50)], [3, 1, 2, 5]),
    };
    const whole = dataOf(sleepiness([input("both", [3, 2, 2, 5])]), feeds)[0];
    const [first = 0, second = 0] = ["first", "second"].map(
      (name) => dataOf(sleepiness([input(name, [3, 1, 2, 5])]), feeds)[0],
    );
    expect(first).not.toBe(second);
    expect(second).toBeGreaterThan(0);
    expect(whole).toBeCloseTo((first + second) / 2, 9);
    expect(dataOf(sleepiness([content, style]), feeds)[0]).toBeCloseTo(whole ?? Number.NaN, 9);
  });

  test("of large maps is looked at in steps that leave about two thousand values", () => {
    const large = input("large", [2, 1, 64, 64]);
    const data = Array.from({ length: 8192 }, (_, at) => Math.sin(at * at) - 1);
    const wanted = data.filter((_, at) => at % 2 === 0 && Math.floor(at / 64) % 2 === 0);
    const [own] = dataOf(sleepiness([large]), { large: ndarray(data, [2, 1, 64, 64]) });
    const [few] = dataOf(sleepiness([input("few", [2, 1, 32, 32])]), { few: ndarray(wanted, [2, 1, 32, 32]) });
    expect(own).toBeGreaterThan(0);
    expect(own).toBe(few);
  });
});

describe("a network that is painted with", () => {
  /** With three samples of 32 pixels, of which the second has a bright style. */
  const count = 3;
  const shape = [count, 3, 32, 32];
  const withoutMerge: Architecture = {
    name: "unmerged",
    encoder: miniature.encoder,
    attention: { ...miniature.attention, modules: miniature.attention.modules.slice(0, 2) },
    decoder: miniature.decoder,
  };

  test.each<[string, string[]]>([
    [
      "small",
      [
        ...["2_2", "3_1", "3_2", "3_3", "3_4", "4_1", "4_2", "4_3", "4_4", "5_1"].map((name) => `encoder.${name}`),
        ...["4_1", "3_4", "3_3", "3_2", "3_1", "2_2"].map((name) => `decoder.${name}`),
      ],
    ],
    [
      "small-video",
      [
        ...["2_2", "3_1", "3_2", "3_3", "4_1"].map((name) => `encoder.${name}`),
        ...["4_1", "3_3", "3_2", "3_1", "2_2"].map((name) => `decoder.${name}`),
      ],
    ],
  ])("watches the deep layers of %s and their neighbors", (name, layers) => {
    const architecture = architectureNamed(name);
    const shapes = parametersOf(architecture);
    const weights = constantWeights(shapes, initializeConvolutions(shapes, new Random(1)));
    const [content, style] = [input("content", [1, 3, 32, 32]), input("style", [1, 3, 32, 32])];
    const { watched } = paint(architecture, [content], style, weights);
    expect([...watched.keys()]).toEqual(layers);
    for (const [layer, maps] of watched) expect(maps).toHaveLength(layer.startsWith("encoder") ? 2 : 1);
    const encoder = { encoder: architecture.encoder, shapes, values: initializeConvolutions(shapes, new Random(2)) };
    const frozen = paint(architecture, [content], style, weights, { encoder });
    expect([...frozen.watched.keys()]).toEqual(layers.filter((layer) => layer.startsWith("decoder")));
  });

  test.each([
    ["behind the merge", miniature],
    ["where nothing is merged", withoutMerge],
  ] as const)("has gradients held %s", async (_, architecture) => {
    const values = new Map([...randomEncoder(1).values, ...firstWeights(3)]);
    // The decoder's first layer is as asleep as to let a hundredth through, but for the bright style.
    values.set(
      "decoder.4_1.weight",
      new Float32Array(4 * 4 * 9).map((_, at) => (at % 9 === 4 ? 1 : 0)),
    );
    values.set(
      "attention.4.h.weight",
      new Float32Array(16).map((_, at) => (at % 5 === 0 ? 1 : 0)),
    );
    if (architecture.merge) {
      values.set("merge.weight", values.get("decoder.4_1.weight") ?? new Float32Array());
      values.set("attention.5.h.weight", new Float32Array(16));
    }
    const shapes = parametersOf(architecture);
    const [content, style] = [input("content", shape), input("style", shape)];
    const data = Float32Array.from({ length: count * 3072 }, (_, at) => {
      const bright = Math.floor(at / 3072) === 1 ? 1e4 : 1;
      return bright * (0.5 + 0.3 * Math.sin(at / 7));
    });
    const feeds = {
      content: { shape, data: data.map((_, at) => 0.5 + 0.3 * Math.sin(at / 9)) },
      style: { shape, data },
    };
    values.set("decoder.4_1.bias", new Float32Array(4).fill(-50));
    const weights = constantWeights(shapes, values);
    const slopes = [false, true].map((held) => {
      const { deep } = paint(architecture, [content], style, weights, { calm: held });
      return gradients(reduceSum(deep), [weights("attention.4.h.bias")])[0] as Tensor;
    });
    await using engine = new NodeEngine({ device: "cpu", threads: 1 });
    const session = await engine.load(toOnnx({ free: slopes[0] as Tensor, held: slopes[1] as Tensor }), "slopes");
    const results = await session.run(feeds);
    const [free, held] = await Promise.all(
      ["free", "held"].map(async (name) =>
        Math.hypot(...((await outputOf(results, name).read()).data as Float32Array)),
      ),
    );
    // Free, the bright one's counts as it is; held, it is twice the others' hundredths.
    expect(free).toBeGreaterThan(1);
    expect((held ?? 0) / (free ?? 0)).toBeCloseTo(0.04, 2);
  });

  test("is supervised by heads of the deep levels that are trained", () => {
    const judge = [1, 2, 3, 5, 6];
    expect([...supervisionHeads(miniature, judge, { trainsEncoder: true })]).toEqual([
      ["supervision.4.weight", [5, 4, 1, 1]],
      ["supervision.5.weight", [6, 4, 1, 1]],
      ["supervision.decoder.weight", [5, 4, 1, 1]],
      ["supervision.decoder.bias", [5]],
    ]);
    const frozen = supervisionHeads(withoutMerge, judge, { trainsEncoder: false });
    expect([...frozen.keys()]).toEqual(["supervision.decoder.weight", "supervision.decoder.bias"]);
    expect(supervisionHeads(architectureNamed("vgg19-video"), judge, { trainsEncoder: true }).size).toBe(0);
  });
});

describe("supervision", () => {
  const heads = new Map<string, readonly number[]>([
    ["supervision.4.weight", [2, 1, 1, 1]],
    ["supervision.5.weight", [1, 1, 1, 1]],
    ["supervision.decoder.weight", [1, 2, 1, 1]],
    ["supervision.decoder.bias", [1]],
  ]);
  const map = (name: string, channels: number) => input(name, [2, channels, 1, 2]);
  const features = (name: string, four: number, five: number) => {
    const nothing = [1, 2, 3].map((level) => map(`unused${level}`, 1));
    return [...nothing, map(`${name}4`, four), map(`${name}5`, five)];
  };
  const own = { content: features("content", 1, 1), style: features("style", 1, 1), deep: map("deep", 2) };
  const wanted = {
    content: features("seenContent", 2, 1),
    style: features("seenStyle", 2, 1),
    target: map("target", 1),
    unit: 2,
  };
  const tensors = new Map([...heads].map(([name, shape]) => [name, input(name, shape)]));
  const weights = (name: string) => tensors.get(name) as Tensor;
  const loss = supervisionLoss({ ...own, results: [], watched: new Map() }, wanted, heads, weights);
  // Of two values Norm makes -r and r, r being 1 / sqrt(2) but for the epsilon.
  const pair = (first: number, second: number) => [first, second, first, second];
  const feeds: Record<string, NdArray> = {
    content4: ndarray(pair(0, 2), [2, 1, 1, 2]),
    content5: ndarray(pair(3, 7), [2, 1, 1, 2]),
    style4: ndarray(pair(5, 1), [2, 1, 1, 2]),
    style5: ndarray(pair(0, -100), [2, 1, 1, 2]),
    seenContent4: ndarray([0, 9, 9, 0, 0, 9, 9, 0], [2, 2, 1, 2]),
    seenStyle4: ndarray([0, 9, 0, 9, 0, 9, 0, 9], [2, 2, 1, 2]),
    seenContent5: ndarray(pair(1, 5), [2, 1, 1, 2]),
    seenStyle5: ndarray(pair(1, 5), [2, 1, 1, 2]),
    deep: ndarray([0, 2, 0, 2, 0, 2, 0, 2], [2, 2, 1, 2]),
    target: ndarray(pair(1, 4), [2, 1, 1, 2]),
    "supervision.4.weight": ndarray([1, 0.5], [2, 1, 1, 1]),
    "supervision.5.weight": ndarray([1], [1, 1, 1, 1]),
    "supervision.decoder.weight": ndarray([3, 0], [1, 2, 1, 1]),
    "supervision.decoder.bias": ndarray([1], [1]),
  };

  test("is the distance of what the heads tell from what is asked for, by hand", () => {
    // At level 4 the content's channels are told as r and r/2 where r and -r are asked for, the
    // style's as -r and -r/2 for r and r; level 5 is told right, and as its opposite.
    const four = ((0 + 1.5 ** 2) / 2 + (2 ** 2 + 1.5 ** 2) / 2) / 2 / 4;
    const five = (0 + 2 ** 2) / 2 / 4;
    // The deviation of 0 and 2, four of each.
    const told = 1 + (3 * 2) / (Math.sqrt(8 / 7) + 1e-6);
    const decoder = (0 + (told - 4) ** 2) / 2 / 2;
    expect(dataOf(loss, feeds)[0]).toBeCloseTo(four + five + decoder, 4);
  });

  test("has the slopes that its gradients say, the deviation of the decoder's map being held", () => {
    const names = [...heads.keys(), "content4", "content5", "style4", "style5"];
    const inputs = new Map([...own.content, ...own.style].map((tensor) => [nameOf(tensor), tensor]));
    const all = [...names.map((name) => tensors.get(name) ?? inputs.get(name)), own.deep] as Tensor[];
    const moved = { ...feeds };
    for (const [name, { shape, data }] of Object.entries(feeds))
      moved[name] = { shape, data: data.map((value, at) => value + 0.3 * Math.sin(at * at + name.length)) };
    const found = evaluate(gradients(loss, all), moved);
    for (const [which, name] of names.entries()) {
      const { shape, data } = moved[name] ?? ndarray([], [0]);
      for (const [at, slope] of (found[which]?.data ?? []).entries()) {
        const [above = 0, below = 0] = [1e-5, -1e-5].map((step) => {
          const stepped = { shape, data: data.map((value, index) => (index === at ? value + step : value)) };
          return dataOf(loss, { ...moved, [name]: stepped })[0] ?? Number.NaN;
        });
        expect(slope, `${name}[${at}]`).toBeCloseTo((above - below) / 2e-5, 5);
      }
    }
    // What the bias hears, each position's share through the weight of its channel.
    const bias = found[names.indexOf("supervision.decoder.bias")]?.data[0] ?? Number.NaN;
    const deviation = deviationOf([...(moved.deep?.data ?? [])]);
    const weight = [...(moved["supervision.decoder.weight"]?.data ?? [])];
    const slopes = [...(found.at(-1)?.data ?? [])];
    const ofChannel = (channel: number) => slopes.filter((_, at) => Math.floor(at / 2) % 2 === channel);
    for (const channel of [0, 1]) {
      const sum = ofChannel(channel).reduce((total, value) => total + value, 0);
      expect(sum).toBeCloseTo((bias * (weight[channel] ?? 0)) / (deviation + 1e-6), 6);
    }
  });
});

const nameOf = (tensor: Tensor) => (tensor.node.attributes as { name: string }).name;

function deviationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

test("the fine on sleep is the mean of all layers'", () => {
  const maps = [1, 2].map((at) => input(`x${at}`, [1, 1, 2, 5]));
  const feeds = {
    x1: ndarray([-9, -3, -5, -7, -1, 0, -2, -4, -6, -8], [1, 1, 2, 5]),
    x2: ndarray([9, 3, 5, 7, 1, 0, 2, 4, 6, 8], [1, 1, 2, 5]),
  };
  const watched = new Map(maps.map((map, at) => [String(at), [map]]));
  expect(dataOf(sleepLoss(watched), feeds)[0]).toBeCloseTo(0.25, 7);
});
