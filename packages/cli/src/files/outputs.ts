/** Where each stylized picture goes. */
import { realpath, stat } from "node:fs/promises";
import { basename, extname, join, parse, sep } from "node:path";
import { PICTURE_EXTENSIONS } from "adaattn/node";
import { UsageError } from "../terminal/usage.ts";

/** A content and the file that its stylized picture is written to. */
export interface Job {
  readonly content: string;
  readonly output: string;
}

/** The pictures that a command reads beside the contents. */
export interface OtherInputs {
  /** They give the results in a folder their names. */
  readonly styles: readonly string[];
  /** Masks, for example. */
  readonly others: readonly string[];
}

/**
 * One job a content, in order. `output` is a file for one content, or an existing folder, in which each file is named after the
 * content and the styles and keeps the content's format where that can be written.
 *
 * @throws UsageError where the names cannot be meant: several contents for one file, an unknown ending, two results of one name,
 *   or a result that would replace a picture that is read; Error where the folder does not exist.
 */
export async function planOutputs(
  contents: readonly string[],
  { styles, others }: OtherInputs,
  output: string,
): Promise<Job[]> {
  const found = await stat(output).catch(() => undefined);
  const meansFolder = contents.length > 1 || output.endsWith("/") || output.endsWith(sep);
  if (!found?.isDirectory() && meansFolder) {
    if (found)
      throw new UsageError(
        `Expected a folder for --output, to hold several pictures, but received the file ${output}.`,
      );
    throw new Error(`Cannot write to ${output}: the folder does not exist. Create it first, or choose another.`);
  }
  if (!found?.isDirectory() && !isPictureName(output)) {
    throw new UsageError(
      `Expected a name ending in ${PICTURE_EXTENSIONS.join(", ")}, or an existing folder, for --output but received ${output}.`,
    );
  }
  const jobs = contents.map((content) => ({
    content,
    output: found?.isDirectory() ? join(output, resultName(content, styles)) : output,
  }));
  await checkDistinct(jobs, [...styles, ...others]);
  return jobs;
}

/** The name of a content's result in a folder, such as lake-starry-night.jpg. */
function resultName(content: string, styles: readonly string[]): string {
  const extension = isPictureName(content) ? extname(content) : ".png";
  return `${[content, ...styles].map((path) => parse(path).name).join("-")}${extension}`;
}

function isPictureName(path: string): boolean {
  return PICTURE_EXTENSIONS.includes(extname(path).toLowerCase());
}

async function checkDistinct(jobs: readonly Job[], others: readonly string[]): Promise<void> {
  const inputs = new Map<string, string>();
  for (const path of [...others, ...jobs.map((job) => job.content)]) {
    const real = await realpath(path).catch(() => undefined);
    if (real !== undefined) inputs.set(real, path);
  }
  // Some file systems do not tell upper from lower case, so neither does this.
  const contents = new Map<string, string>();
  for (const { content, output } of jobs) {
    const other = contents.get(output.toLowerCase());
    if (other !== undefined) {
      throw new UsageError(
        `Expected contents of different names but ${other} and ${content} would both become ${basename(output)}; run them apart.`,
      );
    }
    contents.set(output.toLowerCase(), content);
    const replaced = inputs.get(await realpath(output).catch(() => ""));
    if (replaced !== undefined) {
      throw new UsageError(
        `Expected another name for --output, since ${output} would replace the picture ${replaced} itself.`,
      );
    }
  }
}
