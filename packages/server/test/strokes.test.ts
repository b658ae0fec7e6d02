/** What strokes are measured by, over HTTP: at once, in jobs, and what is said of videos. */
import { loadModel, readPicture } from "adaattn/node";
import { expect, it } from "vitest";
import { card, hasFfmpeg, picture, temporaryFolder, testServer } from "./helpers.ts";

const { client } = await testServer();
const [photo, painting] = [await picture(64, 48), await picture(64, 64, 3)];
const pixelsOf = async (file: Blob) =>
  Buffer.from((await readPicture(new Uint8Array(await file.arrayBuffer()))).data.buffer);

/** Above 512 pixels, where it makes a difference. */
const SIZE = 528;

it("are measured by pixels where that is asked for, and by the picture else", async () => {
  const options = { size: SIZE, strokeBy: "pixels" } as const;
  const { picture: byPixels } = await client.stylize({ content: photo, styles: [painting], options });
  const { id } = await client.submitJob({ contents: [photo], styles: [painting], options });
  const { picture: plain } = await client.stylize({ content: photo, styles: [painting], options: { size: SIZE } });

  await using model = await loadModel("small");
  using style = await model.style(await readPicture(new Uint8Array(await painting.arrayBuffer())));
  const content = await readPicture(new Uint8Array(await photo.arrayBuffer()), { longerSide: SIZE });
  const expected = await model.stylize(content, style, { strokeBy: "pixels" });
  const isExpected = async (file: Blob) => (await pixelsOf(file)).equals(Buffer.from(expected.data));

  expect(await isExpected(byPixels)).toBe(true);
  await client.waitForJob(id);
  expect(await isExpected(await client.getResult(id))).toBe(true);
  expect(await isExpected(plain)).toBe(false);
});

it.skipIf(!hasFfmpeg)("are measured by pixels in videos, and by nothing else", async () => {
  const video = card(temporaryFolder(), { seconds: 1, rate: 2 });
  const submit = (strokeBy: "picture" | "pixels") =>
    client.submitJob({ contents: [video], styles: [painting], options: { strokeBy } });
  await expect(submit("picture")).rejects.toMatchObject({
    status: 400,
    message: "Expected pixels for strokeBy of a video but received picture.",
  });
  const { id } = await submit("pixels");
  expect((await client.waitForJob(id)).state).toBe("done");
});
