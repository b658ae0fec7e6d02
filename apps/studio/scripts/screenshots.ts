/**
 * The pictures of docs/screenshots.md, and the page: every view of the built studio at three widths
 * in both themes, on the CPU, with a photograph before the camera.
 *
 *   npm run screenshots [-- VIEW... --out FOLDER]
 *
 * Without names it makes all of them.
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { launch, open, serve } from "../test/site.ts";

const repository = join(import.meta.dirname, "../../..");
const {
  positionals,
  values: { out: folder },
} = parseArgs({ allowPositionals: true, options: { out: { type: "string", default: join(repository, "docs") } } });

const THEMES = ["light", "dark"] as const;
/** The widths and heights of the windows, and how wide their pictures are. */
const WINDOWS = [
  { width: 390, height: 844, shown: 312 },
  { width: 1024, height: 768, shown: 640 },
  { width: 1600, height: 900, shown: 800 },
] as const;
const QUALITY = 52;
const PATIENCE = { timeout: 300_000 };

interface View {
  readonly title: string;
  readonly hash: string;
  /** What is done once. */
  readonly prepare?: (page: Page) => Promise<unknown>;
  /** What is done in every window, such as opening a dialog. */
  readonly show?: (page: Page) => Promise<unknown>;
}

const VIEWS: Readonly<Record<string, View>> = {
  first: { title: "The first visit", hash: "#picture" },
  picture: {
    title: "A picture of two paintings",
    hash: "#picture?photo=tiger&paintings=van-gogh-meadow,hokusai-great-wave&mix=0.3,0.5",
    prepare: painted,
  },
  regions: {
    title: "Regions",
    hash: "#picture?photo=portrait&paintings=kandinsky-composition-vii,hokusai-great-wave",
    prepare: async (page) => {
      await page.getByRole("button", { name: "Paint regions" }).click();
      const frame = page.locator('[data-stage="brush"] .frame');
      const box = (await frame.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      await page.mouse.move(box.x + box.width * 0.35, box.y + box.height * 0.3);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.4, { steps: 8 });
      await page.mouse.up();
      await painted(page);
    },
  },
  crop: {
    title: "The crop of a photo",
    hash: "#picture?photo=bee",
    prepare: painted,
    show: async (page) => {
      if ((await page.getByRole("dialog").count()) === 0) {
        await page.getByRole("button", { name: "Crop and turn" }).click();
      }
    },
  },
  attention: {
    title: "Attention",
    hash: "#attention?photo=bee&paintings=van-gogh-meadow",
    prepare: async (page) => {
      await page.locator('[data-stage="photo"] .frame').click({ position: { x: 60, y: 60 } });
      await page.waitForSelector('[data-attention="shown"]', PATIENCE);
      await page.getByRole("img", { name: "What comes of it" }).waitFor(PATIENCE);
    },
  },
  live: {
    title: "Live",
    hash: "#live",
    prepare: async (page) => {
      await page.locator('input[name="side"]').fill("3");
      await page.getByRole("button", { name: "Start the camera" }).click();
      await page.waitForSelector("[data-fps]", PATIENCE);
    },
  },
  video: {
    title: "Video",
    hash: "#video",
    prepare: async (page) => {
      await page.getByRole("button", { name: "Try a sample clip" }).click();
      await page.getByRole("button", { name: "Compare side by side" }).click(PATIENCE);
      await page.getByRole("img", { name: "A frame of the video, painted" }).waitFor(PATIENCE);
    },
  },
};

async function painted(page: Page): Promise<void> {
  await page.waitForSelector('[data-work="idle"]:not([data-finished="0"])', PATIENCE);
}

/** What differs from run to run becomes the same: times, frames per second. */
async function steady(page: Page): Promise<void> {
  await page.waitForSelector('[data-engine="ready"]', PATIENCE);
  await page.evaluate(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
      const told = node.nodeValue ?? "";
      const same = told
        .replace(/(?<=pixels in )[\d.]+/, "2")
        .replace(/^[\d.]+(?= frames per second)/, "2")
        .replace(/, about \d+ (s|min)$/, "");
      if (same !== told) node.nodeValue = same;
    }
  });
  // Those that come late, too.
  await page.evaluate(() => {
    for (const image of document.images) image.loading = "eager";
  });
  await page.waitForFunction(() => [...document.images].every(({ complete }) => complete), undefined, PATIENCE);
}

async function take(page: Page, name: string, view: View): Promise<void> {
  for (const { width, height, shown } of WINDOWS) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.waitForSelector(`html[data-theme="${colorScheme}"]`);
      await view.show?.(page);
      await steady(page);
      const taken = await page.screenshot({ animations: "disabled" });
      const file = join(folder, "screenshots", `${name}-${width}-${colorScheme}.webp`);
      await writeFile(
        file,
        await sharp(taken).resize({ width: shown }).webp({ quality: QUALITY, effort: 6 }).toBuffer(),
      );
      console.log(file);
    }
  }
}

function written(): string {
  const intro = `# Screenshots

Every view of the [studio](studio.md) in windows of 390, 1024 and 1600 pixels, by day and by night, in Chromium. \`npm run screenshots\`
makes this page again.`;
  const parts = Object.entries(VIEWS).map(([name, { title }]) => {
    const pictures = THEMES.flatMap((theme) =>
      WINDOWS.map(({ width, shown }) => {
        const [source, alt] = [`./screenshots/${name}-${width}-${theme}.webp`, `${title}, ${width} pixels, ${theme}`];
        return `<img src="${source}" width="${Math.round(shown * 0.4)}" loading="lazy" alt="${alt}">`;
      }),
    );
    return `## ${title}\n\n${pictures.join("\n")}`;
  });
  return `${[intro, ...parts].join("\n\n")}\n`;
}

const unknown = positionals.filter((name) => VIEWS[name] === undefined);
if (unknown.length > 0)
  throw new Error(`Expected ${Object.keys(VIEWS).join(", ")} for VIEW but received ${unknown.join(", ")}.`);
await mkdir(join(folder, "screenshots"), { recursive: true });
const temporary = await mkdtemp(join(tmpdir(), "screenshots-"));
const site = await serve({ isolated: true });
try {
  // Chromium takes a file of successive JPEG pictures for a camera.
  const camera = join(temporary, "camera.mjpeg");
  await sharp(join(repository, "assets/contents/portrait.jpg")).resize(640, 480).jpeg().toFile(camera);
  const browser = await launch([`--use-file-for-fake-video-capture=${camera}`]);
  try {
    for (const [name, view] of Object.entries(VIEWS)) {
      if (positionals.length > 0 && !positionals.includes(name)) continue;
      const options = { viewport: { width: 1600, height: 900 }, reducedMotion: "reduce", locale: "en" } as const;
      const { context, page } = await open(browser, `${site.address}?device=cpu${view.hash}`, options);
      await page.waitForLoadState("networkidle");
      await page.waitForSelector('[data-engine="ready"]', PATIENCE);
      await view.prepare?.(page);
      await take(page, name, view);
      await context.close();
    }
  } finally {
    await browser.close();
  }
  await writeFile(join(folder, "screenshots.md"), written());
} finally {
  await site.close();
  await rm(temporary, { recursive: true });
}
