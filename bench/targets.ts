/** What the benchmarks are to show on two cores of a CPU, held against what they did. */

import type { Entry, Measured } from "./results.ts";

export interface Target {
  readonly text: string;
  /** Whether less than the limit is wanted, or more. */
  readonly wanted: "at most" | "at least";
  readonly limit: number;
  /** Undefined where it was not measured. */
  readonly value: number | undefined;
  readonly unit: string;
}

/** Whether a target is met, by its unrounded value. */
export function isMet({ wanted, limit, value }: Target): boolean | undefined {
  if (value === undefined) return undefined;
  return wanted === "at most" ? value <= limit : value >= limit;
}

const MEGAPIXELS_OF_1024 = 1024 ** 2 / 1e6;

export function targetsOf(entries: readonly Entry[]): Target[] {
  const find = (id: string) => entries.find((entry) => entry.id === `${id}/cpu`);
  const side = (id: string, name: string): Measured | undefined => find(id)?.sides[name];
  const [vgg, small] = ["stylize/vgg19-image/512", "stylize/small/512"].map((id) => {
    const [plain, huge] = ["pytorch", "pytorchHuge"].map((name) => side(id, name)?.ratio);
    return { plain, huge };
  });
  const [large, huge] = ["command/small/3840x2160", "command/small/8192"];
  const [cold, warm] = ["cold", "warm"].map((name) => side("start/small/512", name)?.seconds);
  const cached = side("stylize/small/256", "ours")?.cachedSeconds;
  const megapixels = perMegapixel(find(large));
  const [linear, quadratic] = ["ours", "quadratic"].map((name) => side("attention/small-video/512", name)?.gmac);
  const [film, short] = ["ours", "short"].map((name) => side("film/small-video/512x288", name));
  const gigabytes = (measured: Measured | undefined) => measured && measured.peakRssBytes / 1e9;
  return [
    atMost(0.5, vgg?.plain?.seconds, "x", "`vgg19-image`, 512x512: time over PyTorch's"),
    atMost(0.5, vgg?.huge?.seconds, "x", "the same, PyTorch in huge pages too"),
    atMost(0.5, vgg?.plain?.peakRssBytes, "x", "`vgg19-image`, 512x512: peak memory over PyTorch's"),
    atMost(
      1 / 15,
      small?.plain?.cachedSeconds,
      "x",
      "`small`, 512x512, style known: time over that of the released network in PyTorch",
    ),
    atMost(1 / 15, small?.huge?.cachedSeconds, "x", "the same, PyTorch in huge pages too"),
    atLeast(8, cached && 1 / cached, "a second", "`small`, 256x256, style known: pictures"),
    atMost(1.5, gigabytes(side(large, "ours")), "GB", "`small`, 3840x2160 with `--memory 1.5GB`: peak memory"),
    atMost(1.5, megapixels, "x", "`small`, 3840x2160: time a megapixel over that at 1024x1024"),
    atMost(
      2,
      gigabytes(side(huge, "ours")),
      "GB",
      "`small`, 8192x8192 with `--memory 2GB`: peak memory of a finished picture",
    ),
    atLeast(
      0.6,
      find("convolutions/vgg19-image/512")?.ofRoof,
      "x",
      "`vgg19-image`, 512x512: GFLOP/s of encoder and decoder over the roof",
    ),
    atMost(
      warm === undefined ? Number.NaN : 2 * warm + 0.3,
      cold,
      "s",
      "`adaattn stylize`, 512x512, from start to end: twice the warm time and 0.3 s",
    ),
    atLeast(
      50,
      linear && quadratic && quadratic / linear,
      "x",
      "`small-video`, 512x512: arithmetic of quadratic attention over linear",
    ),
    atLeast(10, film && 1 / film.seconds, "a second", "`small-video`, 512x288, file to file: frames"),
    atMost(0.8, gigabytes(film), "GB", "`small-video`, 512x288: peak memory over 2,000 frames"),
    atMost(
      1.05,
      film && short && film.peakRssBytes / short.peakRssBytes,
      "x",
      "`small-video`, 512x288: peak memory over 2,000 frames, over that of 200",
    ),
  ];
}

/** Time for each pixel of a large photograph over that of one of 1024 x 1024. */
export function perMegapixel(entry: Entry | undefined): number | undefined {
  const ratio = entry?.sides["1024x1024"]?.ratio?.seconds;
  return ratio && entry && (ratio * MEGAPIXELS_OF_1024) / ((entry.size.width * entry.size.height) / 1e6);
}

function atMost(limit: number, value: number | undefined, unit: string, text: string): Target {
  return { text, wanted: "at most", limit, value, unit };
}

function atLeast(limit: number, value: number | undefined, unit: string, text: string): Target {
  return { text, wanted: "at least", limit, value, unit };
}
