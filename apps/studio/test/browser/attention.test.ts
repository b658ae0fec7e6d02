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
    await page.getByRole("link", { name: "Attention" }).click();
    const frame = page.locator('[data-stage="photo"] .frame');
    const box = (await frame.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    await page.mouse.move(box.x + 0.5 * box.width, box.y + 0.5 * box.height);
    await page.waitForSelector('[data-attention="shown"]', PATIENCE);
    await page.getByText("Coarse").click();
    await page.mouse.click(box.x + 0.25 * box.width, box.y + 0.25 * box.height);
    await page.getByRole("button", { name: "Remove the pins" }).waitFor(PATIENCE);

    // What was asked last is shown once nothing is asked any more: the file says of which points and which level it is.
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
    await page.getByRole("checkbox", { name: "Best matches" }).check();
    await page.getByRole("img", { name: "Best matches" }).waitFor(PATIENCE);
    expect(opened.complaints).toEqual([]);
  });
});
