/** `adaattn styles`: the bundled paintings. */
import { listPaintings } from "adaattn/node";

/**
 * Prints name, title, artist and year of every bundled painting on stdout, as a table or as one
 * JSON array.
 */
export function styles({ json }: { readonly json: boolean }): void {
  const paintings = listPaintings();
  if (json) {
    process.stdout.write(`${JSON.stringify(paintings)}\n`);
    return;
  }
  const width = Math.max(...paintings.map(({ name }) => name.length));
  for (const { name, title, artist, year } of paintings) {
    const facts = [title, artist, year].filter((fact) => fact !== "");
    process.stdout.write(`${name.padEnd(width)}  ${facts.join(", ")}\n`);
  }
}
