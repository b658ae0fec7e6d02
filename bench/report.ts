/** docs/benchmarks.md and its charts, made of nothing but what docs/benchmarks.json holds. */

import { drawChart, type Line } from "./chart.ts";
import type { Entry, Measured } from "./results.ts";
import { isMet, perMegapixel, type Target, targetsOf } from "./targets.ts";

/** Files by their names within docs/. */
export function reportFiles(entries: readonly Entry[]): Record<string, string> {
  const charts = chartsOf(entries.filter(({ kind }) => kind === "stylize"));
  return { "benchmarks.md": markdownOf(entries, Object.keys(charts)), ...charts };
}

/**
 * Three significant digits; towards `up` or `down` where a value stands beside a limit that it must
 * not seem to keep.
 */
export function digits(value: number, towards: "nearest" | "up" | "down" = "nearest"): string {
  if (!Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2);
  const nudge = 1e-9; // An exact value is not to be rounded for the last bit of the division.
  const round = {
    nearest: Math.round,
    up: (x: number) => Math.ceil(x - nudge),
    down: (x: number) => Math.floor(x + nudge),
  }[towards];
  const text = (round(value / unit) * unit).toPrecision(3);
  return text.includes("e") ? `${Number(text)}` : text;
}

type Cell = string | number | undefined;

function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) =>
    `| ${cells.map((cell) => (typeof cell === "number" ? digits(cell) : (cell ?? ""))).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

function section(title: string, text: string, header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return rows.length === 0 ? "" : `## ${title}\n\n${text}\n\n${table(header, rows)}\n`;
}

function markdownOf(entries: readonly Entry[], charts: readonly string[]): string {
  const of = (kind: Entry["kind"]) => entries.filter((entry) => entry.kind === kind);
  const places = [...new Set(entries.map(({ machine, threads }) => `${machine}, ${threads} threads`))];
  const parts = [
    `# Benchmarks\n`,
    `<!-- Made by \`npm run bench -- --report\` of benchmarks.json; changes by hand are lost. -->\n`,
    `    npm run build\n    npm run bench                        # measures what is not in benchmarks.json yet\n` +
      `    npm run bench -- --list              # the cases, and which have been measured\n` +
      `    npm run bench -- stylize/small       # those whose names begin so; --again measures them anew\n`,
    "Every measurement is a process of its own. What is compared runs in turn, and the ratio is the median of the rounds' ratios: seconds\n" +
      "depend on the machine, ratios much less. Times are warm, without reading or writing files, unless they say otherwise; memory is the\n" +
      "largest resident set of the process. How each is measured: [bench/README.md](../bench/README.md).\n",
    places.length > 0 ? `Measured on: ${places.join("; ")}.\n` : "Nothing has been measured yet.\n",
    section(
      "Targets",
      "On two cores of a CPU. Measured values are rounded against the target.",
      ["what", "wanted", "measured", ""],
      targetsOf(entries).map(targetRow),
    ),
    section(
      "Stylisation",
      "Photographs of noise, square, and a painting of the same size up to 1024. Arithmetic is in 10^9 multiply-accumulates, of a new\n" +
        "style and a photograph painted whole. The roof is what the same engine reaches at products of 2048 x 2048 matrices in the same\n" +
        "process. Ratios are ours over the other's; PyTorch runs the released network, `vgg19-image`, with the same 4096 keys at level 3. Ours has\n" +
        "its [memory in huge pages](large-pictures.md#memory-in-huge-pages), as the command has by itself; PyTorch has it as Python starts, and\n" +
        "in a column of its own in huge pages too.",
      [
        ...[
          "preset",
          "side",
          "device",
          "s, new style",
          "s, known style",
          "tiles",
          "peak MB",
          "GMAC",
          "GFLOP/s",
          "of the roof",
        ],
        ...[
          "time / PyTorch",
          "known style / PyTorch",
          "memory / PyTorch",
          "time / PyTorch in huge pages",
          "known style / PyTorch in huge pages",
          "time / untiled",
          "memory / untiled",
        ],
      ],
      of("stylize").map(stylizeRow),
    ),
    ...charts.map((name) => `![${name.includes("time") ? "Time" : "Memory"} over pixels](${name})\n`),
    section(
      "Attention",
      "Attention proper, from queries, keys and values to the maps, to every position of a painting as large as the photograph, at all\n" +
        "levels of the preset; beside it the same with the whole matrix of scores at once. `small-video` attends by cosines in the linear\n" +
        "form, with the painting's sums known; the others stream.",
      [
        "preset",
        "side",
        "s",
        "s, quadratic",
        "ratio",
        "peak MB",
        "peak MB, quadratic",
        "GMAC",
        "GMAC, quadratic",
        "less arithmetic",
      ],
      of("attention").map(attentionRow),
    ),
    section(
      "Convolutions",
      "The encoder's and the decoder's parts at 512x512, everything between the convolutions included, and where their time goes:\n" +
        "shares of ONNX Runtime's kernels. Arithmetic is that of plain sums, also where minimal filtering gets by with a quarter of it.",
      ["preset", "s", "GMAC", "GFLOP/s", "roof", "of the roof", "kernels"],
      of("convolutions").map(convolutionsRow),
    ),
    section(
      "The command",
      "`adaattn stylize` with files. `start` is a whole process from start to end, beside the same work in a warm process. The others\n" +
        "count encoding, attention and decoding of a photograph within the budget of `--memory`, a known style.",
      ["case", "s", "peak MB", "tiles", "beside it", "s", "ratio", "ratio a megapixel"],
      [...of("start"), ...of("command")].map(commandRow),
    ),
    section(
      "Films",
      "`adaattn video` with a film of a slow pan over a photograph, H.264 to H.264, from start to end: 2,000 frames, beside their first 200.",
      ["preset", "size", "s a frame", "frames a second", "peak MB", "peak MB, 200 frames"],
      of("film").map(({ preset, size, sides: { ours, short } }) => {
        const rate = ours && 1 / ours.seconds;
        return [preset, `${size.width}x${size.height}`, ours?.seconds, rate, megabytes(ours), megabytes(short)];
      }),
    ),
    section(
      "Training",
      "One step of `small`: batches of 4 crops of 128x128, forward, 10 L_gs + 3 L_lf, backward, Adam.",
      ["preset", "s", "peak MB", "s, PyTorch", "time / PyTorch", "memory / PyTorch"],
      of("step").map((entry) => {
        const { ours, pytorch } = entry.sides;
        const ratio = pytorch?.ratio;
        return [entry.preset, ours?.seconds, megabytes(ours), pytorch?.seconds, ratio?.seconds, ratio?.peakRssBytes];
      }),
    ),
    skippedOf(entries),
  ];
  return `${parts.filter(Boolean).join("\n")}`;
}

