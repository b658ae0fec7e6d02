/** The model and the styles that all pictures of one command share. */
import {
  cachedStyle,
  type FilePainting,
  loadModel,
  type Model,
  type Progress,
  type Style,
  type StyleShare,
} from "adaattn/node";
import type { ProgressLine } from "../terminal/terminal.ts";
import type { StyleFileOptions, StyleFiles } from "./styleFiles.ts";

/** What the model and the styles are loaded by, whatever is painted in them. */
export interface LoadOptions extends StyleFileOptions {
  readonly model: string;
  /** Where styles are kept. */
  readonly styleCache?: string | undefined;
  readonly device: "auto" | "cpu" | "webgpu";
  readonly threads?: number | undefined;
}

/**
 * What all pictures of one command share, made once the first content has turned out to be
 * readable.
 */
export interface LoadedStyles extends AsyncDisposable {
  readonly model: Model;
  readonly shares: readonly StyleShare[];
  /** How long the styles took, together. */
  readonly styleMilliseconds: number;
  /** Sentences on what did not go as it was asked for. */
  readonly notes: readonly string[];
}

/** Loads the model and computes the styles, or takes them from the cache. */
export async function loadStyles(
  { paintings, styleMasks, masks }: StyleFiles,
  options: LoadOptions,
  progress: ProgressLine,
): Promise<LoadedStyles> {
  const { device, threads, signal } = options;
  let model: Model | undefined;
  try {
    progress.show(`model ${options.model}`);
    const opened = await loadModel(options.model, { device, signal, threads });
    model = opened;
    const styles: Style[] = [];
    const notes: string[] = [];
    for (const [index, { path }] of options.styles.entries()) {
      const { picture, controls } = paintings[index] as FilePainting;
      progress.show(`style ${path}`);
      const onProgress = follow(progress, `style ${path}`);
      const asked = { ...controls, mask: styleMasks[index], signal, onProgress };
      const made = options.styleCache
        ? await cachedStyle(opened, picture, asked, options.styleCache)
        : { style: await opened.style(picture, asked) };
      styles.push(made.style);
      if ("note" in made && made.note !== undefined) notes.push(made.note);
    }
    return {
      model: opened,
      shares: styles.map((style, index) => ({ style, weight: options.styles[index]?.weight, mask: masks[index] })),
      styleMilliseconds: styles.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
      notes,
      async [Symbol.asyncDispose]() {
        for (const style of styles) style.dispose();
        await opened.dispose();
      },
    };
  } catch (error) {
    await model?.dispose();
    throw error;
  }
}

/** Shows the progress of one task, whose stages share the bar evenly. */
export function follow(progress: ProgressLine, task: string): (event: Progress) => void {
  const stages = ["encode", "attend", "decode"];
  return ({ stage, fraction }) => {
    const before = Math.max(0, stages.indexOf(stage));
    // A picture in tiles is encoded, and then painted.
    const done = stage === "style" ? fraction : stage === "paint" ? (1 + 2 * fraction) / 3 : (before + fraction) / 3;
    progress.show(task, stage, done);
  };
}
