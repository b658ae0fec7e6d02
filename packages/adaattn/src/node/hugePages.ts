/**
 * Memory in huge pages. Painting passes many megabytes from layer to layer, and in pages of 4 KiB
 * the system takes longer to hand them out than the arithmetic takes. glibc asks for huge pages
 * where its environment says so when the process starts, and from nowhere else; the same goes for
 * keeping what was given back, which would otherwise be handed out anew for every frame of a film.
 */

import { readFileSync } from "node:fs";

const HUGE = "glibc.malloc.hugetlb=1";

/**
 * How much is kept. Blocks above 48 MiB, which only layers of large pictures are, go back to the
 * system at once, so that those keep to their memory; of the others, 128 MiB may lie unused. One
 * arena serves all threads, each of which would otherwise keep its own.
 */
const KEPT = [
  `glibc.malloc.mmap_threshold=${48 * 2 ** 20}`,
  `glibc.malloc.trim_threshold=${128 * 2 ** 20}`,
  `glibc.malloc.top_pad=${64 * 2 ** 20}`,
  "glibc.malloc.arena_max=1",
];

/**
 * The environment with which a process has its memory in huge pages, from glibc 2.35 on, and keeps
 * it; the same one where it says itself whether pages are to be huge.
 */
export function withHugePages(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GLIBC_TUNABLES: others } = environment;
  if (others?.includes("glibc.malloc.hugetlb=")) return environment;
  return { ...environment, GLIBC_TUNABLES: [...(others ? [others] : []), HUGE, ...KEPT].join(":") };
}

/**
 * Whether a process with this environment, by default this one, has its memory in huge pages: the
 * kernel always gives them, or gives them where it is asked and is asked.
 */
export function hasHugePages(environment: NodeJS.ProcessEnv = process.env): boolean {
  let kernel: string;
  try {
    kernel = readFileSync("/sys/kernel/mm/transparent_hugepage/enabled", "utf8");
  } catch {
    return false;
  }
  const isAsked = environment.GLIBC_TUNABLES?.includes(HUGE) === true;
  return kernel.includes("[always]") || (kernel.includes("[madvise]") && isAsked);
}
