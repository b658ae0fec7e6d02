/**
 * A page of the built studio in Chromium, and what its tests do with it. setup.ts starts what all
 * files share.
 */

import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Model, Picture, StyleOptions, StylizeOptions } from "adaattn";
import { loadModel, readPicture } from "adaattn/node";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, inject, vi } from "vitest";
import { CHROMIUM, type Opened, open } from "../site.ts";

export const run = promisify(execFile);

/** How long the page may take for anything, while other tests paint in software beside it. */
export const PATIENCE = { timeout: Number(process.env.PATIENCE ?? 240_000) };

vi.setConfig({ testTimeout: 480_000 });

/** Clips are made and looked into by ffmpeg. */
export const hasFfmpeg = process.env.CI === "true" || spawnSync("ffmpeg", ["-version"]).status === 0;

/** A file in the folder of this run; of its pictures, or to be written. */
export const path = (name: string) => join(inject("studio").folder, name);
export const asset = (name: string) => new URL(`../../../../assets/${name}`, import.meta.url).pathname;

let browser: Browser;
let model: Promise<Model> | undefined;

/** The page that was opened last; it is closed after each test. */
export let opened: Opened;

/** Tests in the browser, which are skipped where there is none. */
export function inChromium(what: string, tests: () => void): void {
  describe.skipIf(CHROMIUM === undefined)(what, () => {
    beforeAll(async () => {
      browser = await chromium.connect(inject("studio").browser);
    });
    afterEach(async () => {
      await opened?.context.close();
    });
    afterAll(async () => {
      await browser?.close();
      await model?.then((loaded) => loaded.dispose());
    });
    tests();
  });
}

type Options = Parameters<typeof open>[2];

/** Opens an address. */
export async function visitAt(
  address: string,
  options: Options = {},
  on: Browser = browser,
  prepare?: Parameters<typeof open>[3],
): Promise<Page> {
  opened = await open(on, address, options, prepare);
  return opened.page;
}

/** Opens the studio; `place` is what follows its address. */
export function visit(place: string, options: Options = {}, on: Browser = browser): Promise<Page> {
  return visitAt(`${inject("studio").address}${place}`, options, on);
}

export const give = (page: Page, input: string, file: string) => page.setInputFiles(`input[name="${input}"]`, file);

/** Waits until more pictures are finished than so many. */
export const painted = (page: Page, before = 0, patience = PATIENCE) =>
  page.waitForFunction(
    (count) => Number(document.querySelector<HTMLElement>("[data-finished]")?.dataset.finished ?? 0) > count,
    before,
    patience,
  );

/** Waits for the picture that follows a change. */
export async function change(page: Page, act: () => Promise<unknown>, patience = PATIENCE): Promise<void> {
  const before = await page.evaluate(() =>
    Number(document.querySelector<HTMLElement>("[data-finished]")?.dataset.finished ?? 0),
  );
  await act();
  await painted(page, before, patience);
}

/** Saves under this name what an act downloads. */
export async function download(page: Page, act: () => Promise<void>, name: string): Promise<string> {
  const [saved] = await Promise.all([page.waitForEvent("download", PATIENCE), act()]);
  await saved.saveAs(path(name));
  return path(name);
}

/** The picture as it is downloaded. */
export const result = async (page: Page) =>
  readPicture(await download(page, () => page.getByRole("button", { name: "Download" }).click(), "result.png"));

/** The model that the page paints with, in Node. */
export function modelInNode(): Promise<Model> {
  model ??= loadModel("small", { device: "cpu" });
  return model;
}

/** What Node paints of the same files. */
export async function inNode(
  photo: string,
  painting: string,
  look: StyleOptions = {},
  options: StylizeOptions = {},
): Promise<Picture> {
  const loaded = await modelInNode();
  using style = await loaded.style(await readPicture(path(painting)), look);
  return await loaded.stylize(await readPicture(path(photo)), style, options);
}

/** The first problem that the page tells. */
export const notice = (page: Page) => page.locator(".notice.problem").first().textContent(PATIENCE);

/** In the page: whether an element is whole within the window, and nothing lies over its middle. */
export const isInSight = (element: Element) => {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  const isWithin = left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
  return isWithin && element.contains(over) && bottom > top;
};

/** The largest difference of two pictures in any channel, in the columns that are asked for. */
export function largestDifference(a: Picture, b: Picture, isAsked: (x: number) => boolean = () => true): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  let largest = 0;
  for (let at = 0; at < a.data.length; at++) {
    if (isAsked((at >> 2) % a.width)) largest = Math.max(largest, Math.abs(Number(a.data[at]) - Number(b.data[at])));
  }
  return largest;
}

/** The video and the audio stream of a film, as ffprobe describes them. */
export async function probe(file: string) {
  const { stdout } = await run("ffprobe", ["-v", "error", "-count_frames", "-show_streams", "-of", "json", file]);
  const { streams } = JSON.parse(stdout) as { streams: Record<string, string | number>[] };
  const of = (kind: string) => streams.find((stream) => stream.codec_type === kind);
  return { video: of("video"), audio: of("audio") };
}
