/** The header Range of a request, as far as it is honoured: one range of bytes. */
import { Problem } from "../problem.ts";

/**
 * The first and the last byte that are asked for; undefined where all of them are, or what is asked
 * is none of what is honoured.
 *
 * @param size how many bytes there are.
 * @throws Problem where there are no such bytes.
 */
export function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  // Without a first byte the other number counts from the end.
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
  if (start > end || (from === "" && Number(to) === 0)) {
    throw new Problem("range-not-satisfiable", `Expected a range within ${size} bytes.`, {
      headers: { "content-range": `bytes */${size}` },
    });
  }
  return { start, end };
}
