/**
 * Writes screenshots of every view, in both themes and at three widths, to a folder, `out/studio`
 * by default:
 *
 *   node --conditions=@adaattn/source --import ./scripts/source.mjs apps/studio/scripts/screenshots.ts [FOLDER] [VIEW...]
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { launch, open, serve } from "../test/site.ts";

const [folder = "out/studio", ...wanted] = process.argv.slice(2);

/** What is done before each picture is taken. */
const SCREENS: Readonly<Record<string, { hash: string; prepare?: (page: Page) => Promise<void> }>> = {
  first: { hash: "#picture" },
  picture: { hash: "#picture?photo=tiger&paintings=van-gogh-meadow,hokusai-great-wave&mix=0.3,0.5", prepare: painted },
  regions: {
    hash: "#picture?photo=portrait&paintings=kandinsky-composition-vii,hokusai-great-wave",
    prepare: async (page) => {
      await page.getByRole("button", { name: "Paint regions" }).click();
      const frame = page.locator('[data-stage="brush"] .frame');
      await frame.scrollIntoViewIfNeeded();
      const box = (await frame.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      await page.mouse.move(box.x + box.width * 0.35, box.y + box.height * 0.3);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.4, { steps: 8 });
      await page.mouse.up();
    },
  },
  attention: {
    hash: "#attention?photo=bee&paintings=van-gogh-meadow",
    prepare: async (page) => {
      const frame = page.locator('[data-stage="photo"] .frame');
      await frame.click({ position: { x: 120, y: 110 } });
      await page.waitForSelector('[data-attention="shown"]', { timeout: 120_000 });
    },
  },
  live: {
    hash: "#live",
    prepare: async (page) => {
      await page.getByRole("button", { name: "Start the camera" }).click();
      await page.waitForSelector("[data-fps]", { timeout: 120_000 });
    },
  },
  video: { hash: "#video" },
};

async function painted(page: Page): Promise<void> {
  await page.waitForSelector('[data-work="idle"]:not([data-finished="0"])', { timeout: 120_000 });
  await page.waitForFunction(() => document.querySelectorAll(".after canvas").length > 0, undefined, {
    timeout: 120_000,
  });
}

await mkdir(folder, { recursive: true });
const site = await serve({ isolated: true });
const browser = await launch();
for (const width of [390, 1024, 1600]) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [name, { hash, prepare }] of Object.entries(SCREENS)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      const viewport = { width, height: width < 500 ? 844 : 900 };
      const { context, page } = await open(browser, `${site.address}?device=cpu${hash}`, { viewport, colorScheme });
      await page.waitForLoadState("networkidle");
      await prepare?.(page);
      const path = join(folder, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: width < 500 });
      console.log(path);
      await context.close();
    }
  }
}
await browser.close();
await site.close();
