/** Finds the results of others in a folder, by a pattern of names. */
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { cannotRead } from "adaattn/internal/node";
import { PICTURE_EXTENSIONS } from "adaattn/node";
import { isPicture } from "../../files/pictures.ts";
import { UsageError } from "../../terminal/usage.ts";
import type { Pair } from "./pairs.ts";

/** The path of a pair's result, or nothing where there is none. */
export type FindResult = (pair: Pair) => string | undefined;

/**
 * Checks a pattern of names: it must hold `{content}` and `{style}`.
 *
 * @throws UsageError where it does not.
 */
export function checkPattern(pattern: string): string {
  if (pattern.includes("{content}") && pattern.includes("{style}")) return pattern;
  throw new UsageError(
    `Expected a name with {content} and {style} for --pattern but received ${pattern || "nothing"}.`,
  );
}

/**
 * Lists a folder of results once. In `pattern`, `{content}` and `{style}` stand for the pictures'
 * names without their endings; it may hold folders. Where it has no ending of a picture, all are
 * tried. Upper and lower case are not told apart.
 *
 * @throws Error with one sentence where the folder cannot be listed.
 */
export async function findResults(folder: string, pattern: string): Promise<FindResult> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
    throw cannotRead(folder, "it is not a folder that can be listed. Check its name.", error);
  });
  const paths = new Map<string, string>();
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    paths.set(relative(folder, path).split(sep).join("/").toLowerCase(), path);
  }
  const endings = isPicture(pattern) ? [""] : [...PICTURE_EXTENSIONS, ".gif"];
  return ({ content, style }) => {
    const name = nameOf(pattern, content.name, style.name).toLowerCase();
    return endings.map((ending) => paths.get(name + ending)).find((path) => path !== undefined);
  };
}

/** The pattern with names in it. */
export function nameOf(pattern: string, content: string, style: string): string {
  return pattern.replaceAll(/\{(content|style)\}/g, (_, role) => (role === "content" ? content : style));
}
