/** Pictures over HTTP: what is painted, what is refused and how, and that nothing stays behind. */
import { request } from "node:http";
import { loadModel, readPicture } from "adaattn/node";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ProblemError } from "../src/client.ts";
import { leftovers, metric, picture, testServer, until } from "./helpers.ts";

const { client, url, data } = await testServer({ limits: { queue: 2, pixels: 1e6, side: 512 } });
const [photo, painting, other] = [await picture(64, 48), await picture(64, 64, 3), await picture(80, 64, 7)];

const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<ProblemError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProblemError)) throw new Error(`Expected a problem but received ${error}`);
  return error;
}

describe("a picture", () => {
  it("is the one that the library paints", async () => {
    const { picture: result, timing } = await client.stylize({
      content: photo,
      styles: [painting],
      options: { strength: 0.8 },
    });
    expect(result.type).toBe("image/png");
    expect(timing).toMatch(/encode;dur=[\d.]+, attend/);
    const model = await loadModel("small");
    await using _ = model;
    using style = await model.style(await readPicture(await bytesOf(painting)));
    const expected = await model.stylize(await readPicture(await bytesOf(photo)), style, { strength: 0.8 });
    const { data } = await readPicture(await bytesOf(result));
    expect(Buffer.compare(Buffer.from(data), Buffer.from(expected.data))).toBe(0);
  });

  it("has the format, the size and the mixture that are asked for", async () => {
    const options = {
      format: "webp",
      size: 96,
      quality: 50,
      styles: [{ weight: 2 }, { size: 48, rotate: 90 }],
    } as const;
    const { picture: result } = await client.stylize({
      content: photo,
      styles: [painting, other],
      options: { ...options, styles: [...options.styles] },
    });
    const { format, width, height } = await sharp(await bytesOf(result)).metadata();
    expect({ format, width, height }).toEqual({ format: "webp", width: 96, height: 72 });
  });

  it("is painted where the mask is white", async () => {
    const half = await sharp({ create: { width: 64, height: 48, channels: 3, background: "black" } })
      .composite([{ input: { create: { width: 32, height: 48, channels: 3, background: "white" } }, left: 0, top: 0 }])
      .png()
      .toBuffer();
    const mask = new Blob([new Uint8Array(half)]);
    const { picture: result } = await client.stylize({ content: photo, styles: [painting], masks: [mask] });
    const [painted, before] = [await readPicture(await bytesOf(result)), await readPicture(await bytesOf(photo))];
    const right = 47 * 64 * 4 + 63 * 4;
    expect(painted.data.slice(right, right + 3)).toEqual(before.data.slice(right, right + 3));
    expect(painted.data.slice(0, 3)).not.toEqual(before.data.slice(0, 3));
  });

  it("is answered from memory the second time", async () => {
    const before = await metric(url, "adaattn_cached_results_total");
    const ask = () => client.stylize({ content: photo, styles: [other], options: { size: 40 } });
    const [first, second] = [await ask(), await ask()];
    expect(second.timing).toBe("cache");
    expect(await bytesOf(second.picture)).toEqual(await bytesOf(first.picture));
    expect(await metric(url, "adaattn_cached_results_total")).toBe(before + 1);
  });
});

describe("a kept style", () => {
  it("is used by its name, replaced and forgotten", async () => {
    const info = await client.putStyle("waves", { painting, look: { size: 48 } });
    expect(info).toMatchObject({ name: "waves", width: 64, height: 64, hasMask: false, look: { size: 48 } });
    const kept = await client.stylize({ content: photo, options: { styles: [{ saved: "waves" }] } });
    const sent = await client.stylize({ content: photo, styles: [painting], options: { styles: [{ size: 48 }] } });
    expect(await bytesOf(kept.picture)).toEqual(await bytesOf(sent.picture));
    await client.putStyle("waves", { painting: other });
    expect((await client.listStyles()).map(({ name, width }) => ({ name, width }))).toEqual([
      { name: "waves", width: 80 },
    ]);
    await client.deleteStyle("waves");
    expect(await client.listStyles()).toEqual([]);
    const gone = await refusal(client.stylize({ content: photo, options: { styles: [{ saved: "waves" }] } }));
    expect(gone.status).toBe(404);
    expect(gone.message).toBe("There is no kept style waves. GET /v1/styles lists them.");
  });
});

