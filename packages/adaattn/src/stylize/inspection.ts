/** Looks into a network while it paints: at its attention, and at what is alive in it. */

import { outputOf, type TensorData } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import { type AttentionInput, attentionMapOf } from "../inspect/attention.ts";
import type { Examination, LevelHealth } from "../inspect/health.ts";
import type { Architecture, AttentionModule } from "../network/architecture.ts";
import { cropPicture, sourceOf } from "../picture/area.ts";
import { withoutHiddenColors } from "../picture/hidden.ts";
import { onWhite, type Picture } from "../picture/picture.ts";
import { resizePicture } from "../picture/resize.ts";
import type { CallOptions } from "./options.ts";
import { disposeAll, encodePicture, pictureTensor, type Sessions, type Tensors } from "./sessions.ts";
import { encodedSize } from "./sizes.ts";
import type { Style } from "./style.ts";

/** The side of the pictures that a network is examined with. */
const EXAMINED_SIDE = 256;

/** What is looked into. */
export interface Inspected {
  readonly name: string;
  readonly architecture: Architecture;
  readonly sessions: Sessions;
}

/**
 * Encodes a photograph, and gives what a level's attention needs of it and of a style to `look`.
 *
 * @param level the shallowest of the model's where it is undefined.
 * @throws Error with one sentence where the model has no such level.
 */
export async function lookAtAttention<T>(
  { name, architecture, sessions }: Inspected,
  photo: Picture,
  style: Style,
  { level, signal, onProgress }: CallOptions & { readonly level?: number | undefined },
  look: (input: AttentionInput) => Promise<T>,
): Promise<T> {
  const module = moduleOf(name, architecture, level);
  const [values, positions] = [style.levels.get(module.level), style.positions.get(module.level)];
  if (values === undefined || positions === undefined) {
    throw new Error(`Expected a style with level ${module.level} but received none`);
  }
  onProgress?.({ stage: "encode", fraction: 0 });
  const contentSize = encodedSize(photo);
  const seen = await withoutHiddenColors(sourceOf(photo), signal);
  const whole = await seen.read({ left: 0, top: 0, width: photo.width, height: photo.height });
  const encoded = await encodePicture(sessions, whole, contentSize, signal);
  const held: Tensors = { ...encoded };
  try {
    onProgress?.({ stage: "encode", fraction: 1 });
    const statistics = await sessions.statistics.run(encoded, { signal });
    Object.assign(held, statistics);
    return await look({
      session: await sessions.rows(module),
      level: module.level,
      content: {
        stacked: outputOf(encoded, `stacked${module.level}`),
        normMean: outputOf(statistics, `normMean${module.level}`),
        normDeviation: outputOf(statistics, `normDeviation${module.level}`),
      },
      contentSize,
      key: values.key,
      positions,
      painting: style.source.painting,
      styleSize: encodedSize(style.source.painting),
    });
  } finally {
    disposeAll(held);
  }
}

function moduleOf(name: string, { attention }: Architecture, level: number | undefined): AttentionModule {
  const { modules } = attention;
  const module = level === undefined ? modules[0] : modules.find((one) => one.level === level);
  if (module !== undefined) return module;
  const levels = modules.map((one) => one.level).join(", ");
  throw new AdaattnError("option", `Expected one of ${levels} for level, as ${name} has them, but received ${level}.`);
}

/** The middle of a picture, as a square that a network is examined with. */
export function middleSquare(picture: Picture): Picture {
  const side = Math.min(picture.width, picture.height);
  const [left, top] = [(picture.width - side) >> 1, (picture.height - side) >> 1];
  const square = cropPicture(picture, { left, top, width: side, height: side });
  return resizePicture(square, { width: EXAMINED_SIDE, height: EXAMINED_SIDE });
}

/** What the middle of a photograph wakes in the network in a style. */
export async function examine(
  inspected: Inspected,
  photo: Picture,
  style: Style,
  signal: AbortSignal | undefined,
): Promise<Examination> {
  const middle = onWhite(middleSquare(photo));
  const [contentSize, styleSize] = [encodedSize(middle), encodedSize(style.source.painting)];
  const inputs: Record<string, TensorData> = {
    content: pictureTensor(middle, contentSize),
    style: pictureTensor(style.source.painting, styleSize),
  };
  for (const [level, data] of style.positions) inputs[`chosen${level}`] = { shape: [data.length], data };
  const session = await inspected.sessions.examination(contentSize, styleSize);
  const found = await session.run(inputs, { signal });
  try {
    const read = async (name: string) => (await outputOf(found, name).read()).data as Float32Array;
    const awake = new Map<string, Float32Array>();
    for (const name of Object.keys(found)) {
      if (name.startsWith("awake.")) awake.set(name.slice("awake.".length), await read(name));
    }
    const levels: LevelHealth[] = [];
    for (const { level } of inspected.architecture.attention.modules) {
      const { entropy, keys } = await lookAtAttention(inspected, middle, style, { level, signal }, (input) =>
        attentionMapOf(input, { signal }, () => undefined),
      );
      const perplexity = Math.exp(entropy.sort()[entropy.length >> 1] as number);
      const [turned = 0] = await read(`turned${level}`);
      levels.push({ level, perplexity, keys: keys.length, effect: 255 * turned });
    }
    return { awake, levels };
  } finally {
    disposeAll(found);
  }
}
