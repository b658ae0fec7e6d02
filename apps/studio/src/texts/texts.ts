/**
 * The texts in the user's language. English is always there; others are loaded when they are
 * chosen.
 */

import { signal } from "@preact/signals";
import { en, type Names, type TextKey, type Texts } from "./en.ts";

export type { TextKey };

/** The languages that there are, in their own words. */
export const LANGUAGES = { en: "English", zh: "中文", ja: "日本語" } as const;
export type Language = keyof typeof LANGUAGES;

interface Loaded {
  readonly texts: Texts;
  readonly names: Names;
}

const loaders: Readonly<Record<Language, () => Promise<Loaded>>> = {
  en: async () => ({ texts: en, names: {} }),
  zh: async () => {
    const { zh, zhNames } = await import("./zh.ts");
    return { texts: zh, names: zhNames };
  },
  ja: async () => {
    const { ja, jaNames } = await import("./ja.ts");
    return { texts: ja, names: jaNames };
  },
};

const loaded = signal<Loaded>({ texts: en, names: {} });
export const language = signal<Language>("en");

/** Loads a language and shows everything in it. */
export async function chooseLanguage(name: Language): Promise<void> {
  loaded.value = await loaders[name]();
  language.value = name;
  document.documentElement.lang = name;
}

/** The language that the browser prefers among those that there are. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = (Object.keys(LANGUAGES) as Language[]).find((name) => tag.toLowerCase().split("-")[0] === name);
    if (found !== undefined) return found;
  }
  return "en";
}

/** A text with `{names}` replaced by values. */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  return loaded.value.texts[key].replaceAll(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}

/**
 * A bundled picture's title or an artist's name in the user's language, by its key; otherwise as it
 * is given.
 */
export function nameOf(key: string, otherwise = key): string {
  return loaded.value.names[key] ?? otherwise;
}