function targetRow(target: Target): Cell[] {
  const { text, wanted, limit, value, unit } = target;
  const met = isMet(target);
  const against = wanted === "at most" ? "up" : "down";
  return [
    text,
    Number.isNaN(limit) ? "" : `${wanted} ${Number(digits(limit))} ${unit}`,
    value === undefined ? "not measured" : `${digits(value, against)} ${unit}`,
    met === undefined ? "" : met ? "met" : "**not met**",
  ];
}

function megabytes(side: Measured | undefined): number | undefined {
  return side && side.peakRssBytes / 1e6;
}

function stylizeRow({ preset, size, device, gmac, gflops, ofRoof, sides }: Entry): Cell[] {
  const { ours, pytorch, pytorchHuge, untiled } = sides;
  const [peer, whole] = [pytorch?.ratio, untiled?.ratio];
  return [
    ...[preset, `${size.width}`, device, ours?.seconds, ours?.cachedSeconds, `${ours?.tiles ?? ""}`, megabytes(ours)],
    ...[gmac?.whole, gflops, ofRoof, peer?.seconds, peer?.cachedSeconds, peer?.peakRssBytes],
    ...[pytorchHuge?.ratio?.seconds, pytorchHuge?.ratio?.cachedSeconds],
    ...[whole?.seconds, whole?.peakRssBytes],
  ];
}

function attentionRow({ preset, size, sides }: Entry): Cell[] {
  const { ours, quadratic } = sides;
  const less = ours?.gmac && quadratic?.gmac && `${digits(quadratic.gmac / ours.gmac)} x`;
  return [
    ...[preset, `${size.width}`, ours?.seconds, quadratic?.seconds, quadratic?.ratio?.seconds, megabytes(ours)],
    ...[megabytes(quadratic), ours?.gmac, quadratic?.gmac, less],
  ];
}

function convolutionsRow({ preset, gmac, gflops, ofRoof, sides: { ours } }: Entry): Cell[] {
  const shares = Object.entries(ours?.shares ?? {}).sort(([, a], [, b]) => b - a);
  const kernels = shares.slice(0, 6).map(([name, share]) => `${name} ${Math.round(share * 100)} %`);
  return [preset, ours?.seconds, gmac?.whole, gflops, ours?.roofGflops, ofRoof, kernels.join(", ")];
}

function commandRow(entry: Entry): Cell[] {
  const [[, own], [name, other]] = Object.entries(entry.sides) as [[string, Measured], [string, Measured]];
  const tiles = entry.kind === "command" ? `${own.tiles ?? ""}` : "";
  return [entry.id, own.seconds, megabytes(own), tiles, name, other.seconds, other.ratio?.seconds, perMegapixel(entry)];
}

function skippedOf(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ id, skipped }) =>
    Object.entries(skipped).map(([side, reason]) => `- ${id}, ${side}: ${reason}`),
  );
  return lines.length === 0 ? "" : `## Not measured\n\n${lines.join("\n")}\n`;
}

/** Time and memory of stylization over pixels, of each preset on each device and of PyTorch. */
function chartsOf(entries: readonly Entry[]): Record<string, string> {
  if (entries.length === 0) return {};
  const sides = [...new Set(entries.map(({ size }) => size.width))].sort((a, b) => a - b);
  const common = {
    xLabel: "pixels of the photograph",
    xTicks: sides.map((side) => [side * side, `${side}²`] as const),
  };
  const draw = (title: string, yLabel: string, value: (side: Measured) => number) =>
    drawChart({ ...common, title, yLabel, lines: linesOf(entries, value) });
  return {
    "benchmarks/time.svg": draw("Time of a picture in a new style", "seconds", ({ seconds }) => seconds),
    "benchmarks/memory.svg": draw("Largest memory of the process", "megabytes", (side) => side.peakRssBytes / 1e6),
  };
}

function linesOf(entries: readonly Entry[], value: (side: Measured) => number): Line[] {
  const lines = new Map<string, [number, number][]>();
  for (const { preset, size, device, sides } of [...entries].sort((a, b) => a.size.width - b.size.width)) {
    const drawn = [[`${preset}, ${device}`, sides.ours] as const];
    // Every preset is measured beside the one released network: it is drawn once.
    if (preset === "vgg19-image") drawn.push(["PyTorch, cpu", sides.pytorch] as const);
    for (const [name, side] of drawn) {
      if (side === undefined) continue;
      const points = lines.get(name) ?? [];
      points.push([size.width * size.height, value(side)]);
      lines.set(name, points);
    }
  }
  return [...lines].map(([name, points]) => ({ name, points }));
}
