/**
 * What this machine can compute on. Whether its GPU works is found out in a process of its own
 * (probeProcess.ts) and remembered in the folder for caches, under a digest of what the answer
 * depends on: drivers, versions, the processor.
 */

import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { availableParallelism, cpus, homedir, release } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Device } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import { cacheFolder } from "./download.ts";
import { replaceFile } from "./files.ts";
import { pictureVersions } from "./pictures.ts";
import { loadRuntime } from "./runtime.ts";
import { timeConvolution } from "./timing.ts";

/** How long the time of a test convolution was, or why there is none. */
type Answer = { readonly milliseconds: number } | { readonly reason: string };

/**
 * What became of trying both devices; the CPU's time is known where there was one to compare it
 * with.
 */
export interface DeviceProbe {
  readonly webgpu: Answer;
  readonly cpu?: Answer | undefined;
}

/** What {@link probeDevices} may be asked. */
export interface ProbeOptions {
  /** Whether to try even where an answer is remembered; false by default. */
  readonly renew?: boolean | undefined;
  /** Stops the trying. */
  readonly signal?: AbortSignal | undefined;
}

/** Counts the ways in which answers were found; those found in another way are not asked for. */
const FORMAT = 1;

/** How long a driver may take to answer, in milliseconds. */
const PATIENCE = 60_000;

const NO_DRIVER = "there is no Vulkan driver; install the one of your GPU";

/**
 * Folders in which Vulkan drivers announce themselves on Linux; without any, there is nothing to
 * ask.
 */
const DRIVER_FOLDERS = [
  "/etc/vulkan/icd.d",
  "/usr/share/vulkan/icd.d",
  "/usr/local/etc/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  join(process.env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "vulkan", "icd.d"),
];

/** Files in which the kernel shows GPUs and their drivers. */
const KERNEL_FOLDERS = ["/dev/dri", "/proc/driver/nvidia"];

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort().map((name) => join(folder, name));
}

/**
 * The files that announce Vulkan drivers: those that the environment names, else those of the
 * folders.
 */
async function driverFiles(): Promise<string[]> {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  const named = VK_DRIVER_FILES || VK_ICD_FILENAMES;
  if (named) return named.split(delimiter);
  return (await Promise.all(DRIVER_FOLDERS.map(filesIn))).flat();
}

async function mayHaveGpu(): Promise<boolean> {
  return process.platform !== "linux" || (await driverFiles()).length > 0;
}

/** A digest of everything that decides how a probe ends. */
async function machineKey(): Promise<string> {
  const drivers = await driverFiles();
  const libraries = await Promise.all(drivers.map(libraryOf));
  const files = [...drivers, ...libraries.flat(), ...(await Promise.all(KERNEL_FOLDERS.map(filesIn))).flat()];
  const found = files.map(async (path) => {
    const known = await stat(path).catch(() => undefined);
    return [path, known?.isFile() && !path.startsWith("/proc/") ? [known.size, known.mtimeMs] : known !== undefined];
  });
  const settings = Object.entries(process.env).filter(([name]) =>
    /^(VK_|DRI_PRIME$|CUDA_VISIBLE|MESA_|__NV_)/.test(name),
  );
  const facts = [
    FORMAT,
    ...[process.platform, process.arch, release(), process.versions.node, loadRuntime().env.versions],
    ...[cpus()[0]?.model, availableParallelism()],
    settings.sort(([a], [b]) => a.localeCompare(b)),
    await Promise.all(found),
  ];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

/** The library that a driver's file leads to, where that is said by its path. */
async function libraryOf(driver: string): Promise<string[]> {
  try {
    const { ICD } = JSON.parse(await readFile(driver, "utf8")) as { ICD?: { library_path?: unknown } };
    const path = String(ICD?.library_path);
    return path.includes("/") ? [resolve(driver, "..", path)] : [];
  } catch {
    return [];
  }
}

/**
 * Tries the GPU in a process of its own, or tells what came of it the last time, on the same
 * machine with the same drivers and versions. What is remembered lies in the folder for caches,
 * `devices`.
 *
 * @throws the signal's reason where it is aborted.
 */
export async function probeDevices({ renew = false, signal }: ProbeOptions = {}): Promise<DeviceProbe> {
  signal?.throwIfAborted();
  if (!(await mayHaveGpu())) return { webgpu: { reason: NO_DRIVER } };
  const folder = join(cacheFolder(), "devices");
  const path = join(folder, `${await machineKey()}.json`);
  const known = renew ? undefined : await readAnswer(path);
  if (known !== undefined) return known;
  const answer = await askProcess(signal);
  try {
    await mkdir(folder, { recursive: true });
    await replaceFile(path, Buffer.from(JSON.stringify(answer)));
  } catch {
    // A folder that cannot be written to costs the next process the same again.
  }
  return answer;
}

async function readAnswer(path: string): Promise<DeviceProbe | undefined> {
  try {
    const answer = JSON.parse(await readFile(path, "utf8")) as DeviceProbe;
    return isAnswer(answer.webgpu) && (answer.cpu === undefined || isAnswer(answer.cpu)) ? answer : undefined;
  } catch {
    return undefined;
  }
}

function isAnswer(answer: object): boolean {
  return ("milliseconds" in answer && Number(answer.milliseconds) > 0) || "reason" in answer;
}

function askProcess(signal: AbortSignal | undefined): Promise<DeviceProbe> {
  // Beside this file there is probeProcess.ts in the sources and probeProcess.js in the package.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const file = fileURLToPath(new URL(`./probeProcess.${extension}`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(file, {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      timeout: PATIENCE,
      // How `node --input-type=module --eval ...` reads its program is handed on otherwise, and
      // refused for a file.
      ...(process.execArgv.some((option) => option.startsWith("--input-type")) && { execArgv: [] }),
    });
    let answer: DeviceProbe | undefined;
    const stop = () => child.kill("SIGKILL");
    signal?.addEventListener("abort", stop, { once: true });
    child.on("message", (message) => {
      answer = explained(message as DeviceProbe);
    });
    const end = (reason: string) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) reject(signal.reason);
      else resolve(answer ?? { webgpu: { reason } });
    };
    child.on("error", (error) => end(error.message));
    child.on("exit", (code, died) => {
      if (died === "SIGTERM") end(`its driver gave no answer within ${PATIENCE / 1000} seconds`);
      else end(`its driver ended the process that tried it, with ${died ?? `code ${code}`}`);
    });
  });
}

