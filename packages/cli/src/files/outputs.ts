/** Where each stylized picture goes. */
import { lstat, mkdir, realpath, rmdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, parse, sep } from "node:path";
import { isAddress, systemCode, writeFailure } from "adaattn/internal/node";
import { PICTURE_EXTENSIONS } from "adaattn/node";
import { UsageError } from "../terminal/usage.ts";
import type { ContentPath } from "./contents.ts";
import { STREAM } from "./reading.ts";

/** What is done where there is a result already. */
export const OVERWRITING = ["yes", "no", "number"] as const;

/** A content and the file that its stylized picture is written to. */
export interface Job {
  readonly content: string;
  readonly output: string;
  /** Whether there is a result already, which stays. */
  readonly isKept: boolean;
}

/** The pictures that a command reads beside the contents. */
export interface OtherInputs {
  readonly styles: readonly string[];
  /** What results in a folder are named after, beside their content; the styles by default. */
  readonly names?: readonly string[] | undefined;
  /** Masks, for example. */
  readonly others: readonly string[];
}

/** How results are named. */
export interface OutputOptions {
  /**
   * The ending of results in a folder, without its dot; as the content's where that can be written
   * by default.
   */
  readonly format?: string | undefined;
  /**
   * What is done where there is a result already: `yes`, by default, replaces it, and `number`
   * takes a free name beside it.
   */
  readonly overwrite?: (typeof OVERWRITING)[number] | undefined;
}

/**
 * One job a content, in order. `output` is a file for one content, - for stdout, or a folder, in
 * which each file is named after the content and the styles and keeps the content's format where
 * that can be written.
 *
 * @throws UsageError where the names cannot be meant: several contents for one file, an unknown
 *   ending, two results of one name, or a result that would replace a picture that is read.
 */
export async function planOutputs(
  contents: readonly ContentPath[],
  { styles, names = styles, others }: OtherInputs,
  output: string,
  { format, overwrite = "yes" }: OutputOptions = {},
): Promise<Job[]> {
  const isInFolder = await meansFolder(output, contents, format);
  const wanted = contents.map(({ path, subfolder = "" }) => ({
    content: path,
    output: isInFolder ? join(output, subfolder, resultName(path, names, format)) : output,
  }));
  if (output === STREAM) return wanted.map((job) => ({ ...job, isKept: false }));
  if (overwrite === "number") return numbered(wanted);
  const jobs: Job[] = [];
  for (const job of wanted) jobs.push({ ...job, isKept: overwrite === "no" && (await exists(job.output)) });
  await checkDistinct(jobs, [...styles, ...others]);
  return jobs;
}

/** @throws UsageError where the output is neither a folder nor the name of a picture. */
async function meansFolder(
  output: string,
  contents: readonly ContentPath[],
  format: string | undefined,
): Promise<boolean> {
  const isSeveral = contents.length > 1 || contents.some(({ subfolder }) => subfolder !== undefined);
  if (output === STREAM && !isSeveral) return false;
  const found = await stat(output).catch(() => undefined);
  if (found?.isDirectory()) return true;
  const endsAsFolder = output.endsWith("/") || output.endsWith(sep);
  if (found && (endsAsFolder || isSeveral)) {
    throw new UsageError(`Expected a folder for --output, to hold several pictures, but received the file ${output}.`);
  }
  if (endsAsFolder || (isSeveral && output !== STREAM && !isPictureName(output))) return true;
  if (isSeveral) {
    const example = output === STREAM ? "painted/" : `${parse(output).name}/`;
    throw new UsageError(
      `Expected a folder for --output, to hold ${contents.length} pictures, but received ${output}. Name a folder, such as ${example}.`,
    );
  }
  if (!isPictureName(output)) {
    throw new UsageError(
      `Expected a name ending in ${PICTURE_EXTENSIONS.join(", ")}, or a folder (with / at its end), for --output but received ${output}.`,
    );
  }
  if (format !== undefined && formatOf(extname(output).slice(1)) !== formatOf(format)) {
    throw new UsageError(`Expected a name ending in .${format}, as --format is, for --output but received ${output}.`);
  }
  return false;
}

