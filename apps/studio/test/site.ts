/**
 * The built studio on a local server, and Chromium to look at it with: what the tests and the
 * screenshots share.
 */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { ISOLATED } from "../scripts/staticFiles.ts";

const dist = join(import.meta.dirname, "../dist");

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".jpg": "image/jpeg",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** A static host. */
export interface Site {
  readonly address: string;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** Stops answering, as a network that is gone. */
  close(): Promise<void>;
}

/**
 * Serves the built studio; with `isolated`, with the headers that threads need; with `labelled`,
 * saying of `.gz` files that they are gzipped, as many servers do; `without` the files whose paths
 * match.
 */
export async function serve({ isolated = false, labelled = false, without = /^$/ } = {}): Promise<Site> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    asked.push(path);
    try {
      if (without.test(path)) throw new Error("This file is withheld.");
      const body = await readFile(join(dist, path.endsWith("/") ? `${path}index.html` : path));
      const type = TYPES[extname(path) || ".html"] ?? "application/octet-stream";
      const label = labelled && path.endsWith(".gz") && { "content-encoding": "gzip" };
      const headers = { "content-type": type, "content-length": body.length, ...(isolated && ISOLATED), ...label };
      response.writeHead(200, headers).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    close: async () => {
      server.close();
      // Chromium keeps connections for later.
      server.closeAllConnections();
    },
  };
}

/** Where Chromium is, as the environment or an installed package gives it. */
export const CHROMIUM = [process.env.CHROMIUM_PATH, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);

/** WebGPU by SwiftShader, in software; a camera that shows a moving pattern. */
export const FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--no-first-run",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--ignore-gpu-blocklist",
  // Software is slow enough for the watchdog to take the GPU for hung.
  "--disable-gpu-watchdog",
  // Each page compiles the engine anew; only what takes most of the time of a painting is worth
  // optimizing.
  "--js-flags=--wasm-tiering-budget=1500000000",
];

export function launch(flags: readonly string[] = []): Promise<Browser> {
  if (CHROMIUM === undefined)
    throw new Error("Expected Chromium but there is none; on Debian: apt-get install chromium");
  return chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...flags] });
}

/** A page, and what its console complained of. */
export interface Opened {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly complaints: string[];
}

export async function open(
  browser: Browser,
  address: string,
  options: Parameters<Browser["newContext"]>[0] = {},
  prepare: (context: BrowserContext) => Promise<unknown> = async () => undefined,
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await prepare(context);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(address);
  await page.waitForSelector("main");
  return { context, page, complaints };
}
