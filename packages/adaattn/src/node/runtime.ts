/**
 * ONNX Runtime for this system. Published, it comes as optional packages, one a system, with
 * nothing but that system's binaries and without a script that downloads more (scripts/pack.ts
 * makes them). Here it is Microsoft's onnxruntime-node with all of them.
 */

import { createRequire } from "node:module";
import { AdaattnError } from "../error.ts";

/** What onnxruntime-node exports. */
export type Runtime = typeof import("onnxruntime-node");

/** The systems that ONNX Runtime has binaries for; those of Linux need glibc. */
export const SYSTEMS: readonly string[] = ["darwin-arm64", "linux-arm64", "linux-x64", "win32-arm64", "win32-x64"];

let loaded: Runtime | undefined;

/**
 * ONNX Runtime, loaded when it is first asked for.
 *
 * @throws AdaattnError `engine` where there is none for this system, or it is not installed.
 */
export function loadRuntime(): Runtime {
  loaded ??= findRuntime(createRequire(import.meta.url), `${process.platform}-${process.arch}`, isMusl);
  return loaded;
}

/** Whether this is a Linux without glibc, such as Alpine. */
function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime === undefined;
}

/**
 * Loads the package of a system, or the one that has all systems.
 *
 * @param load `require`, as of a module here.
 * @param platform the system, such as `linux-x64`.
 * @param isMusl whether its C library is musl; asked only where nothing could be loaded.
 */
export function findRuntime(load: (name: string) => unknown, platform: string, isMusl: () => boolean): Runtime {
  const own = `@adaattn/onnxruntime-${platform}`;
  let cause: unknown;
  for (const name of [own, "onnxruntime-node"]) {
    try {
      return load(name) as Runtime;
    } catch (error) {
      if (!isMissing(error, name)) cause ??= error;
    }
  }
  const system = isMusl() ? `${platform} with musl` : platform;
  if (!SYSTEMS.includes(system)) {
    const known = "Linux with glibc (x64, arm64), macOS on Apple silicon or Windows (x64, arm64)";
    throw new AdaattnError(
      "engine",
      `Expected ${known} but received ${system}, for which ONNX Runtime has no binaries.`,
      {
        cause,
      },
    );
  }
  if (cause === undefined) {
    const reason = "npm leaves it out where optional packages are omitted";
    throw new AdaattnError("engine", `ONNX Runtime is not installed: npm install ${own} (${reason}).`);
  }
  const message = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
  throw new AdaattnError("engine", `ONNX Runtime cannot be loaded on ${system}: ${message}`, { cause });
}

/** Whether a package itself is missing, not something that it asks for. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "MODULE_NOT_FOUND" && message?.startsWith(`Cannot find module '${name}'`) === true;
}
