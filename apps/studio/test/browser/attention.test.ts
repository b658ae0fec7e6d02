/** The attention, against what the library finds. */

import { readFile } from "node:fs/promises";
import { readPicture } from "adaattn/node";
import { expect, test } from "vitest";
import { download, give, inChromium, modelInNode, opened, PATIENCE, path, visit } from "./harness.ts";

inChromium("the attention", () => {
  test("shows the rows of the attention that the API gives", async () => {
    const page = await visit("?device=cpu");
    await give(page, "photo", path("photo.png"));
    await give(page, "painting", path("painting.png"));
    await page.getByRole("tab", { name: "Attention" }).click();
    // The engine is being loaded; a point is asked about already.
    await page.locator("[data-attention] [role=progressbar]").waitFor(PATIENCE);
    const frame = page.locator('[data-stage="photo"] .frame');
    const box = (await frame.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    await page.mouse.move(box.x + 0.5 * box.width, box.y + 0.5 * box.height);
    await page.waitForSelector('[data-attention="shown"]', PATIENCE);
    await page.getByText("Coarse").click();
    await page.mouse.click(box.x + 0.25 * box.width, box.y + 0.25 * box.height);
    await page.getByRole("button", { name: "Remove the pins" }).waitFor(PATIENCE);

    // What was asked last is shown once nothing is asked any more: the file says of which points
    // and which level it is.
    interface Saved {
      level: number;
      photo: { width: number; height: number };
      rows: { point: { x: number; y: number }; probabilities: number[]; best: number }[];
    }
    const save = () => page.getByRole("button", { name: "Save these numbers" }).click();
    await expect
      .poll(
        async () => {
          const saved = JSON.parse(await readFile(await download(page, save, "attention.json"), "utf8")) as Saved;
          return [saved.level, saved.rows.length];
        },
        { timeout: 60_000, interval: 500 },
      )
      .toEqual([5, 2]);
    const saved = JSON.parse(await readFile(path("attention.json"), "utf8")) as Saved;
    expect(saved.photo).toEqual({ width: 160, height: 112 });
    using style = await (await modelInNode()).style(await readPicture(path("painting.png")));
    const points = saved.rows.map(({ point }) => point);
    const { rows } = await (await modelInNode()).attention(await readPicture(path("photo.png")), style, points, {
      level: 5,
    });
    for (const [index, row] of rows.entries()) {
      const shown = saved.rows[index]?.probabilities ?? [];
      expect(shown.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4);
      expect(shown).toHaveLength(row.probabilities.length);
      expect(Math.max(...shown.map((p, at) => Math.abs(p - (row.probabilities[at] ?? 0))))).toBeLessThan(1e-3);
    }
    // Each point has its color in both pictures, and glows where its probabilities are.
    const colored = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>(".painting canvas");
        if (canvas === null) throw new Error("Expected the painting on a canvas but there is none.");
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
        copy?.drawImage(canvas, 0, 0);
        const { data = [] } = copy?.getImageData(0, 0, canvas.width, canvas.height) ?? {};
        const seen = new Set<string>();
        let count = 0;
        for (let at = 0; at < data.length; at += 4) {
          const [r = 0, g = 0, b = 0] = data.slice(at, at + 3);
          seen.add(`rgb(${r}, ${g}, ${b})`);
          if (Math.max(r, g, b) - Math.min(r, g, b) > 60) count++;
        }
        const pins = [...document.querySelectorAll(".pin")].map((pin) => getComputedStyle(pin).borderColor);
        return { count, pins, isPaired: pins.every((color) => seen.has(color)) };
      });
    const byShare = await colored();
    expect([byShare.pins.length, new Set(byShare.pins).size, byShare.isPaired]).toEqual([2, 2, true]);
    await page.getByRole("checkbox", { name: "Show what resembles it, too" }).check();
    await expect.poll(async () => (await colored()).count).toBeGreaterThan(2 * byShare.count);

    await page.getByRole("checkbox", { name: "Best matches" }).check();
    await page.getByRole("img", { name: "Best matches" }).waitFor(PATIENCE);
    expect(opened.complaints).toEqual([]);
  });

  test("moves its point by itself until the user points, shows the result beside it, and has a tour", async () => {
    const page = await visit("?device=cpu#attention");
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("tiny photo.png"));
    const place = () => page.locator(".pin").last().getAttribute("style");
    await page.locator('.pin[style*="left: 40%"]').waitFor(PATIENCE);
    await page.locator('.pin[style*="left: 62%"]').waitFor(PATIENCE);
    await page.locator('.pin[style*="left: 75%"]').waitFor(PATIENCE);
    await page.getByRole("img", { name: "What comes of it" }).waitFor(PATIENCE);
    await page.locator('[data-stage="photo"] .frame').press("ArrowRight");
    const stopped = await place();
    await page.getByRole("button", { name: "Take the tour" }).click();
    await page.getByText("1 / 3").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    expect(await page.getByRole("radio", { name: "Coarse" }).isChecked()).toBe(true);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/^3 \/ 3 The result has at every point/).waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "Take the tour" }).waitFor();
    expect(await place()).toBe(stopped);
    expect(opened.complaints).toEqual([]);
  });

  test("keeps its point where it is for who wants less motion", async () => {
    const page = await visit("?device=cpu#attention", { reducedMotion: "reduce" });
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("tiny photo.png"));
    await page.getByRole("img", { name: "What comes of it" }).waitFor(PATIENCE);
    await page.waitForSelector('[data-attention="shown"]', PATIENCE);
    // Longer than the point would have stayed: a whole picture is painted meanwhile.
    expect(await page.locator(".pin").getAttribute("style")).toContain("left: 40%");
    expect(opened.complaints).toEqual([]);
  });
});
