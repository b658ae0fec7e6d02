import { existsSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { adaattn, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();

beforeAll(async () => {
  await waves(64, 48).jpeg().toFile(join(folder, "lake.jpg"));
});

test("styles lists the bundled paintings, to read and as JSON, and each is a picture of at most 512 pixels", async () => {
  const [text, json] = await Promise.all([adaattn(["styles"]), adaattn(["styles", "--json"])]);
  expect(text).toMatchObject({ code: 0, stderr: "" });
  expect(text.stdout).toMatch(/^hokusai-great-wave +The Great Wave off Kanagawa, Katsushika Hokusai, 1831$/m);
  const paintings = JSON.parse(json.stdout) as Record<
    "name" | "title" | "artist" | "life" | "group" | "path",
    string
  >[];
  expect(paintings).toHaveLength(33);
  expect(new Set(paintings.map(({ name }) => name)).size).toBe(33);
  for (const { title, artist, life, group, path } of paintings) {
    expect([title, artist]).not.toContain("");
    expect(life).toMatch(/^\d{4}-\d{4}$/);
    expect(["impressionism", "ukiyo-e", "cubism", "line", "pattern"]).toContain(group);
    const { format, width, height } = await sharp(path).metadata();
    expect([format, Math.max(width, height) <= 512]).toEqual(["jpeg", true]);
  }
}, 30_000);

test.each([
  ["a bundled painting by name, with a weight", ["--style", "monet-water-lilies:2"], "monet-water-lilies.jpg"],
  ["The Starry Night where none is named", [], "van-gogh-starry-night.jpg"],
])(
  "stylize takes %s",
  async (_, style, file) => {
    const args = ["stylize", "lake.jpg", ...style, "-o", "out.png", "--device", "cpu", "--json", "--quiet"];
    const { code, stdout } = await adaattn(args, { cwd: folder });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).styles[0].path).toMatch(new RegExp(`${file}$`));
  },
  30_000,
);

test("the name of no painting is refused with the nearest ones", async () => {
  const args = ["stylize", "lake.jpg", "--style", "monet-waterlilies", "-o", "none.png"];
  expect(await adaattn(args, { cwd: folder })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      "Expected a file or the name of a bundled painting for --style but received monet-waterlilies. Similar names: monet-water-lilies, ",
    ),
  });
  expect(existsSync(join(folder, "none.png"))).toBe(false);
}, 60_000);
