/** `adaattn inspect MODEL --pictures`: how alive a network is. */
import { type Health, loadModel, readPicture } from "adaattn/node";
import { listPictures, type NamedPicture } from "../../files/pictures.ts";
import { createProgressLine } from "../../terminal/terminal.ts";

/** How many photographs are looked at, and paintings. */
const MOST_PAIRS = 12;

/** Read larger than they are examined, since their middle square is. */
const LONGEST_SIDE = 512;

/** The share of a layer's channels that may be dead without a word. */
const TOLERATED = 0.1;

export interface HealthOptions {
  readonly model: string;
  /** Folders; the photographs are the paintings too where there are none. */
  readonly photographs: string;
  readonly paintings: string | undefined;
  readonly device: "auto" | "cpu" | "webgpu";
  readonly threads?: number | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Prints a table of the layers and one of the levels on stdout, or one JSON object. */
export async function tellHealth(options: HealthOptions): Promise<void> {
  const { model: name, photographs, paintings, device, threads, quiet, json, signal } = options;
  const progress = createProgressLine(process.stderr, { quiet, signal });
  try {
    const contents = evenly(await listPictures(photographs), MOST_PAIRS);
    // Without paintings, every photograph is painted in the style of the next.
    const styles =
      paintings === undefined
        ? [...contents.slice(1), ...contents.slice(0, 1)]
        : evenly(await listPictures(paintings), contents.length);
    const read = ({ path }: NamedPicture) => readPicture(path, { longestSide: LONGEST_SIDE, signal });
    const pairs = [];
    for (const [index, content] of contents.entries()) {
      const style = styles[index % styles.length] ?? content;
      pairs.push({ photo: await read(content), painting: await read(style) });
    }
    progress.show(`model ${name}`);
    await using model = await loadModel(name, { device, signal, threads });
    const health = await model.health(pairs, {
      signal,
      onProgress: ({ stage, fraction }) => progress.show(model.name, stage, fraction),
    });
    progress.clear();
    if (json) process.stdout.write(`${JSON.stringify({ model: model.name, pairs: pairs.length, ...health })}\n`);
    else if (!quiet) process.stdout.write(tableOf(health));
  } finally {
    progress.clear();
  }
}

/** At most so many, evenly from the whole list. */
function evenly<T>(list: readonly T[], most: number): T[] {
  const count = Math.min(list.length, most);
  return Array.from({ length: count }, (_, at) => list[Math.floor((at * list.length) / count)] as T);
}

function tableOf({ layers, levels }: Health): string {
  const lines = layers.map(({ name, channels, dead }) => {
    const warning =
      dead / channels > TOLERATED ? `  more than ${100 * TOLERATED} %: they get no gradient any more` : "";
    return `${name.padEnd(12)}  ${String(dead).padStart(4)} of ${String(channels).padStart(4)} channels dead${warning}`;
  });
  for (const { level, perplexity, keys, effect } of levels) {
    const looks = `looks at ${perplexity.toFixed(1)} of ${Math.round(keys)} keys`;
    lines.push(`attention ${level}   ${looks}; upside down, the picture changes by ${effect.toFixed(1)} of 255`);
  }
  return `${lines.join("\n")}\n`;
}
