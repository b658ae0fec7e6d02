/** What the page loads, from which servers, and that it works without a network. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { preview } from "vite";
import { expect, inject, test } from "vitest";
import { serve } from "../site.ts";
import { give, inChromium, opened, PATIENCE, painted, path, visit, visitAt } from "./harness.ts";

const studio = new URL("../..", import.meta.url).pathname;

inChromium("what the page loads", () => {
  test("loads at most 70 kB of its own and 400 kB of pictures before the engine and the model", async () => {
    const page = await visit("");
    await page.waitForLoadState("networkidle");
    const loaded = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname),
    );
    // The worker belongs to the engine, which is loaded once the page is idle.
    const isOwn = (name: string) => /\.(js|css)$/.test(name) && !name.includes("/worker-");
    const code = ["/index.html", ...new Set(loaded.filter(isOwn))];
    const dist = new URL("../../dist", import.meta.url).pathname;
    const sizes = await Promise.all(
      code.map(async (name) => gzipSync(await readFile(dist + name), { level: 9 }).length),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(code.length).toBeGreaterThan(2);
    expect(total).toBeLessThanOrEqual(70_000);
    const pictures = await page.evaluate(() =>
      (performance.getEntriesByType("resource") as PerformanceResourceTiming[])
        .filter(({ name }) => name.endsWith(".jpg"))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    );
    expect(pictures).toBeGreaterThan(50_000);
    expect(pictures).toBeLessThanOrEqual(400_000);
    expect(opened.complaints).toEqual([]);
  });

  test("loads at most 1 MB in all before anything is painted, with what is kept for offline use", async () => {
    const own = await serve();
    try {
      const page = await visitAt(`${own.address}?device=cpu`);
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      await page.waitForSelector('[data-engine="ready"]', PATIENCE);
      await page.waitForLoadState("networkidle");
      expect(await page.locator("[data-finished]").count()).toBe(0);
    } finally {
      await own.close();
    }
    const isEngine = (name: string) => /^\/(engine|models)\/|^\/assets\/(worker-|ort\.)/.test(name);
    const isText = (name: string) => /\.(js|css|html|txt|svg|webmanifest)$/.test(name);
    /** What the page and its service worker were sent, as hosts send it: texts gzipped. */
    const sent = await Promise.all(
      own.asked
        .filter((name) => !isEngine(name))
        .map(async (path) => {
          const name = path.endsWith("/") ? `${path}index.html` : path;
          const content = await readFile(`${studio}dist${name}`);
          return { name, bytes: isText(name) ? gzipSync(content, { level: 9 }).length : content.length };
        }),
    );
    expect(own.asked.some(isEngine)).toBe(true);
    expect(sent.map(({ name }) => name)).toContain("/licenses.txt");
    const total = sent.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBeGreaterThan(500_000);
    expect(total).toBeLessThanOrEqual(1_000_000);
    const thumbnails = sent.filter(({ name }) => name.startsWith("/pictures/thumbnails/"));
    expect(new Set(thumbnails.map(({ name }) => name)).size).toBe(33 + 6);
    for (const { name, bytes } of thumbnails) expect([name, bytes <= 8192]).toEqual([name, true]);
    expect(opened.complaints).toEqual([]);
  });

  test("paints from a server that labels gzipped files, as the one that `npm run studio` starts", async () => {
    const labelling = await serve({ labelled: true });
    const previewing = await preview({
      root: studio,
      configFile: join(studio, "vite.config.ts"),
      preview: { port: 0 },
    });
    try {
      for (const address of [labelling.address, previewing.resolvedUrls?.local[0] ?? ""]) {
        await visitAt(`${address}?device=cpu`);
        await give(opened.page, "painting", path("tiny painting.png"));
        await give(opened.page, "photo", path("tiny photo.png"));
        await painted(opened.page);
        expect(opened.complaints).toEqual([]);
        await opened.context.close();
      }
    } finally {
      await labelling.close();
      await previewing.close();
    }
  });

  test("loads no engine ahead for users who spare data, and fills the bar while it is loaded", async () => {
    const page = await visitAt(`${inject("studio").address}?device=cpu`, {}, undefined, (context) =>
      context.addInitScript(() => Object.defineProperty(navigator, "connection", { value: { saveData: true } })),
    );
    await page.waitForLoadState("networkidle");
    await page.waitForSelector('[data-engine="idle"]');
    // What is told of the engine can be read on a phone, too, in a header that stays as tall.
    await page.setViewportSize({ width: 390, height: 844 });
    for (const language of ["ja", "zh", "en"]) {
      await page.locator('select[name="language"]').selectOption(language);
      await page.waitForSelector(`html[lang="${language}"]`);
      const header = await page.locator(".top").evaluate((top: HTMLElement) => [top.scrollWidth, top.offsetHeight]);
      const [told, whole] = await page
        .locator(".engine span")
        .last()
        .evaluate((text) => {
          const words = document.createRange();
          words.selectNodeContents(text);
          return [words.getBoundingClientRect().right, text.getBoundingClientRect().right];
        });
      expect([language, ...header, (told ?? 0) <= (whole ?? 0) + 1]).toEqual([language, 390, 53, true]);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.evaluate(() => {
      const seen: (readonly [string, number])[] = [];
      Object.assign(globalThis, { seen });
      new MutationObserver(() => {
        const bar = document.querySelector(".status [role=progressbar]");
        seen.push([document.querySelector(".status p")?.textContent ?? "", Number(bar?.getAttribute("aria-valuenow"))]);
      }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    });
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("tiny photo.png"));
    await painted(page);
    const seen = await page.evaluate(() => (globalThis as unknown as { seen: [string, number][] }).seen);
    for (const told of [/^Engine: [\d.]+ of [\d.]+ MB$/, /^Model: [\d.]+ of [\d.]+ MB$/]) {
      const percents = seen.filter(([text]) => told.test(text)).map(([, percent]) => percent);
      expect(Math.max(...percents)).toBeGreaterThan(50);
    }
    expect(opened.complaints).toEqual([]);
  });

  test("works without a network once it was loaded, with threads where the host allows them", async () => {
    const own = await serve({ isolated: true });
    await visitAt(`${own.address}?device=cpu`);
    const { page, context } = opened;
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await give(page, "photo", path("photo.png"));
    await painted(page);
    // The camera and films have a model of their own, which is fetched once a picture is done, its
    // weights last.
    const isKept = () =>
      page.evaluate(async () => {
        const stores = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
        return stores.flat().some(({ url }) => url.includes("small-video/model.safetensors"));
      });
    await expect.poll(isKept, PATIENCE).toBe(true);
    await own.close();
    await context.setOffline(true);
    await page.reload();
    await give(page, "photo", path("photo.png"));
    await painted(page);
    await page.getByRole("tab", { name: "Live" }).click();
    await page.locator('input[name="side"]').fill("0");
    await page.getByRole("button", { name: "Start the camera" }).click();
    await page.waitForSelector("[data-fps]", PATIENCE);
    await page.getByRole("tab", { name: "Video" }).click();
    await give(page, "video", join(studio, "static/pictures/sample.mp4"));
    await page.getByRole("img", { name: "A frame of the video, painted" }).waitFor(PATIENCE);
    expect(opened.complaints.filter((text) => !/ERR_(INTERNET|CONNECTION)/.test(text))).toEqual([]);
  });
});
