/** The page around the views: its history, themes and languages. */

import { readFile } from "node:fs/promises";
import { readPicture } from "adaattn/node";
import axe from "axe-core";
import { expect, test } from "vitest";
import { serve } from "../site.ts";
import {
  asset,
  change,
  download,
  give,
  inChromium,
  isInSight,
  opened,
  PATIENCE,
  painted,
  path,
  visit,
  visitAt,
} from "./harness.ts";

inChromium("the page", () => {
  test("goes back to another view, and keeps the photo, the user's painting and the regions", async () => {
    const page = await visit("?device=cpu#picture?photo=bee&strength=0.8");
    await give(page, "photo", path("photo.png"));
    await give(page, "painting", path("painting.png"));
    await page.getByRole("checkbox", { name: "Mix" }).waitFor();
    await page.getByRole("button", { name: "painting", exact: true, pressed: true }).waitFor(PATIENCE);
    await page.getByRole("button", { name: "Paint regions" }).click();
    await page.locator('[data-stage="brush"] .frame').focus();
    await page.keyboard.press("Space");
    await page.locator(".regions").getByRole("button", { name: "Done" }).click();
    const clear = page.getByRole("button", { name: "Clear" });
    await clear.waitFor();
    await page.getByRole("tab", { name: "Attention" }).click();
    await page.locator('[data-stage="photo"]').waitFor(PATIENCE);
    await page.goBack();
    await page.waitForSelector('main[data-view="picture"]');
    await painted(page);
    await clear.waitFor();
    // What is painted is not painted once more.
    const before = await page.getAttribute("[data-finished]", "data-finished");
    await page.getByRole("tab", { name: "Video" }).click();
    await page.waitForSelector('main[data-view="video"]');
    await page.goBack();
    await page.getByText(/^Painted 160 x 112 pixels/).waitFor(PATIENCE);
    await page.waitForSelector('[data-work="idle"]');
    expect(await page.getAttribute("[data-finished]", "data-finished")).toBe(before);
    expect(await page.getByRole("button", { name: "painting", exact: true, pressed: true }).count()).toBe(1);
    expect(await page.getByRole("img", { name: "photo.png" }).count()).toBe(1);
    expect(opened.complaints).toEqual([]);
  });

  test("loads the engine when idle, and paints the example in what is chosen, by keys alone", async () => {
    const page = await visit("?device=cpu");
    await page.waitForSelector('[data-engine="ready"]', PATIENCE);
    const chosen = () => page.getAttribute('.paintings [aria-pressed="true"][data-painting]', "data-painting");
    expect(await chosen()).toBe("van-gogh-starry-night");
    for (let tabs = 0; tabs < 5; tabs++) await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-painting"))).toBe(
      "van-gogh-starry-night",
    );
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    expect(await chosen()).toBe("hokusai-great-wave");
    await page.getByRole("img", { name: "Neuschwanstein Castle" }).first().waitFor(PATIENCE);
    await page.waitForSelector('[data-work="busy"]', PATIENCE);
    await page.getByRole("button", { name: "Surprise me" }).press("Enter");
    expect(await chosen()).not.toBe("hokusai-great-wave");
    await page.getByRole("tab", { name: "Picture" }).press("ArrowLeft");
    await page.waitForSelector('main[data-view="video"]');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Video");
    expect(opened.complaints).toEqual([]);
  });

  test("shows the paintings of the group that is chosen, by keys alone", async () => {
    const page = await visit("?device=cpu");
    const table = await readFile(asset("paintings/paintings.tsv"), "utf8");
    const [names = [], ...rows] = table
      .trimEnd()
      .split("\n")
      .map((row) => row.split("\t"));
    /** The paintings of a group; of all without. */
    const idsOf = (group?: string) =>
      rows
        .filter((row) => group === undefined || row[names.indexOf("group")] === group)
        .map((row) => row[names.indexOf("file")]?.replace(".jpg", ""));
    const ids = (chosen: string) =>
      page.locator(`.paintings .thumbnail${chosen}`).evaluateAll((all) => all.map((one) => one.dataset.painting));
    const focused = () => page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.painting);
    const filter = page.getByRole("group", { name: "Filter" });
    const chip = (name: string) => filter.getByRole("button", { name, exact: true });
    expect(await ids("[data-painting]")).toEqual(idsOf());
    for (const name of ["Impressionism", "Ukiyo-e", "Cubism", "Line", "Pattern"]) {
      const group = name.toLowerCase();
      await chip(name).press("Enter");
      const expected = idsOf(group);
      expect(expected.length).toBeGreaterThan(1);
      expect(await ids("[data-painting]")).toEqual(expected);
      expect(await filter.locator('[aria-pressed="true"]').allTextContents()).toEqual([name]);
      // The chip keeps the focus; the strip is one stop of the Tab key: what is chosen, or its first.
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(name);
      const stop = group === "impressionism" ? "van-gogh-starry-night" : expected[0];
      expect(await ids('[tabindex="0"]')).toEqual([stop]);
    }
    await chip("All").focus();
    await page.keyboard.press("Shift+Tab");
    const pattern = idsOf("pattern");
    expect(await focused()).toBe(pattern[0]);
    await page.keyboard.press("ArrowRight");
    expect(await focused()).toBe(pattern[1]);
    await page.keyboard.press("End");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Add your own");
    await page.keyboard.press("ArrowLeft");
    expect(await focused()).toBe(pattern.at(-1));
    await page.keyboard.press("Enter");
    expect(await ids('[aria-pressed="true"]')).toEqual([pattern.at(-1)]);
    await chip("All").press("Space");
    expect(await ids("[data-painting]")).toEqual(idsOf());
    expect(await ids('[tabindex="0"]')).toEqual([pattern.at(-1)]);
    expect(opened.complaints).toEqual([]);
  });

  test("keeps the user's paintings across visits, until they are removed", async () => {
    const page = await visit("?device=cpu#picture");
    const own = page.getByRole("button", { name: "tiny painting", exact: true });
    await give(page, "painting", path("tiny painting.png"));
    await own.waitFor(PATIENCE);
    /** How many paintings the browser keeps. */
    const kept = () =>
      page.evaluate(
        () =>
          new Promise<number>((resolve) => {
            const asked = indexedDB.open("adaattn-studio");
            asked.onsuccess = () => {
              const counted = asked.result.transaction("paintings").objectStore("paintings").count();
              counted.onsuccess = () => {
                asked.result.close();
                resolve(counted.result);
              };
            };
          }),
      );
    await expect.poll(kept).toBe(1);
    await page.reload();
    await own.click();
    await give(page, "photo", path("tiny photo.png"));
    await painted(page);
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await own.waitFor({ state: "detached" });
    await page.getByText("The Starry Night Vincent van Gogh, 1889").waitFor();
    await expect.poll(kept).toBe(0);
    await page.reload();
    await page.locator('[data-painting="van-gogh-starry-night"]').waitFor();
    await page.waitForLoadState("networkidle");
    expect(await own.count()).toBe(0);
    expect(opened.complaints).toEqual([]);
  });

  test("keeps the last results across visits, until they are removed", async () => {
    const page = await visit("?device=cpu#picture");
    await give(page, "photo", path("tiny photo.png"));
    await painted(page);
    const first = page.getByRole("button", { name: "tiny photo, van-gogh-starry-night.jpg" });
    await first.waitFor(PATIENCE);
    await change(page, () => give(page, "painting", path("tiny painting.png")));
    await expect.poll(() => page.locator(".recent .thumbnail").count(), PATIENCE).toBe(2);
    // Another strength of the same is not another result.
    await change(page, () => page.locator('input[name="strength"]').fill("0.5"));
    await page.reload();
    await first.waitFor(PATIENCE);
    expect(await page.locator(".recent .thumbnail").count()).toBe(2);
    await first.click();
    const saved = await download(page, () => page.getByRole("button", { name: "Download this" }).click(), "kept.jpg");
    expect(await readPicture(saved)).toMatchObject({ width: 48, height: 32 });
    await page.getByRole("dialog").getByRole("button", { name: "Remove", exact: true }).click();
    await first.waitFor({ state: "detached" });
    await page.reload();
    await page.locator(".recent .thumbnail").waitFor(PATIENCE);
    await page.getByRole("button", { name: "Remove all" }).click();
    await page.locator(".recent").waitFor({ state: "detached" });
    expect(opened.complaints).toEqual([]);
  });

  test("scrolls by the wheel over the picture, and zooms with Ctrl, with the divider in sight", async () => {
    const page = await visit("?device=cpu", { viewport: { width: 1024, height: 560 } });
    const frame = page.locator('[data-stage="compare"] .frame');
    const box = (await frame.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    await page.mouse.move(box.x + 0.8 * box.width, box.y + 0.7 * box.height);
    await page.mouse.wheel(0, 40);
    const scrolled = () => page.evaluate(() => scrollY);
    await expect.poll(scrolled).toBeGreaterThan(0);
    const before = await scrolled();
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -600);
    await page.keyboard.up("Control");
    await page.getByRole("button", { name: /^Fit \d+ %/ }).waitFor();
    expect(await scrolled()).toBe(before);
    expect(await page.locator(".layers").first().getAttribute("style")).toMatch(/scale\([2-9]/);
    expect(
      await page.getByRole("slider", { name: "How much of the original is shown" }).evaluate((divider) => {
        const [line, whole] = [divider.getBoundingClientRect(), divider.closest(".frame")?.getBoundingClientRect()];
        return whole !== undefined && line.left > whole.left && line.right < whole.right;
      }),
    ).toBe(true);
    // A swipe scrolls the page, too.
    expect(await page.locator(".frame").evaluate((element) => getComputedStyle(element).touchAction)).toBe("none");
    await page.getByRole("button", { name: /^Fit/ }).click();
    expect(await page.locator(".frame").evaluate((element) => getComputedStyle(element).touchAction)).toBe("pan-y");
    expect(opened.complaints).toEqual([]);
  });

  test("takes what is dropped on the paintings for a painting, and tells in a notice that leaves", async () => {
    const page = await visit("?device=cpu#picture");
    const drop = async (name: string, bytes: Buffer, on: string) =>
      page.locator(on).evaluate(
        (target, { name, data }) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([Uint8Array.from(atob(data), (char) => char.charCodeAt(0))], name));
          target.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
        },
        { name, data: bytes.toString("base64") },
      );
    await drop("dropped.png", await readFile(path("tiny painting.png")), ".paintings .thumbnails");
    await page.getByRole("button", { name: "dropped", exact: true, pressed: true }).waitFor(PATIENCE);
    await page.getByRole("button", { name: "Open a photo" }).waitFor();
    const top = () => page.locator("main").evaluate((main) => main.getBoundingClientRect().top);
    const before = await top();
    await drop("letter.jpg", Buffer.from("%PDF-1.7"), ".board");
    const told = page.locator(".notice.problem", { hasText: "letter.jpg is a PDF document" });
    await told.waitFor(PATIENCE);
    expect(await top()).toBe(before);
    await told.waitFor({ state: "detached", ...PATIENCE });
    expect(opened.complaints).toEqual([]);
  });

  test("fits the window", async () => {
    const page = await visit("?device=cpu#picture", { viewport: { width: 1600, height: 900 } });
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("photo.png"));
    await painted(page);
    for (const width of [1600, 1024]) {
      await page.setViewportSize({ width, height: 900 });
      const [tall, wide] = await page.evaluate(() => [
        document.documentElement.scrollHeight,
        document.documentElement.scrollWidth,
      ]);
      expect([width, tall, wide]).toEqual([width, 900, width]);
    }
    const stage = await page.locator(".stage").boundingBox();
    expect(stage?.width).toBeGreaterThan(600);
    expect(opened.complaints).toEqual([]);
  });

  test("on a phone keeps picture and download in sight while a sheet with tabs scrolls under them", async () => {
    const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
    const page = await visit("?device=cpu#picture", phone);
    const sheet = page.locator(".sheet");
    const panel = page.getByRole("tabpanel");
    const tab = (name: string) => sheet.getByRole("tab", { name, exact: true });
    await tab("Painting").waitFor();
    for (let tabs = 0; tabs < 5; tabs++) await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-painting"))).toBe(
      "van-gogh-starry-night",
    );
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("photo.png"));
    await painted(page);
    await page.evaluate(axe.source);

    const tabs = [
      ["Painting", panel.getByRole("button", { name: "Surprise me" })],
      ["Adjust", panel.getByRole("slider", { name: "Strength" })],
      ["Regions", panel.getByRole("button", { name: "Paint regions" })],
      ["Photo", panel.getByRole("button", { name: "Tiger in the snow" })],
      ["Share", panel.getByRole("combobox", { name: "Size of the download" })],
    ] as const;
    for (const [name, control] of tabs) {
      await tab(name).click();
      await control.waitFor();
      if (name === "Adjust") await panel.getByText("Adjust", { exact: true }).click();
      const moved = await panel.evaluate((element) => {
        element.scrollTop = element.scrollHeight;
        return element.scrollTop;
      });
      if (name === "Painting") expect(moved).toBeGreaterThan(100);
      for (const seen of [page.locator(".stage"), page.getByRole("button", { name: "Download", exact: true })]) {
        expect([name, await seen.evaluate(isInSight)]).toEqual([name, true]);
      }
      const size = await page.evaluate(() => {
        const { scrollWidth, scrollHeight } = document.documentElement;
        return [scrollWidth, scrollHeight];
      });
      expect([name, ...size]).toEqual([name, 390, 844]);
      const { violations } = await page.evaluate(() =>
        (globalThis as unknown as { axe: typeof axe }).axe.run(document),
      );
      expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([]);
    }

    // By keys: one stop, arrows go around.
    await tab("Share").press("ArrowRight");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Painting");
    expect(await tab("Painting").getAttribute("aria-selected")).toBe("true");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Photo");
    expect(await sheet.locator('[role=tab][tabindex="0"]').allTextContents()).toEqual(["Photo"]);
    // Painting regions brings up what sets the brush.
    await page.getByRole("button", { name: "Paint regions" }).click();
    await panel.getByRole("slider", { name: "Brush size" }).waitFor();
    await panel.getByRole("button", { name: "Done" }).click();

    for (const [view, names] of [
      ["Attention", ["Painting", "How it sees", "Photo"]],
      ["Live", ["Painting", "Adjust"]],
      ["Video", ["Painting", "Adjust"]],
    ] as const) {
      await page.locator("footer").getByRole("tab", { name: view }).click();
      expect(await sheet.getByRole("tab").allTextContents()).toEqual(names);
      for (const name of names) {
        await tab(name).click();
        await panel.locator("button, input, select").first().waitFor();
      }
    }

    // Nor is any text cut off in other languages.
    for (const language of ["zh", "ja"]) {
      await page.locator('select[name="language"]').selectOption(language);
      await page.waitForSelector(`html[lang="${language}"]`);
      for (const view of await page.locator("footer").getByRole("tab").all()) {
        await view.click();
        for (const one of await sheet.getByRole("tab").all()) {
          await one.click();
          const cut = await page.locator("h1, h2, p, a, button, label, legend, select, summary").evaluateAll((all) =>
            all
              .filter((element) => element.closest(".hidden") === null && element.clientWidth > 0)
              .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
              .map(({ textContent }) => textContent),
          );
          expect([language, await one.textContent(), ...cut]).toEqual([language, await one.textContent()]);
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
        }
      }
    }
    await page.locator('select[name="language"]').selectOption("en");
    await page.setViewportSize({ width: 1024, height: 844 });
    await page.locator(".panel").getByRole("slider", { name: "Strength" }).waitFor();
    expect(await sheet.count()).toBe(0);
    expect(opened.complaints).toEqual([]);
  });

  test("on a phone in landscape has the sheet beside the picture, and both in sight", async () => {
    const page = await visit("?device=cpu#picture", {
      viewport: { width: 844, height: 390 },
      hasTouch: true,
      isMobile: true,
    });
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("photo.png"));
    await painted(page);
    const stage = page.locator(".stage");
    const save = page.getByRole("button", { name: "Download", exact: true });
    const panel = page.getByRole("tabpanel");
    for (const [width, height] of [
      [844, 390],
      [932, 430],
      [667, 375],
    ] as const) {
      await page.setViewportSize({ width, height });
      for (const [name, control] of [
        ["Painting", panel.getByRole("button", { name: "Surprise me" })],
        ["Adjust", panel.getByRole("slider", { name: "Strength" })],
        ["Regions", panel.getByRole("button", { name: "Paint regions" })],
        ["Photo", panel.getByRole("button", { name: "Tiger in the snow" })],
        ["Share", panel.getByRole("combobox", { name: "Size of the download" })],
      ] as const) {
        await page.locator(".sheet").getByRole("tab", { name, exact: true }).click();
        await control.scrollIntoViewIfNeeded();
        for (const seen of [stage, save, control]) {
          expect([width, name, await seen.evaluate(isInSight)]).toEqual([width, name, true]);
        }
        const size = await page.evaluate(() => {
          const { scrollWidth, scrollHeight } = document.documentElement;
          return [scrollWidth, scrollHeight];
        });
        expect([name, ...size]).toEqual([name, width, height]);
      }
      const [picture, sheet] = [await stage.boundingBox(), await page.locator(".sheet").boundingBox()];
      expect(picture?.height).toBeGreaterThan(height / 2);
      expect((picture?.x ?? 0) + (picture?.width ?? 0)).toBeLessThanOrEqual(sheet?.x ?? 0);
      for (const view of ["Attention", "Live", "Video", "Picture"]) {
        const tab = page.getByRole("tab", { name: view, exact: true });
        expect([width, view, await tab.evaluate(isInSight)]).toEqual([width, view, true]);
        await tab.click();
        expect(await page.locator(".board").evaluate(isInSight)).toBe(true);
      }
    }
    expect(opened.complaints).toEqual([]);
  });

  test("tells in a line of its own what was painted where windows are narrow", async () => {
    const page = await visit("?device=cpu#picture", { viewport: { width: 1024, height: 900 } });
    await give(page, "photo", path("photo.png"));
    await painted(page);
    const told = page.locator("[data-work] p");
    expect(await told.textContent()).toMatch(/^Painted .* see the photo\.$/);
    const [text, board] = [await told.boundingBox(), await page.locator(".board").boundingBox()];
    expect(text?.width).toBe(board?.width);
    expect(text?.height).toBeLessThan(30);
    expect(opened.complaints).toEqual([]);
  });

  test("shows the whole size of the download, and its buttons in one row, at 1024 pixels in every language", async () => {
    const page = await visit("?device=cpu#picture?photo=bee", { viewport: { width: 1024, height: 768 } });
    await painted(page);
    const size = page.locator('select[name="size"]');
    await expect
      .poll(() => size.locator("option").allTextContents(), PATIENCE)
      .toContainEqual(expect.stringMatching(/, about /));
    for (const language of ["en", "zh", "ja"]) {
      await page.locator('select[name="language"]').selectOption(language);
      await page.waitForSelector(`html[lang="${language}"]`);
      const [shown, needed] = await size.evaluate((select: HTMLSelectElement) => {
        const all = select.cloneNode(true) as HTMLSelectElement;
        all.style.cssText = "position: absolute; width: max-content";
        select.parentElement?.append(all);
        const widths = [select.offsetWidth, all.offsetWidth] as const;
        all.remove();
        return widths;
      });
      expect([language, shown >= needed]).toEqual([language, true]);
      for (const control of ['select[name="size"]', 'select[name="format"]', ".download button", ".below .main"]) {
        expect([language, control, await page.locator(control).first().evaluate(isInSight)]).toEqual([
          language,
          control,
          true,
        ]);
      }
      const tops = await page
        .locator(".below button")
        .evaluateAll((all) => all.map((button) => Math.round(button.getBoundingClientRect().top)));
      expect(new Set(tops).size).toBe(1);
      // Nor is anything below the window.
      expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBe(768);
    }
    expect(opened.complaints).toEqual([]);
  });

  test("has all of the panel in sight at 1024 x 768 with two paintings mixed, and the download while it scrolls", async () => {
    const mix = "photo=bee&paintings=van-gogh-langlois-bridge,hokusai-great-wave&mix=0.5,0.5";
    const page = await visit(`?device=cpu#picture?${mix}`, { viewport: { width: 1024, height: 768 } });
    await painted(page);
    const panel = page.locator(".panel");
    const size = page.locator('select[name="size"]');
    const save = page.getByRole("button", { name: "Download", exact: true });
    /** By how many pixels the page and the panel are too tall. */
    const hidden = () =>
      panel.evaluate(({ scrollHeight, clientHeight }) => [
        document.documentElement.scrollHeight - innerHeight,
        scrollHeight - clientHeight,
      ]);
    await page.locator(".recent .thumbnail").waitFor(PATIENCE);
    for (const language of ["ja", "zh", "en"]) {
      await page.locator('select[name="language"]').selectOption(language);
      await page.waitForSelector(`html[lang="${language}"]`);
      expect([language, ...(await hidden())]).toEqual([language, 0, 0]);
      for (const part of [".pad .square", ".samples .thumbnail >> nth=5", ".recent .thumbnail"]) {
        expect([language, part, await page.locator(part).evaluate(isInSight)]).toEqual([language, part, true]);
      }
    }
    // With "Reset", too, which comes with the first change.
    await page.locator('input[name="strength"]').fill("0.8");
    await panel.getByRole("button", { name: "Reset" }).waitFor();
    expect(await hidden()).toEqual([0, 0]);
    // What cannot fit scrolls inside the panel.
    await page.getByText("Adjust", { exact: true }).click();
    expect(await hidden()).toEqual([0, expect.toSatisfy((more: number) => more > 100)]);
    for (const end of [0, 10_000]) {
      await panel.evaluate((element, top) => element.scrollTo(0, top), end);
      expect([end, await size.evaluate(isInSight), await save.evaluate(isInSight)]).toEqual([end, true, true]);
    }
    expect(await page.locator(".recent .thumbnail").first().evaluate(isInSight)).toBe(true);
    expect(opened.complaints).toEqual([]);
  });

  test("on a phone in landscape has all of a dialog in sight", async () => {
    const page = await visit("?device=cpu#picture", {
      viewport: { width: 844, height: 390 },
      hasTouch: true,
      isMobile: true,
    });
    await give(page, "photo", path("photo.png"));
    await painted(page);
    const dialog = page.getByRole("dialog");
    const check = async (names: readonly string[]) => {
      for (const [width, height] of [
        [844, 390],
        [667, 375],
      ] as const) {
        await page.setViewportSize({ width, height });
        await dialog.locator("canvas, img").first().waitFor();
        const buttons = names.map((name) => dialog.getByRole("button", { name, exact: true }));
        for (const seen of [...buttons, dialog.locator(".corner, .large")]) {
          for (const one of await seen.all()) {
            expect([width, await one.textContent(), await one.evaluate(isInSight)]).toEqual([
              width,
              await one.textContent(),
              true,
            ]);
          }
        }
      }
      await dialog.getByRole("button", { name: "Close" }).click();
    };
    await page.getByRole("button", { name: "Crop and turn" }).click();
    await check(["Turn left", "Turn right", "Reset", "Apply", "Close"]);
    await page.getByRole("tab", { name: "Adjust" }).click();
    await page.getByRole("button", { name: "Use a part" }).click();
    await check(["Reset", "Apply", "Close"]);
    await page.getByRole("tab", { name: "Share" }).click();
    await page.locator(".recent .thumbnail").click(PATIENCE);
    await check(["Download this", "Set this again", "Remove", "Close"]);
    expect(opened.complaints).toEqual([]);
  });

  test("says what the engine lacks, and names paintings, in the user's language", async () => {
    const incomplete = await serve({ without: /^\/engine\// });
    try {
      const page = await visitAt(`${incomplete.address}?device=cpu`, { locale: "zh-CN" });
      await page.waitForSelector('html[lang="zh"]');
      expect(await page.title()).toBe("图片 - adaattn 画室");
      await page.getByRole("button", { name: "神奈川冲浪里" }).click();
      await page.getByText("神奈川冲浪里 葛饰北斋，1831").waitFor(PATIENCE);
      await give(page, "photo", path("tiny photo.png"));
      await page.getByText("服务器没有提供引擎或模型的文件。请重新加载页面，或稍后再试。").first().waitFor(PATIENCE);
    } finally {
      await incomplete.close();
    }
  });

  test("has no accessibility violations in any view, theme or language", async () => {
    const page = await visit("?device=cpu#picture?paintings=van-gogh-meadow,hokusai-great-wave");
    await give(page, "photo", path("photo.png"));
    await painted(page);
    await page.evaluate(axe.source);
    for (const colorScheme of ["light", "dark"] as const) {
      // The theme is the system's until another is chosen.
      await page.emulateMedia({ colorScheme });
      await page.waitForSelector(`html[data-theme="${colorScheme}"]`);
      for (const [language, name] of [
        ["en", "Picture"],
        ["en", "Attention"],
        ["zh", "实时"],
        ["ja", "動画"],
        ["ja", "画像"],
      ] as const) {
        await page.locator('select[name="language"]').selectOption(language);
        await page.waitForSelector(`html[lang="${language}"]`);
        await page.getByRole("tab", { name, exact: true }).click();
        // With all that a point shows: the glow, the result, and what is told of both.
        if (name === "Attention") {
          await page.waitForSelector('[data-attention="shown"]', PATIENCE);
          await page.getByRole("img", { name: "What comes of it" }).waitFor(PATIENCE);
        }
        const { violations } = await page.evaluate(() =>
          (globalThis as unknown as { axe: typeof axe }).axe.run(document),
        );
        expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([]);
      }
    }
    await page.getByRole("button", { name: "ライトテーマ" }).click();
    expect(await page.getAttribute("html", "data-theme")).toBe("light");
    expect(opened.complaints).toEqual([]);
  });
});
