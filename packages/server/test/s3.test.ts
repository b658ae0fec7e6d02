/** Files in a store that speaks S3: a real server of that protocol, and a job through it. */
import { once } from "node:events";
import S3rver from "@20minutes/s3rver";
import { afterAll, expect, it, vi } from "vitest";
import { openFileStore } from "../src/files/open.ts";
import { card, frameHashes, hasFfmpeg, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { freePort } from "./processes.ts";

const port = await freePort();
const directory = temporaryFolder();
// It checks the signature of a bucket's own address in another way than everybody else writes it.
const lenient = { silent: true, allowMismatchedSignatures: true };
const s3 = new S3rver({ port, address: "127.0.0.1", directory, configureBuckets: [{ name: "pictures" }], ...lenient });
await s3.run();
afterAll(() => s3.close());
vi.stubEnv("AWS_ENDPOINT_URL_S3", `http://127.0.0.1:${port}`);
vi.stubEnv("AWS_REGION", "us-east-1");
vi.stubEnv("AWS_ACCESS_KEY_ID", "S3RVER");
vi.stubEnv("AWS_SECRET_ACCESS_KEY", "S3RVER");

const folder = temporaryFolder();

it("keeps files like a folder does", async () => {
  for (const store of [await openFileStore("s3://pictures/some/prefix"), await openFileStore(temporaryFolder())]) {
    expect(await store.read("a/none")).toBeUndefined();
    expect(await store.size("a/none")).toBeUndefined();
    for (const name of ["a/b-1", "a/c/d.txt", "ab/e"])
      await store.write(name, new TextEncoder().encode(`bytes of ${name}`));
    expect(await store.list("a/")).toEqual(["a/b-1", "a/c/d.txt"]);
    expect(await store.size("a/b-1")).toBe(14);
    const stream = await store.open("a/b-1", { start: 2, end: 4 });
    const [chunk] = (await once(stream, "data")) as [Buffer];
    expect(chunk.toString()).toBe("tes");
    const local = await store.fetch("a/c/d.txt", temporaryFolder());
    expect(await (await import("node:fs/promises")).readFile(local, "utf8")).toBe("bytes of a/c/d.txt");
    await store.write("a/b-1", new TextEncoder().encode("others"));
    expect(new TextDecoder().decode(await store.read("a/b-1"))).toBe("others");
    await store.remove("a/");
    expect(await store.list("a")).toEqual(["ab/e"]);
    await store.remove("ab/e");
    await store.remove("ab/e");
    expect(await store.list("")).toEqual([]);
    await expect(store.fetch("a/none", temporaryFolder())).rejects.toThrow();
  }
});

it("says what is wrong with an address", async () => {
  await expect(openFileStore("s3://missing")).rejects.toThrow("Cannot reach the bucket missing (NoSuchBucket).");
  await expect(openFileStore("s3://")).rejects.toThrow("Expected an address such as s3://bucket/prefix");
});

it.skipIf(!hasFfmpeg)("serves styles, pictures and a video from there", async () => {
  const store = await openFileStore("s3://pictures/server");
  const { client } = await testServer({ store: "s3://pictures/server" });
  await client.putStyle("waves", { painting: await picture(48, 48, 3) });
  const options = { styles: [{ saved: "waves" }] };
  expect((await client.stylize({ content: await picture(32), options })).picture.size).toBeGreaterThan(100);
  const { id } = await client.submitJob({ contents: [card(folder, { seconds: 2, rate: 4 })], options });
  await client.waitForJob(id);
  expect(await frameHashes(await client.getResult(id), folder)).toHaveLength(8);
  const part = await client.getResult(id, { range: [4, 7] });
  expect(await part.text()).toBe("ftyp");
  const rest = () => store.list(`jobs/${id}/`).then((names) => names.map((name) => name.split("/").slice(2).join("/")));
  await until(async () => (await rest().catch(() => [])).join() === "out/0.mp4,preview.jpg", "only the result is left");
  await client.deleteJob(id);
  expect(await store.list("jobs/")).toEqual([]);
});
