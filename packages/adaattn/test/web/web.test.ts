/**
 * The web engine on WebAssembly, which Node has too, and downloads from a local server; browsers
 * are tested in apps/studio.
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { constant, input, multiply, symbol, type Tensor, toOnnx } from "@adaattn/graph";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type EngineTensor, outputOf } from "../../src/engine/engine.ts";
import { AdaattnError } from "../../src/error.ts";
import { parametersOf } from "../../src/network.ts";
import { checkConvolution } from "../../src/web/probe.ts";
import { fetchFile, fetchModel, hasVectors, loadModel, probeWebGpu, WebEngine, WebProblem } from "../../src/web.ts";

describe("the web engine on WebAssembly", () => {
  let engine: WebEngine;
  beforeAll(async () => {
    engine = await WebEngine.create({ threads: 1 });
  });
  afterAll(() => engine.dispose());

  const load = (name: string, outputs: Record<string, Tensor>) => engine.load(toOnnx(outputs), name);
  const doubled = () => load("doubling", { y: multiply(input("x", [symbol("n")]), constant(2)) });
  const row = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });
  const read = async (tensor: EngineTensor) => [...(await tensor.read()).data];

  test("runs where vectors do, and convolves right", async () => {
    expect(hasVectors()).toBe(true);
    await checkConvolution(engine);
  });

  test("names the model that it cannot load or run, and goes on", async () => {
    await expect(engine.load(new Uint8Array([1, 2, 3]), "rubbish")).rejects.toThrow(
      /^The engine cannot load rubbish on cpu: \S/,
    );
    const session = await doubled();
    await expect(session.run({ x: { shape: [1, 2], data: Float32Array.of(1, 2) } })).rejects.toThrow(
      /^The engine cannot run doubling on cpu: \S/,
    );
    expect(await read(outputOf(await session.run({ x: row(1, 2) }), "y"))).toEqual([2, 4]);
  });

  test("keeps tensors from run to run until they are disposed of", async () => {
    const session = await doubled();
    const first = outputOf(await session.run({ x: row(1, -2, 3) }), "y");
    const queued = session.run({ x: first });
    first.dispose();
    first.dispose();
    const second = outputOf(await queued, "y");
    expect(await read(second)).toEqual([4, -8, 12]);
    await expect(first.read()).rejects.toThrow(new Error("the tensor was disposed of"));
    await expect(session.run({ x: first })).rejects.toThrow(
      new AdaattnError("engine", "The engine cannot run doubling on cpu: the tensor for the input x was disposed of"),
    );
    ((await second.read()).data as Float32Array).fill(9);
    expect(await read(second)).toEqual([4, -8, 12]);
  });

  test("answers several runs at once, and says that a session was unloaded", async () => {
    const session = await doubled();
    const results = await Promise.all([1, 2, 3].map((value) => session.run({ x: row(value) })));
    expect(await Promise.all(results.map((outputs) => read(outputOf(outputs, "y"))))).toEqual([[2], [4], [6]]);
    session.dispose();
    await expect(session.run({ x: row(1) })).rejects.toThrow(
      new AdaattnError("engine", "The engine cannot run doubling on cpu: the session was unloaded"),
    );
  });

  test("leaves an aborted run at once, and goes on", async () => {
    const session = await doubled();
    const controller = new AbortController();
    const aborted = session.run({ x: row(1) }, { signal: controller.signal });
    controller.abort("enough");
    await expect(aborted).rejects.toBe("enough");
    await expect(session.run({ x: row(1) }, { signal: controller.signal })).rejects.toBe("enough");
    expect(await read(outputOf(await session.run({ x: row(3) }), "y"))).toEqual([6]);
  });

  test("refuses calls once it is closed", async () => {
    const short = await WebEngine.create();
    const session = await short.load(toOnnx({ y: multiply(input("x", [1]), constant(2)) }), "doubling");
    await short.dispose();
    await expect(session.run({ x: row(1) })).rejects.toThrow(
      new AdaattnError("engine", "The engine cannot run doubling on cpu: The engine was closed."),
    );
  });

  test("says why there is no WebGPU", async () => {
    expect(await probeWebGpu()).toEqual({ reason: "This browser has no WebGPU.", code: "noWebGpu" });
  });

  test("takes no GPU that is a program", async () => {
    const info = { isFallbackAdapter: true };
    vi.stubGlobal("navigator", { gpu: { requestAdapter: async () => ({ info }) } });
    try {
      expect(await probeWebGpu()).toMatchObject({ code: "softwareGpu" });
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("files", () => {
  const file = Buffer.from("the bytes of a file ".repeat(5000));
  const sha256 = createHash("sha256").update(file).digest("hex");
  const served = new Map<string, Buffer>();
  let asked: string[] = [];
  let server: Server;
  let base = "";

  beforeAll(async () => {
    served.set("/file", file);
    served.set("/file.gz", gzipSync(file));
    served.set("/labelled.gz", gzipSync(file));
    served.set("/broken.gz", gzipSync(file).subarray(0, 100));
    for (const name of ["model.json", "model.safetensors"]) {
      served.set(`/small/${name}`, await readFile(new URL(`../../../../models/small/${name}`, import.meta.url)));
    }
    served.set("/odd/model.json", Buffer.from('{"architecture":"odd"}'));
    served.set("/odd/model.safetensors", file);
    server = createServer((request, response) => {
      const body = served.get(request.url ?? "");
      asked.push(request.url ?? "");
      if (request.url === "/cut") {
        response.writeHead(200, { "content-length": 1000 }).write("some");
        setImmediate(() => response.destroy());
      } else if (body === undefined) response.writeHead(404).end();
      else {
        const label = request.url === "/labelled.gz" ? { "content-encoding": "gzip" } : {};
        response.writeHead(200, { "content-length": body.length, ...label }).end(body);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  // What a browser's Cache Storage does with one cache.
  const kept = new Map<string, Response>();
  beforeEach(() => {
    asked = [];
    kept.clear();
    const store = {
      match: async (url: string) => kept.get(url)?.clone(),
      put: async (url: string, response: Response) => void kept.set(url, response),
      delete: async (request: string | Request) => kept.delete(typeof request === "string" ? request : request.url),
      keys: async () => Array.from(kept.keys(), (url) => new Request(url)),
    };
    vi.stubGlobal("caches", { open: async () => store });
  });
  afterEach(() => vi.unstubAllGlobals());

  test("come with progress once, and from the cache from then on", async () => {
    const seen: (readonly [number, number | undefined])[] = [];
    const onProgress = (received: number, total: number | undefined) => seen.push([received, total]);
    expect(Buffer.from(await fetchFile(`${base}/file`, { sha256, onProgress }))).toEqual(file);
    expect(seen.at(-1)).toEqual([file.length, file.length]);
    expect(seen.every(([received, total]) => received <= file.length && total === file.length)).toBe(true);
    expect(Buffer.from(await fetchFile(`${base}/file`, { sha256, onProgress }))).toEqual(file);
    expect(asked).toEqual(["/file"]);
  });

  test("are refused and not kept with another checksum", async () => {
    const other = "0".repeat(64);
    await expect(fetchFile(`${base}/file`, { sha256: other })).rejects.toThrow(
      new WebProblem(
        "damaged",
        `Expected the SHA-256 ${other} for ${base}/file but received ${sha256}; reload the page to try again.`,
      ),
    );
    expect(kept.size).toBe(0);
  });

  test("that were damaged in the cache are fetched anew", async () => {
    kept.set(`${base}/file?sha256=${sha256}`, new Response("damaged"));
    expect(Buffer.from(await fetchFile(`${base}/file`, { sha256 }))).toEqual(file);
    expect(asked).toEqual(["/file"]);
  });

  test("without a checksum are fetched anew while there is a network, and only the last version of each is kept", async () => {
    served.set("/changing", Buffer.from("one"));
    const text = async (sha256?: string) => Buffer.from(await fetchFile(`${base}/changing`, { sha256 })).toString();
    expect(await text()).toBe("one");
    served.set("/changing", Buffer.from("two"));
    expect(await text()).toBe("two");
    served.delete("/changing");
    expect(await text()).toBe("two");
    served.set("/changing", Buffer.from("three"));
    expect(await text(createHash("sha256").update("three").digest("hex"))).toBe("three");
    expect(kept.size).toBe(1);
  });

  test("are inflated, and counted as they are transferred", async () => {
    const seen: number[] = [];
    const got = await fetchFile(`${base}/file.gz`, { onProgress: (received) => seen.push(received) });
    expect(Buffer.from(got)).toEqual(file);
    expect(seen.at(-1)).toBe(served.get("/file.gz")?.length);
    await expect(fetchFile(`${base}/broken.gz`)).rejects.toThrow(
      new WebProblem("damaged", `${base}/broken.gz is a damaged gzip file.`),
    );
  });

  test.each(["file.gz", "labelled.gz"])("are checked by what is inside, and kept: %s", async (name) => {
    for (let turn = 0; turn < 2; turn++) {
      expect(Buffer.from(await fetchFile(`${base}/${name}`, { sha256, bytes: 7 }))).toEqual(file);
    }
    expect(asked).toEqual([`/${name}`]);
  });

  test("that cannot be had are named", async () => {
    await expect(fetchFile(`${base}/none`)).rejects.toThrow(
      new WebProblem("refused", `${base}/none cannot be fetched: the server answered 404.`),
    );
    await expect(fetchFile(`${base}/cut`)).rejects.toThrow(/\/cut broke off after \d+ bytes; check the connection/);
    await expect(fetchFile("http://127.0.0.1:1/none")).rejects.toThrow(/cannot be fetched; check the connection/);
    const signal = AbortSignal.abort("enough");
    await expect(fetchFile(`${base}/file`, { signal })).rejects.toBe("enough");
  });

  test("of a model make a model", async () => {
    const { name, architecture, weights } = await fetchModel(`${base}/small/`);
    expect([name, architecture.name, weights.size]).toEqual(["small", "small", parametersOf(architecture).size]);
    await expect(fetchModel(`${base}/odd`)).rejects.toThrow(
      /^The model at .*\/odd cannot be used: Expected one of .* for the architecture but received "odd"\.$/,
    );
    await expect(loadModel(`${base}/small`, { device: "webgpu" })).rejects.toThrow("This browser has no WebGPU.");
    const model = await loadModel(`${base}/small`);
    expect(model.device).toBe("cpu");
    await model.dispose();
  });
});