/** The engine tells where in its sources it gave up; this tells why, in as far as it is known. */
function explained({ webgpu, ...rest }: DeviceProbe): DeviceProbe {
  if (!("reason" in webgpu)) return { webgpu, ...rest };
  const [line = ""] = webgpu.reason.split("\n");
  const reason = /No supported adapters/.test(line)
    ? "its Vulkan drivers find no GPU"
    : line.replace(/^.*\bwas false\. /, "").replace(/\/\S+\.(?:cc|cpp|h):\d+ \S+/g, "");
  return { webgpu: { reason }, ...rest };
}

/**
 * The device that `auto` stands for: WebGPU where it works, gives right values and is faster than
 * the CPU, else the CPU.
 */
export async function fasterDevice(signal?: AbortSignal): Promise<Device> {
  const { webgpu, cpu = { milliseconds: Number.POSITIVE_INFINITY } } = await probeDevices({ signal });
  if ("reason" in webgpu) return "cpu";
  return "reason" in cpu || webgpu.milliseconds < cpu.milliseconds ? "webgpu" : "cpu";
}

/**
 * Checks that a device that was asked for can be used. That it could not before is not taken for an
 * answer.
 *
 * @throws Error with one sentence where it cannot; the signal's reason where it is aborted.
 */
export async function checkDevice(device: Device, signal?: AbortSignal): Promise<void> {
  if (device === "cpu") return;
  let { webgpu } = await probeDevices({ signal });
  if ("reason" in webgpu) ({ webgpu } = await probeDevices({ signal, renew: true }));
  if ("reason" in webgpu) {
    const sentence = `WebGPU does not work on this machine: ${webgpu.reason}. Choose the device cpu or auto instead.`;
    throw new AdaattnError("engine", sentence);
  }
}

/** What one device of this machine can do. */
export interface DeviceInfo {
  readonly device: Device;
  readonly available: boolean;
  /** The time of a test convolution, or why the device is not available. */
  readonly detail: string;
}

/** Versions of the engine and its companions. */
export function engineVersions(): Readonly<Record<string, string>> {
  const { versions } = loadRuntime().env;
  return { onnxruntime: versions.node ?? versions.common, ...pictureVersions() };
}

/** Versions of the engine and its companions, and which devices answer. */
export async function engineInfo(
  options: ProbeOptions = {},
): Promise<{ versions: Readonly<Record<string, string>>; devices: DeviceInfo[] }> {
  const { webgpu, cpu } = await probeDevices(options);
  const own = cpu ?? (await timeConvolution("cpu").then((milliseconds) => ({ milliseconds }), reasonOf));
  return { versions: engineVersions(), devices: [infoOf("cpu", own), infoOf("webgpu", webgpu)] };
}

function reasonOf(error: unknown): Answer {
  return { reason: error instanceof Error ? error.message : String(error) };
}

function infoOf(device: Device, answer: Answer): DeviceInfo {
  if ("reason" in answer) return { device, available: false, detail: answer.reason };
  const time = answer.milliseconds.toFixed(1);
  return { device, available: true, detail: `a convolution of 0.6 billion products takes ${time} ms` };
}
