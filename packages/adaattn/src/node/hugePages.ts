/**
 * Memory in huge pages. Painting passes many megabytes from layer to layer, and in pages of 4 KiB
 * the system takes longer to hand them out than the arithmetic takes. glibc asks for huge pages
 * where its environment says so when the process starts, and from nowhere else.
 */

import { readFileSync } from "node:fs";

const SETTING = "glibc.malloc.hugetlb=1";

/** The environment with which a process has its memory in huge pages, from glibc 2.35 on. */
export function withHugePages(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GLIBC_TUNABLES: others } = environment;
  if (others?.includes("glibc.malloc.hugetlb=")) return environment;
  return { ...environment, GLIBC_TUNABLES: others ? `${others}:${SETTING}` : SETTING };
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
  const isAsked = environment.GLIBC_TUNABLES?.includes(SETTING) === true;
  return kernel.includes("[always]") || (kernel.includes("[madvise]") && isAsked);
}