/** One name for endings of one format. */
function formatOf(ending: string): string {
  return ending.toLowerCase().replace("jpeg", "jpg").replace("tiff", "tif");
}

/** The name of a content's result in a folder, such as lake-starry-night.jpg. */
function resultName(content: string, names: readonly string[], format: string | undefined): string {
  const extension =
    format !== undefined ? `.${format}` : isPictureName(fileName(content)) ? extname(fileName(content)) : ".png";
  return `${[content, ...names].map((path) => parse(fileName(path)).name).join("-")}${extension}`;
}

/** A name for the file of a picture: its own, or one made of its address. */
function fileName(path: string): string {
  if (path === STREAM) return "stdin";
  if (!isAddress(path) || !URL.canParse(path)) return path;
  const { pathname, hostname } = new URL(path);
  return (basename(pathname) || hostname).replaceAll(/%[0-9a-f]{2}|[^\w.-]/gi, "_");
}

function isPictureName(path: string): boolean {
  return PICTURE_EXTENSIONS.includes(extname(path).toLowerCase());
}

/** Whether there is anything of that name, be it a link that leads nowhere. */
async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** Gives every job a name that nothing has: lake.jpg, else lake-2.jpg, lake-3.jpg and so on. */
async function numbered(wanted: readonly Omit<Job, "isKept">[]): Promise<Job[]> {
  const taken = new Set<string>();
  const jobs: Job[] = [];
  for (const job of wanted) {
    const { dir, name, ext } = parse(job.output);
    let output = job.output;
    for (let number = 2; taken.has(output.toLowerCase()) || (await exists(output)); number++) {
      output = join(dir, `${name}-${number}${ext}`);
    }
    taken.add(output.toLowerCase());
    jobs.push({ ...job, output, isKept: false });
  }
  return jobs;
}

async function checkDistinct(jobs: readonly Job[], others: readonly string[]): Promise<void> {
  const inputs = new Map<string, string>();
  for (const path of [...others, ...jobs.map((job) => job.content)]) {
    const real = await realpath(path).catch(() => undefined);
    if (real !== undefined) inputs.set(real, path);
  }
  // Some file systems do not tell upper from lower case, so neither does this.
  const contents = new Map<string, string>();
  for (const { content, output, isKept } of jobs) {
    const other = contents.get(output.toLowerCase());
    if (other !== undefined) {
      throw new UsageError(
        `Expected contents of different names but ${other} and ${content} would both become ${basename(output)}; run them apart, or with --overwrite number.`,
      );
    }
    contents.set(output.toLowerCase(), content);
    const replaced = isKept ? undefined : inputs.get(await realpath(output).catch(() => ""));
    if (replaced !== undefined) {
      throw new UsageError(
        `Expected another name for --output, since ${output} would replace the picture ${replaced} itself.`,
      );
    }
  }
}

/** The folders that are made for results; those that stay empty are removed again in the end. */
export class OutputFolders implements AsyncDisposable {
  readonly #made: string[] = [];

  /**
   * Makes the folder of a job's output where it is missing.
   *
   * @throws Error with one sentence where it cannot be made.
   */
  async prepare({ output }: Job): Promise<void> {
    if (output === STREAM) return;
    const folder = dirname(output);
    try {
      const first = await mkdir(folder, { recursive: true });
      // The outermost that is new, and the one for the picture.
      if (first !== undefined) this.#made.push(...new Set([first, folder]));
    } catch (error) {
      const code = systemCode(error);
      throw code === undefined ? error : writeFailure(output, code === "EEXIST" ? "ENOTDIR" : code, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const folder of this.#made.reverse()) await rmdir(folder).catch(() => undefined);
  }
}
