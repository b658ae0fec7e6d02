/** Every example for browsers, built by Vite and used in Chromium. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writePicture } from "adaattn/node";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, type PreviewServer, preview } from "vite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { waves } from "../../packages/adaattn/test/models.ts";

/** The machine may be busy. */
const PATIENCE = 200_000;
vi.setConfig({ testTimeout: 2 * PATIENCE, hookTimeout: PATIENCE });

const root = fileURLToPath(new URL("../browser", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "adaattn-pages-"));
const [photo, painting] = [join(folder, "photo.jpg"), join(folder, "painting.jpg")];
let browser: Browser;
let server: PreviewServer;
let address = "";

beforeAll(async () => {
  const options = { root, logLevel: "silent", build: { outDir: folder, emptyOutDir: true } } as const;
  await build(options);
  await writePicture(photo, waves(96, 64, 1));
  await writePicture(painting, waves(64, 64, 2));
  server = await preview({ ...options, preview: { host: "127.0.0.1", port: 0 } });
  address = server.resolvedUrls?.local[0] ?? "";
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens an example's page; what goes wrong on it fails the test. */
async function open(name: string): Promise<Page> {
  const page = await browser.newPage();
  page.on("pageerror", (error) => expect.fail(error.message));
  await page.goto(`${address}${name}/`);
  return page;
}

/** The size of a canvas and how many values its pixels have. */
const canvasOf = (page: Page, selector: string) =>
  page.locator(selector).evaluate((element) => {
    const canvas = element as unknown as {
      width: number;
      height: number;
      getContext(kind: "2d"): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8ClampedArray } };
    };
    const { width, height } = canvas;
    return { width, height, values: new Set(canvas.getContext("2d").getImageData(0, 0, width, height).data).size };
  });

test.each(["page", "worker"])("%s: chosen files are painted", async (name) => {
  const page = await open(name);
  await page.setInputFiles("#photo", photo);
  await page.setInputFiles("#painting", painting);
  await page.getByText("Painted", { exact: true }).waitFor({ timeout: PATIENCE });
  const { width, height, values } = await canvasOf(page, "#result");
  expect({ width, height }).toEqual({ width: 96, height: 64 });
  expect(values).toBeGreaterThan(50);
  await page.setInputFiles("#painting", { name: "x.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await page.getByText("no picture that this browser knows").waitFor({ timeout: PATIENCE });
});

test("component: the photograph is shown, then the painted one", async () => {
  const page = await open("component");
  await page.locator("adaattn-image canvas").waitFor({ timeout: PATIENCE });
  expect(await page.locator("adaattn-image img").isVisible()).toBe(false);
  expect((await canvasOf(page, "adaattn-image canvas")).values).toBeGreaterThan(50);
  expect(await page.getByRole("img", { name: "A castle above a forest" }).isVisible()).toBe(true);
  const failed = page.evaluate(
    `new Promise((told) => document.querySelector("adaattn-image").addEventListener("error", (event) => told(event.message)))`,
  );
  await page.locator("adaattn-image").evaluate((element) => element.setAttribute("style-src", "/nowhere/painting.png"));
  expect(await failed).toMatch(/nowhere|decoded/);
  await page.locator("adaattn-image img").waitFor({ timeout: PATIENCE });
});
