/**
 * What the files of this folder share: the studio as it ships, built once and served, one Chromium,
 * and small pictures to open.
 */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import sharp from "sharp";
import type { TestProject } from "vitest/node";
import { CHROMIUM, FLAGS, serve } from "../site.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The site's address, where the browser is connected to, and the folder of the pictures. */
    readonly studio: { readonly address: string; readonly browser: string; readonly folder: string };
  }
}

const asset = (name: string) => new URL(`../../../../assets/${name}`, import.meta.url).pathname;

/** Builds and starts it all, and returns how it is ended. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (CHROMIUM === undefined) {
    if (process.env.CI === "true")
      throw new Error("Expected Chromium, since CI is true, but there is none; run npm run setup:test && npm test");
    return undefined;
  }
  // As it ships: vitest's own mode would leave parts out.
  const vite = new URL("../../../../node_modules/vite/bin/vite.js", import.meta.url).pathname;
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, [vite, "build"], {
    cwd: new URL("../..", import.meta.url).pathname,
    env,
  });

  const folder = await mkdtemp(join(tmpdir(), "studio-"));
  const pictures = [
    ["contents/castle.jpg", 160, 112, "photo.png"],
    ["paintings/van-gogh-starry-night.jpg", 144, 128, "painting.png"],
    ["contents/bee.jpg", 48, 32, "tiny photo.png"],
    ["paintings/van-gogh-meadow.jpg", 32, 32, "tiny painting.png"],
  ] as const;
  for (const [name, width, height, made] of pictures) {
    await sharp(asset(name)).resize(width, height).png().toFile(join(folder, made));
  }

  const site = await serve();
  const browser = await chromium.launchServer({ executablePath: CHROMIUM, args: [...FLAGS] });
  project.provide("studio", { address: site.address, browser: browser.wsEndpoint(), folder });
  return async () => {
    await browser.close();
    await site.close();
    await rm(folder, { recursive: true, force: true });
  };
}
