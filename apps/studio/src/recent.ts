/**
 * The last results, kept in this browser: of each photograph in each choice of paintings the last
 * one, until there is no more room.
 */

import { effect, signal } from "@preact/signals";
import { type KeptResult, keptResults, surplusOf } from "./pictures/kept.ts";
import { encodePicture } from "./pictures/save.ts";
import { finished, nameOfFile, type Result, result } from "./result.ts";
import { complain, linkOf } from "./state.ts";

/** A kept result, and where its picture is shown from. */
export interface Recent extends KeptResult {
  readonly url: string;
}

/** The newest first. */
export const recent = signal<readonly Recent[]>([]);

keptResults.all().then((kept) => {
  const shown = kept.toReversed().map((one) => ({ ...one, url: URL.createObjectURL(one.file) }));
  recent.value = [...recent.peek(), ...shown.filter(({ id }) => !recent.peek().some((one) => one.id === id))];
}, complain);

effect(() => {
  finished.value;
  const made = result.peek();
  if (made !== undefined && !made.isPreview) keep(made).catch(complain);
});

async function keep(made: Result): Promise<void> {
  const link = linkOf(made.settings, made.photo.sample);
  const file = await encodePicture(made.painted, "jpeg");
  // While it was encoded, another may have been made.
  if (result.peek() !== made) return;
  const id = `${made.photo.name} ${made.settings.paintings.join()}`;
  const one: KeptResult = { id, name: nameOfFile(made, "jpg"), file, link, added: Date.now() };
  for (const old of recent.peek()) if (old.id === id) URL.revokeObjectURL(old.url);
  recent.value = [{ ...one, url: URL.createObjectURL(file) }, ...recent.peek().filter((old) => old.id !== id)];
  await keptResults.keep(one);
  const surplus = surplusOf(recent.peek());
  for (const { id: old } of surplus === 0 ? [] : recent.peek().slice(-surplus)) await removeRecent(old);
}

/** Removes a result, here and for later visits. */
export async function removeRecent(id: string): Promise<void> {
  for (const one of recent.peek()) if (one.id === id) URL.revokeObjectURL(one.url);
  recent.value = recent.peek().filter((one) => one.id !== id);
  await keptResults.drop(id);
}

export async function removeAllRecent(): Promise<void> {
  for (const { id } of recent.peek()) await removeRecent(id);
}
