/** What is published, tried as a user has it: from the archives, in a folder of its own. */

import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, extname, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import ts from "typescript";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writePicture } from "../src/node.ts";
import { dependenciesOf, installAlone, installPackages, NODES, ROOT, SYSTEM, sizeOfFolder } from "./installed.ts";
import { waves } from "./models.ts";

// Compilers, bundlers and a browser, on machines that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "adaattn-packages-"));
const modules = join(folder, "node_modules");
let archives: string[];

/** Runs a program in a folder with a Node; conditions of this test run are not handed on. */
const runIn = (cwd: string, node: string, file: string, ...args: string[]) => {
  const path = [dirname(node), process.env.PATH].join(delimiter);
  return execute(file, args, {
    cwd,
    env: { ...process.env, PATH: path, NODE_OPTIONS: "", npm_config_offline: "true" },
  });
};

beforeAll(async () => {
  archives = installPackages(folder);
  writeFileSync(join(folder, "package.json"), '{"type":"module","private":true}');
  await writePicture(join(folder, "a.jpg"), waves(64, 48, 1));
  await writePicture(join(folder, "b.jpg"), waves(64, 48, 2));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const manifest = (path: string) =>
  JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as { version: string; [field: string]: unknown };

/**
 * Lets npm install those of our archives whose names fit in an empty folder, the packages that
 * `names` need in the versions of this repository.
 */
function install(alone: string, ours: RegExp, ...names: readonly string[]): void {
  const needed = names.flatMap((name) => [...dependenciesOf(name, modules)]);
  const others = needed.filter(([name]) => !/^@?adaattn\b/.test(name));
  const versions = Object.fromEntries(others.map(([name, path]) => [name, manifest(path).version]));
  const files = archives.filter((file) => ours.test(basename(file)));
  installAlone(alone, files, versions);
  for (const name of ["a.jpg", "b.jpg"]) copyFileSync(join(folder, name), join(alone, name));
}

describe("adaattn alone, installed by npm", () => {
  const alone = mkdtempSync(join(tmpdir(), "adaattn-alone-"));
  const installed = join(alone, "node_modules");
  const inAlone = (node: string, file: string, ...args: string[]) => runIn(alone, node, file, ...args);
  const command = (...args: string[]) => inAlone(process.execPath, "npx", "adaattn", ...args);

  beforeAll(() => install(alone, /^adaattn(?:-graph|-onnxruntime-[a-z0-9]+-[a-z0-9]+)?-\d/, "adaattn"));
  afterAll(() => rmSync(alone, { recursive: true, force: true }));

  test.each(NODES)("stylizes by npx on Node $version", async ({ node }) => {
    expect(readdirSync(join(installed, "@adaattn")).sort()).toEqual(["graph", `onnxruntime-${SYSTEM}`]);
    const args = ["stylize", "a.jpg", "--style", "klimt-poppy-field", "-o", "out.png", "--device", "cpu", "--json"];
    const { stdout } = await inAlone(node, "npx", "adaattn", ...args);
    expect(JSON.parse(stdout)).toMatchObject({ output: { width: 64, height: 48 }, model: "small", device: "cpu" });
  });

  test.each(NODES)("is imported on Node $version", async ({ node, version }) => {
    const program = `
      import { existsSync } from "node:fs";
      import { createRequire } from "node:module";
      import { fileURLToPath } from "node:url";
      import { loadModel, readPicture } from "adaattn";
      import * as node from "adaattn/node";
      import * as web from "adaattn/web";
      import manifest from "adaattn/package.json" with { type: "json" };

      const model = await loadModel("small", { device: "cpu" });
      const style = await model.style(await readPicture("b.jpg"));
      const { width, height } = await model.stylize(await readPicture("a.jpg"), style);
      await model.dispose();
      const weights = existsSync(fileURLToPath(import.meta.resolve("adaattn/models/small/model.safetensors")));
      const required = createRequire(import.meta.url)("adaattn");
      const isOne = required.loadModel === loadModel && node.loadModel === loadModel && web.loadModel !== loadModel;
      console.log(JSON.stringify([process.version, width, height, manifest.name, weights, isOne]));`;
    const { stdout } = await inAlone(node, "node", "--input-type=module", "--eval", program);
    expect(JSON.parse(stdout)).toEqual([version, 64, 48, "adaattn", true, true]);
  });

  test("has the other commands", async () => {
    expect((await command("--version")).stdout).toBe(`${manifest(join(modules, "adaattn")).version}\n`);
    // Training is copied into the package, its worker thread with it.
    await expect(command("train", "--content", ".", "--style", "none", "--out", "run")).rejects.toThrow(/none/);
    await expect(command("serve")).rejects.toThrow("Install it beside this one: npm install @adaattn/server");
  });

  test("takes at most 25 MB beyond ONNX Runtime and sharp", () => {
    const runtime = `@adaattn/onnxruntime-${SYSTEM}`;
    const apart = new Map([...dependenciesOf(runtime, modules), ...dependenciesOf("sharp", modules)]);
    // Those of one system, of the 288 MB that onnxruntime-node has for five.
    expect(sizeOfFolder(join(modules, runtime))).toBeLessThan(100e6);
    const names = readdirSync(installed).flatMap((name) =>
      name.startsWith("@") ? readdirSync(join(installed, name)).map((inner) => `${name}/${inner}`) : [name],
    );
    const own = names.filter((name) => !name.startsWith(".") && !name.startsWith("@img/") && !apart.has(name));
    expect(own).toContain("adaattn");
    const sizes = own.map((name) => [name, sizeOfFolder(join(installed, name))] as const);
    expect(
      sizes.reduce((sum, [, size]) => sum + size, 0),
      JSON.stringify(sizes),
    ).toBeLessThan(25e6);
  });
});

/**
 * Compiles a file strictly, its libraries' types too, and expects nothing to be said of it and of
 * our packages.
 */
function compile(file: string, more: ts.CompilerOptions): ts.Program {
  const compiled = ts.createProgram([join(folder, file)], {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    target: ts.ScriptTarget.ES2022,
    preserveSymlinks: true,
    ...more,
  });
  const isOurs = (name: string) => name.endsWith(file) || /node_modules\/@?adaattn\//.test(name);
  const ours = compiled.getSourceFiles().filter(({ fileName }) => isOurs(fileName));
  expect(ours.length).toBeGreaterThan(20);
  const found = ours.flatMap((one) => compiled.getSemanticDiagnostics(one));
  expect(found.map((one) => [one.file?.fileName, ts.flattenDiagnosticMessageText(one.messageText, " ")])).toEqual([]);
  return compiled;
}

test("the libraries run in Node, and their types are complete", async () => {
  const program = `
import { loadModel, readPicture, type StylizedPicture, writePicture } from "adaattn";
import { toOnnx, type Tensor } from "@adaattn/graph";
import { startServer } from "@adaattn/server";
import { trainModel } from "@adaattn/train";

export const used: readonly [typeof toOnnx, typeof trainModel, typeof startServer, Tensor?] = [
  toOnnx,
  trainModel,
  startServer,
];
const model = await loadModel("small", { device: "cpu" });
const style = await model.style(await readPicture("b.jpg"));
const result: StylizedPicture = await model.stylize(await readPicture("a.jpg"), style, { strength: 0.8 });
await writePicture("library.png", result);
await model.dispose();
`;
  writeFileSync(join(folder, "library.ts"), program);
  const compiled = compile("library.ts", { module: ts.ModuleKind.NodeNext, types: ["node"] });
  compiled.emit();
  for (const { node } of NODES) {
    rmSync(join(folder, "library.png"), { force: true });
    await runIn(folder, node, "node", "library.js");
    expect(readFileSync(join(folder, "library.png")).subarray(1, 4).toString()).toBe("PNG");
  }
});

test("types of the root are complete in a browser without Node's", () => {
  const program = `
import { loadModel, type StylizedPicture } from "adaattn";
import { architectures } from "adaattn/network";
import { openTensors } from "adaattn/import";
import { probeWebGpu } from "adaattn/web";

const model = await loadModel({ config: "/model.json", weights: "/model.safetensors" }, { device: "cpu" });
const picture = new ImageData(64, 48);
const { data, width, height }: StylizedPicture = await model.stylize(picture, await model.style(picture));
export const painted = new ImageData(data, width, height);
export const more = [architectures, openTensors, probeWebGpu];
`;
  writeFileSync(join(folder, "browser.ts"), program);
  compile("browser.ts", {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    types: [],
  });
});

test("publint and Are The Types Wrong find nothing", async () => {
  for (const archive of archives) {
    for (const [name, ...args] of [
      ["publint", "run", archive, "--strict"],
      ["attw", archive, "--profile", "esm-only", "--quiet"],
    ]) {
      await execute(join(ROOT, "node_modules/.bin", name ?? ""), args).catch(({ stdout }: { stdout: string }) => {
        expect.fail(`${name} on ${archive}: ${stdout}`);
      });
    }
  }
});

test("every package carries its license and credits, and says where it comes from", () => {
  for (const name of [
    "adaattn",
    "@adaattn/graph",
    "@adaattn/train",
    "@adaattn/server",
    "@adaattn/web",
    `@adaattn/onnxruntime-${SYSTEM}`,
  ]) {
    const isOurs = !name.includes("onnxruntime");
    for (const file of ["LICENSE", ...(isOurs ? ["NOTICE"] : []), "README.md"]) {
      expect(readFileSync(join(modules, name, file), "utf8").length).toBeGreaterThan(100);
    }
    const manifest = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")) as Record<string, unknown>;
    expect(manifest).toMatchObject({ license: isOurs ? "Apache-2.0" : "MIT", publishConfig: { access: "public" } });
    expect(manifest.repository).toMatchObject({ url: expect.stringMatching(/^git\+https:.*\.git$/) });
    for (const field of ["homepage", "bugs"]) expect(manifest[field]).toMatch(/^https:/);
    if (isOurs) expect(manifest.keywords).toContain(name === "@adaattn/graph" ? "onnx" : "style-transfer");
    // npm makes provenance in supported CI only, and would refuse to publish from anywhere else.
    expect(manifest.publishConfig).not.toHaveProperty("provenance");
    for (const field of ["private", "scripts", "devDependencies"]) expect(manifest).not.toHaveProperty(field);
  }
});

/** Bundles a module as a browser's build does; returns the code of all chunks. */
async function bundle(source: string): Promise<string> {
  const entry = join(folder, "bundled.js");
  writeFileSync(entry, source);
  const built = await build({
    root: folder,
    configFile: false,
    logLevel: "silent",
    build: { write: false, lib: { entry, formats: ["es"] }, rollupOptions: { external: /^onnxruntime-web/ } },
  });
  const outputs = (Array.isArray(built) ? built : [built]) as { output: { type: string; code?: string }[] }[];
  return outputs
    .flatMap(({ output }) => output)
    .map(({ code = "" }) => code)
    .join("\n");
}

describe("a bundle", () => {
  test("holds only what is used", async () => {
    const code = await bundle('import { parseColor } from "adaattn"; console.log(parseColor("#fff"));');
    expect(code).not.toContain("decoder.4_1");
    expect(code.length).toBeLessThan(4_000);
  });

  test("of all that a page needs stays within its budget, and sees nothing of Node", async () => {
    const code = await bundle('import { loadModel } from "adaattn"; globalThis.load = loadModel;');
    expect(code).toContain("decoder.4_1");
    expect(code).not.toMatch(/from\s*"node:|onnxruntime-node|sharp/);
    expect(gzipSync(code).length).toBeLessThan(68_000);
  });
});

/** Builds a page that paints with a package, in a folder where that is installed, and serves it. */
async function servePage(folder: string, name: string): Promise<Server> {
  const page = join(folder, "page");
  mkdirSync(page);
  writeFileSync(join(page, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  writeFileSync(
    join(page, "main.js"),
    `
import { loadModel } from "${name}";
import config from "${name}/models/small/model.json?url";
import weights from "${name}/models/small/model.safetensors?url";

async function picture(address) {
  const bitmap = await createImageBitmap(await (await fetch(address)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

try {
  const model = await loadModel({ config, weights }, { device: "cpu" });
  const result = await model.stylize(await picture("/a.jpg"), await model.style(await picture("/b.jpg")));
  window.result = { width: result.width, height: result.height, colors: new Set(result.data).size };
  await model.dispose();
} catch (error) {
  window.result = { failure: String(error) };
}
`,
  );
  await build({ root: page, configFile: false, logLevel: "silent", build: { target: "esnext" } });
  const types: Record<string, string> = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
  };
  const served: Record<string, string> = { "/a.jpg": folder, "/b.jpg": folder };
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "", "http://localhost").pathname;
    const [, first = ""] = /^(\/[^/]*)/.exec(path) ?? [];
    try {
      const body = readFileSync(join(served[first] ?? join(page, "dist"), path === "/" ? "index.html" : path));
      response.writeHead(200, { "content-type": types[extname(path) || ".html"] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

/** Expects a page built by Vite to paint in Chromium with a package that is installed in a folder. */
async function expectPainting(folder: string, name: string): Promise<void> {
  const server = await servePage(folder, name);
  try {
    const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      const result = await page.waitForFunction("window.result", undefined, { timeout: 200_000 });
      expect(await result.jsonValue()).toEqual({ width: 64, height: 48, colors: expect.any(Number) });
    } finally {
      await browser.close();
    }
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

test("a page built by Vite stylizes in Chromium", () => expectPainting(folder, "adaattn"));

describe("@adaattn/web alone, installed by npm", () => {
  const alone = mkdtempSync(join(tmpdir(), "adaattn-web-"));
  const installed = join(alone, "node_modules");

  beforeAll(() => install(alone, /^adaattn-(?:graph|web)-/, "@adaattn/web", "onnxruntime-web"));
  afterAll(() => rmSync(alone, { recursive: true, force: true }));

  test("brings nothing native and nothing of Node", () => {
    expect(readdirSync(join(installed, "@adaattn")).sort()).toEqual(["graph", "web"]);
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    expect(files).toContain(join("onnxruntime-web", "package.json"));
    expect(files.filter((file) => /\.(?:node|dll|dylib|exe|so(?:\.\d+)*)$/.test(basename(file)))).toEqual([]);
    expect(files.filter((file) => /(?:^|[\\/])(?:sharp|@img|onnxruntime-node)$/.test(file))).toEqual([]);
    const web = join(installed, "@adaattn/web");
    expect(readdirSync(web).sort()).toEqual(["LICENSE", "NOTICE", "README.md", "dist", "models", "package.json"]);
    expect(readdirSync(join(web, "dist"))).not.toContain("node");
    for (const field of ["bin", "imports", "optionalDependencies", "peerDependenciesMeta"]) {
      expect(manifest(web)).not.toHaveProperty(field);
    }
  });

  test("takes at most 15 MB beyond ONNX Runtime", () => {
    const own = [...dependenciesOf("@adaattn/web", installed)];
    expect(own.map(([name]) => name).sort()).toEqual(["@adaattn/graph", "@adaattn/web", "zod"]);
    expect(own.reduce((sum, [, path]) => sum + sizeOfFolder(path), 0)).toBeLessThan(15e6);
  });

  test("has complete types for ES2022, its own and those that it needs", () => {
    writeFileSync(
      join(alone, "page.ts"),
      `
import { AdaattnError, fetchModel, loadModel, probeWebGpu, type StylizedPicture } from "@adaattn/web";
import { openTensors } from "@adaattn/web/import";
import { architectures, type Engine } from "@adaattn/web/network";

const model = await loadModel({ config: "/model.json", weights: "/model.safetensors" }, { device: "cpu" });
const picture = new ImageData(64, 48);
const { data, width, height }: StylizedPicture = await model.stylize(picture, await model.style(picture));
export const painted = new ImageData(data, width, height);
export const more = [AdaattnError, fetchModel, probeWebGpu, openTensors, architectures];
export type Any = Engine;
`,
    );
    const program = ts.createProgram([join(alone, "page.ts")], {
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
      types: [],
    });
    const found = ts.getPreEmitDiagnostics(program);
    expect(found.map((one) => [one.file?.fileName, ts.flattenDiagnosticMessageText(one.messageText, " ")])).toEqual([]);
    expect(
      program.getSourceFiles().filter(({ fileName }) => fileName.includes("@adaattn/web/")).length,
    ).toBeGreaterThan(20);
  });

  test("paints in a page built by Vite", () => expectPainting(alone, "@adaattn/web"));
});
