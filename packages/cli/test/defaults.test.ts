/**
 * The command and the library by their defaults: they look at pictures at the same sizes and paint
 * the same.
 */
import { join } from "node:path";
import { CONTENT_SIDE, STYLE_SIDE } from "adaattn/internal";
import { loadModel, type Picture, readPicture } from "adaattn/node";
import { beforeAll, expect, test } from "vitest";
import { adaattn, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();
const read = (name: string) => readPicture(join(folder, name));

beforeAll(async () => {
  await waves(320, 240).png().toFile(join(folder, "wave.png"));
  await waves(900, 700).png().toFile(join(folder, "large-wave.png"));
  await waves(64, 48).png().toFile(join(folder, "lake.png"));
  await waves(2400, 40).png().toFile(join(folder, "shore.png"));
});

/** The mean difference of bytes. */
function meanDifference(a: Picture, b: Picture): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  let sum = 0;
  for (let at = 0; at < a.data.length; at++) sum += Math.abs((a.data[at] ?? 0) - (b.data[at] ?? 999));
  return sum / a.data.length;
}

test.each([
  ["lake.png", "wave.png"],
  ["lake.png", "large-wave.png"],
  ["shore.png", "wave.png"],
])("%s in the style of %s is the same picture", async (photo, painting) => {
  const args = ["stylize", photo, "--style", painting, "-o", "out.png", "--device", "cpu", "--quiet"];
  expect(await adaattn(args, { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
  await using model = await loadModel("small", { device: "cpu" });
  using style = await model.style(join(folder, painting));
  const own = await model.stylize(join(folder, photo), style);
  expect(Math.max(own.width, own.height)).toBeLessThanOrEqual(CONTENT_SIDE);
  expect(Math.max(style.source.painting.width, style.source.painting.height)).toBeLessThanOrEqual(STYLE_SIDE);
  expect(meanDifference(own, await read("out.png"))).toBe(0);
});

test("the help names the library's defaults", async () => {
  const { stdout } = await adaattn(["stylize", "--help"]);
  expect(stdout.replace(/\s+/g, " ")).toContain(`up to ${CONTENT_SIDE})`);
  expect(stdout.replace(/\s+/g, " ")).toContain(`up to ${STYLE_SIDE})`);
});