describe("a request is refused with a sentence", () => {
  it.each([
    [{ strength: 9 }, 400, "Expected a number from 0 to 4 for strength but received 9."],
    [{ styles: [{ weight: 0 }] }, 400, "Expected a number above 0 for styles.0.weight but received 0."],
    [{ model: "large" }, 400, "Expected one of small for the model but received large."],
    [{ size: 513 }, 400, "Expected at most 512 for the size but received 513."],
    [
      { styles: [{ size: 513 }] },
      400,
      "Expected at most 512 for the size of style 1 times its stroke but received 513 x 1.",
    ],
    [
      { styles: [{ stroke: 1.5 }] },
      400,
      "Expected at most 512 for the size of style 1 times its stroke but received 512 x 1.5.",
    ],
    [{ pace: 1 }, 400, "Expected an option that there is but received pace."],
    [
      { styles: [{}, {}] },
      400,
      "Expected 2 files in the part style, one for each style that is not a kept one but received 1.",
    ],
  ])("%j", async (options, status, detail) => {
    const problem = await refusal(client.stylize({ content: photo, styles: [painting], options: options as object }));
    expect(problem.problem).toMatchObject({ status, detail });
    expect(problem.problem.instance).toMatch(/^urn:uuid:/);
  });

  it("where a style is larger than --max-size allows, kept or of a job", async () => {
    const tooLarge = "Expected at most 512 for the size of the style times its stroke but received 400 x 2.";
    const kept = await refusal(client.putStyle("vast", { painting, look: { size: 400, stroke: 2 } }));
    expect([kept.status, kept.message]).toEqual([400, tooLarge]);
    expect(await client.listStyles()).toEqual([]);
    const styles = [{ size: 513 }];
    const job = await refusal(client.submitJob({ contents: [photo], styles: [painting], options: { styles } }));
    expect([job.status, job.message]).toEqual([400, expect.stringContaining("style 1 times its stroke")]);
  });

  it("where a part is missing, unknown or no picture", async () => {
    const none = await refusal(client.stylize({ content: photo }));
    expect(none.message).toContain("Expected at least one style");
    const text = await refusal(client.stylize({ content: new Blob(["hello"]), styles: [painting] }));
    expect(text.status).toBe(422);
    expect(text.message).toBe(
      "Cannot read the content: it is not a JPEG, PNG, WebP, AVIF, TIFF or GIF picture. Convert it to one of these first.",
    );
    const large = await refusal(client.stylize({ content: await picture(1200, 1000), styles: [painting] }));
    expect(large.message).toContain("its 1200 x 1000 pixels are over the limit of 1 megapixels");
    const form = new FormData();
    form.append("photo", photo);
    const unknown = await fetch(`${url}/v1/stylize`, { method: "POST", body: form });
    expect(await unknown.json()).toMatchObject({
      status: 400,
      detail: "Expected parts named content, style, mask, styleMask, options but received photo.",
    });
  });

  it("where the method, the path or the type is wrong", async () => {
    const patched = await fetch(`${url}/v1/stylize`, { method: "PATCH" });
    expect([patched.status, patched.headers.get("allow")]).toEqual([405, "POST"]);
    const nowhere = await fetch(`${url}/v2/stylize`);
    expect([nowhere.status, nowhere.headers.get("content-type")]).toEqual([
      404,
      "application/problem+json; charset=utf-8",
    ]);
    const headers = { "content-type": "application/json" };
    const typed = await fetch(`${url}/v1/stylize`, { method: "POST", body: "{}", headers });
    expect(typed.status).toBe(415);
  });

  it("where its page is of another origin, or its name is not this machine's", async () => {
    const crossed = await fetch(`${url}/v1/models`, { headers: { origin: "https://elsewhere.example" } });
    expect(crossed.status).toBe(403);
    expect(crossed.headers.get("access-control-allow-origin")).toBeNull();
    const { port } = new URL(url);
    const status = await new Promise((resolve) => {
      request({ host: "127.0.0.1", port, path: "/v1/models", headers: { host: "rebound.example" } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(status).toBe(403);
  });
});

describe("when there is too much to do", () => {
  it("sheds what would wait too long, and serves the rest", async () => {
    const contents = await Promise.all(Array.from({ length: 12 }, (_, seed) => picture(128, 128, seed + 20)));
    const answers = await Promise.allSettled(
      contents.map((content) => client.stylize({ content, styles: [painting] })),
    );
    const refused = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as ProblemError] : []));
    expect(refused.length).toBeGreaterThan(0);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(4);
    for (const error of refused) {
      expect(error.status).toBe(429);
      expect(error.retryAfter).toBeGreaterThanOrEqual(1);
    }
    await client.stylize({ content: photo, styles: [painting] });
  });

  it("gives up at the deadline", async () => {
    const late = await refusal(
      client.stylize({ content: await picture(512, 512, 50), styles: [painting], options: { deadline: 0.01 } }),
    );
    expect(late.status).toBe(504);
    expect(late.message).toBe("The deadline of 0.01 s has passed. Ask for a smaller size, or submit a job.");
  });

  it("stops painting for whoever has gone away", async () => {
    const controller = new AbortController();
    const call = client.stylize(
      { content: await picture(512, 512, 51), styles: [painting] },
      { signal: controller.signal },
    );
    call.catch(() => undefined);
    await until(async () => (await metric(url, "adaattn_tasks")) > 0, "it is painted");
    controller.abort();
    await expect(call).rejects.toThrow();
    await until(async () => (await metric(url, "adaattn_tasks")) === 0, "it is painted no more");
  });
});

it("describes itself", async () => {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    openapi: string;
    paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
    components: { schemas: Record<string, unknown> };
  };
  expect(document.openapi).toBe("3.1.0");
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  expect(operations.map(({ operationId }) => operationId).sort()).toMatchInlineSnapshot(`
    [
      "deleteJob",
      "deleteStyle",
      "followJob",
      "getJob",
      "getOneResult",
      "getPreview",
      "getResult",
      "getStyle",
      "health",
      "listJobs",
      "listModels",
      "listStyles",
      "metrics",
      "putStyle",
      "readiness",
      "retryJob",
      "stylize",
      "submitJob",
    ]
  `);
  // Every reference leads somewhere.
  for (const [, name = ""] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    expect(Object.keys(document.components.schemas)).toContain(name);
  }
  const docs = await (await fetch(`${url}/docs`)).text();
  for (const { operationId } of operations) expect(docs).toContain(`id="${operationId}"`);
  expect(await client.listModels()).toMatchObject([{ name: "small", default: true }]);
  expect(await client.readiness()).toMatchObject({ ready: true, painters: 1 });
});

it("leaves nothing behind", async () => {
  await until(() => leftovers(data).length === 0, "uploads are removed");
});
