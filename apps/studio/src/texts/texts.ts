/** The texts in the user's language. English is always there; others are loaded when they are chosen. */

import { signal } from "@preact/signals";
import { en } from "./en.ts";

export type TextKey = keyof typeof en;
export type Texts = Readonly<Record<TextKey, string>>;

/** The languages that there are, in their own words. */
export const LANGUAGES = { en: "English", zh: "中文", ja: "日本語" } as const;
export type Language = keyof typeof LANGUAGES;

const loaders: Readonly<Record<Language, () => Promise<Texts>>> = {
  en: async () => en,
  zh: async () => (await import("./zh.ts")).zh,
  ja: async () => (await import("./ja.ts")).ja,
};

const texts = signal<Texts>(en);
export const language = signal<Language>("en");

/** Loads a language and shows everything in it. */
export async function chooseLanguage(name: Language): Promise<void> {
  texts.value = await loaders[name]();
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
  return texts.value[key].replaceAll(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}
