/** Which contents are evaluated in which styles. */
import { basename } from "node:path";
import { readWholeFile } from "adaattn/internal/node";
import type { NamedPicture } from "../../files/pictures.ts";

/** A content and a style to paint it in. */
export interface Pair {
  readonly content: NamedPicture;
  readonly style: NamedPicture;
}

/**
 * Every content in every style or, where that is more than `limit`, so many pairs, the same ones
 * every time. They go along the diagonals of the table of contents and styles, so that no content
 * or style is in more than one pair more than another.
 */
export function crossPairs(contents: readonly NamedPicture[], styles: readonly NamedPicture[], limit?: number): Pair[] {
  const wanted = Math.min(limit ?? Number.POSITIVE_INFINITY, contents.length * styles.length);
  const [rows, columns] = [evenly(contents, wanted), evenly(styles, wanted)];
  const lap = leastCommonMultiple(rows.length, columns.length);
  return Array.from({ length: wanted }, (_, at) => {
    const [content, style] = [rows[at % rows.length], columns[(at + Math.floor(at / lap)) % columns.length]];
    if (content === undefined || style === undefined) throw new Error("Expected at least one content and one style");
    return { content, style };
  });
}

/** At most `count` of the items, at even distances. */
export function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return items.filter(
    (_, at) => Math.floor((at * count) / items.length) !== Math.floor(((at - 1) * count) / items.length),
  );
}

function leastCommonMultiple(a: number, b: number): number {
  let [divisor, rest] = [a, b];
  while (rest > 0) [divisor, rest] = [rest, divisor % rest];
  return (a * b) / divisor;
}

/**
 * The pairs that a file lists, one a line: two names with a comma, a tab or a space between, or a
 * JSON object with `content` and `style`. A first line with the words content and style says which
 * columns they are in, as in the report's own metrics.csv. Names may have their ending, and folders
 * before them, or not. Empty lines, lines that begin with #, and repeated pairs are skipped.
 *
 * @throws Error with one sentence that names the file and the line where a name is missing or no
 *   such picture was given.
 */
export async function readPairs(
  file: string,
  contents: readonly NamedPicture[],
  styles: readonly NamedPicture[],
): Promise<Pair[]> {
  const lines = new TextDecoder().decode(await readWholeFile(file)).split(/\r?\n/);
  const pairs = new Map<string, Pair>();
  let columns: Columns | undefined;
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    if (text === "" || text.startsWith("#")) continue;
    const place = `line ${index + 1} of ${file}`;
    let names: { content?: unknown; style?: unknown };
    if (text.startsWith("{")) names = parseObject(text, place);
    else {
      const fields = splitFields(text);
      const header = columns === undefined ? headerColumns(fields) : undefined;
      columns ??= header ?? { content: 0, style: 1 };
      if (header !== undefined) continue;
      names = { content: fields[columns.content], style: fields[columns.style] };
    }
    const pair = {
      content: find(contents, names.content, "content", place),
      style: find(styles, names.style, "style", place),
    };
    pairs.set(JSON.stringify(pair), pair);
  }
  if (pairs.size === 0) throw new Error(`Expected pairs of a content and a style in ${file} but found none.`);
  return [...pairs.values()];
}

/** Which field of a line holds which name. */
interface Columns {
  readonly content: number;
  readonly style: number;
}

function headerColumns(fields: readonly string[]): Columns | undefined {
  const words = fields.map((field) => field.toLowerCase());
  const columns = { content: words.indexOf("content"), style: words.indexOf("style") };
  return columns.content === -1 || columns.style === -1 ? undefined : columns;
}

function parseObject(text: string, place: string): { content?: unknown; style?: unknown } {
  try {
    return JSON.parse(text) as { content?: unknown; style?: unknown };
  } catch (error) {
    throw new Error(`Expected a JSON object for ${place} but received ${text}.`, { cause: error });
  }
}

/**
 * The fields of a line of CSV, with tabs in place of commas where there are any, or spaces where
 * there is neither.
 */
function splitFields(text: string): string[] {
  const separator = text.includes("\t") ? "\t" : text.includes(",") ? "," : " ";
  const fields = text.matchAll(new RegExp(`(?:^|${separator}+)(?:"((?:[^"]|"")*)"|([^${separator}]*))`, "g"));
  return Array.from(fields, ([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain.trim());
}

function find(pictures: readonly NamedPicture[], wanted: unknown, role: string, place: string): NamedPicture {
  const file = typeof wanted === "string" ? basename(wanted) : undefined;
  const found = pictures.find(({ path }) => basename(path) === file) ?? pictures.find(({ name }) => name === file);
  if (found === undefined) {
    throw new Error(
      `Expected one of the given ${role}s in ${place} but received ${wanted ? String(wanted) : "nothing"}.`,
    );
  }
  return found;
}
