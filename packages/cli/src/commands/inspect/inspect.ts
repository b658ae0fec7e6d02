/** `adaattn inspect`: pictures of where in a painting a photograph looks. */
import { parse } from "node:path";
import type { InspectControls } from "adaattn/internal";
import { checkPictureOutput } from "adaattn/internal/node";
import {
  type Attention,
  drawEntropy,
  drawHeat,
  drawSources,
  loadModel,
  type Picture,
  type Point,
  readPainting,
  type StyleControls,
  writePicture,
} from "adaattn/node";
import { planOutputs } from "../../files/outputs.ts";
import { checkStdin, openInput, readContent, readMaskFile } from "../../files/reading.ts";
import { createProgressLine } from "../../terminal/terminal.ts";

/** The options of `adaattn inspect`, checked. */
export interface InspectOptions {
  readonly content: string;
  readonly style: string;
  readonly output: string;
  /** In pixels of the photograph's file. */
  readonly points: readonly Point[];
  readonly map: boolean;
  readonly level: InspectControls["level"];
  readonly look: StyleControls;
  readonly styleMask?: string | undefined;
  readonly model: string;
  readonly size?: number | undefined;
  readonly device: "auto" | "cpu" | "webgpu";
  readonly threads?: number | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** How many of the keys that a point looks at are told as JSON. */
const TOLD = 5;

/**
 * Writes the heat of the points, the map, or both.
 *
 * @throws Error with one sentence where a picture cannot be read, written or looked into.
 */
export async function inspect(options: InspectOptions): Promise<void> {
  const { content, style: painting, output, points, map, level, look, styleMask, signal } = options;
  const progress = createProgressLine(process.stderr, { quiet: options.quiet, signal });
  try {
    const others = styleMask === undefined ? [] : [styleMask];
    checkStdin([content, painting, ...others]);
    await planOutputs([{ path: content }], { styles: [painting], others }, output);
    const { dir, name, ext } = parse(output);
    const beside = (what: string) => `${dir === "" ? "" : `${dir}/`}${name}-${what}${ext}`;
    const outputs = [...(points.length > 0 ? [output] : []), ...(map ? [beside("sources"), beside("entropy")] : [])];
    for (const path of outputs) await checkPictureOutput(path);
    const { file, name: called } = await openInput(painting, signal);
    const { picture, controls } = await readPainting(file, look, { name: called, signal });
    const mask = styleMask === undefined ? undefined : await readMaskFile(styleMask, signal);
    const photo = await readContent(content, options.size, signal);

    progress.show(`model ${options.model}`);
    const { device, threads } = options;
    await using model = await loadModel(options.model, { device, signal, threads });
    progress.show(`style ${painting}`);
    using style = await model.style(picture, { ...controls, mask, signal });
    const seen = style.source.painting;
    const write = async (path: string, made: Picture) => {
      await writePicture(path, made, { signal });
      progress.clear();
      if (!options.quiet && !options.json) process.stdout.write(`${path}  ${made.width} x ${made.height}\n`);
    };

    let attention: Attention | undefined;
    if (points.length > 0) {
      progress.show(content, "attend");
      const scale = { x: photo.width / photo.source.width, y: photo.height / photo.source.height };
      const within = points.map(({ x, y }) => checkPoint({ x, y }, photo.source, scale));
      attention = await model.attention(photo, style, within, { level, signal });
      await write(output, drawHeat(seen, attention));
    }
    let entropy: number | undefined;
    if (map) {
      const onProgress = ({ stage, fraction }: { stage: string; fraction: number }) =>
        progress.show(content, stage, fraction);
      const found = await model.attentionMap(photo, style, { level, signal, onProgress });
      entropy = found.entropy.reduce((sum, value) => sum + value, 0) / found.entropy.length;
      await write(beside("sources"), drawSources(seen, found, photo));
      await write(beside("entropy"), drawEntropy(found, photo));
    }
    if (options.json) {
      const told = {
        content: { path: content, ...photo.source },
        style: { path: painting, ...picture.source, seen: { width: seen.width, height: seen.height } },
        outputs,
        ...(attention && { level: attention.level, points: tell(attention, points) }),
        ...(entropy !== undefined && { meanEntropy: round(entropy) }),
        notes: style.notes,
      };
      process.stdout.write(`${JSON.stringify(told)}\n`);
    } else if (!options.quiet) {
      for (const note of style.notes) process.stderr.write(`note: ${note}\n`);
    }
  } finally {
    progress.clear();
  }
}

/** The point in the photograph as it was read, which may have been resized. */
function checkPoint({ x, y }: Point, source: { width: number; height: number }, scale: Point): Point {
  if (x >= source.width || y >= source.height) {
    throw new Error(
      `Expected a point within the photograph of ${source.width} x ${source.height} pixels for --at but received ${x},${y}.`,
    );
  }
  return { x: x * scale.x, y: y * scale.y };
}

/**
 * What each point looks at most: places in the painting as it was seen, with their probabilities.
 */
function tell({ rows, keys }: Attention, points: readonly Point[]): object[] {
  return rows.map(({ probabilities, entropy }, index) => {
    const order = Array.from(probabilities.keys()).sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0));
    const looksAt = order.slice(0, TOLD).map((key) => ({ ...keys[key], probability: round(probabilities[key] ?? 0) }));
    return { at: points[index], entropy: round(entropy), looksAt };
  });
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
