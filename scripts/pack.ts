/**
 * Makes the packages as they are published, from what `npm run build` left in dist/:
 *
 *   npm run pack        # out/npm/NAME-VERSION.tgz, to be published by `npm publish FILE`
 *
 * A published package has no scripts, no development dependencies and no paths to sources.
 * `adaattn` gets the bundled weights and paintings, and the command too, so that `npx adaattn`
 * needs nothing else: packages/cli and the training that it starts are copied into it. Here in the
 * repository nothing of `adaattn` knows of them.
 *
 * `@adaattn/web` is made of the same files: those that pages need, for projects that are pages only
 * and have no use for sharp and for the binaries of ONNX Runtime.
 *
 * Microsoft's onnxruntime-node has the binaries of five systems (288 MB), and a script that
 * downloads more at install. What is published has none of its scripts and a package for each
 * system, of which npm installs the one that fits: @adaattn/onnxruntime-linux-x64 and so on.
 */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * What is published, each in packages/. Their package.json says private, so that nobody publishes
 * one as it lies there.
 */
const PUBLISHED = ["graph", "adaattn", "train", "server"];

/** What of a package.json is looked at here. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string | object>>>>;
  readonly imports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/**
 * Where onnxruntime-node lies, and its binaries in it: a folder a platform, and in that one an
 * architecture.
 */
const RUNTIME = join(root, "node_modules/onnxruntime-node");
const BINARIES = "bin/napi-v6";

/** The systems that onnxruntime-node has binaries for, such as `linux-x64`. */
const systems = readdirSync(join(RUNTIME, BINARIES))
  .flatMap((platform) => readdirSync(join(RUNTIME, BINARIES, platform)).map((arch) => `${platform}-${arch}`))
  .sort();

const runtimeName = (system: string) => `@adaattn/onnxruntime-${system}`;

/** A package as it will lie in node_modules. */
export interface StagedPackage {
  readonly name: string;
  readonly folder: string;
}

/**
 * Lays out every package that is published, each in a folder of its own below `target`.
 *
 * @param wanted the systems whose ONNX Runtime is among them: all by default.
 */
export function stagePackages(target: string, wanted: readonly string[] = systems): StagedPackage[] {
  const runtimes = wanted.map((system) => stageRuntime(target, system));
  const packages = PUBLISHED.map((name) => {
    const source = join(root, "packages", name);
    const manifest = manifestOf(source);
    const folder = join(target, manifest.name);
    mkdirSync(folder, { recursive: true });
    copy(source, folder, ["dist", "README.md"]);
    copy(root, folder, ["LICENSE", "NOTICE"]);
    const command = name === "adaattn" ? addCommand(folder, manifest) : {};
    const published = { ...publishedManifest(manifest), ...command };
    writeFileSync(join(folder, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
    return { name: manifest.name, folder };
  });
  return [...runtimes, ...packages, stageWeb(target)];
}

/** Lays out `@adaattn/web`, whose root is `adaattn/web`. */
function stageWeb(target: string): StagedPackage {
  const name = "@adaattn/web";
  const source = join(root, "packages/adaattn");
  const folder = join(target, name);
  const { engines: _node, peerDependenciesMeta: _optional, ...kept } = manifestOf(source);
  const { exports = {}, dependencies = {} } = kept;
  const own = ["./network", "./import", "./models/*", "./package.json"];
  const manifest = {
    ...kept,
    name,
    description: "Arbitrary style transfer (AdaAttN) in the browser, without what only Node needs.",
    keywords: (kept.keywords as string[]).map((word) => (word === "cli" ? "browser" : word)),
    exports: { ".": exports["./web"] ?? "", ...Object.fromEntries(own.map((path) => [path, exports[path] ?? ""])) },
    dependencies: Object.fromEntries(["@adaattn/graph", "zod"].map((one) => [one, dependencies[one] ?? ""])),
  };
  mkdirSync(folder, { recursive: true });
  for (const file of reached(join(source, "dist"), ["web", "network", "import"])) {
    cpSync(join(source, "dist", file), join(folder, "dist", file));
  }
  copyModels(folder);
  copy(root, folder, ["LICENSE", "NOTICE"]);
  cpSync(join(source, "README.web.md"), join(folder, "README.md"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
  return { name, folder };
}

/** The files of a dist folder that entries, and the types of entries, come to by their imports. */
function reached(dist: string, entries: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const follow = (file: string) => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, path = ""] of readFileSync(join(dist, file), "utf8").matchAll(/\b(?:from|import)[ (]*"(\.[^"]+)"/g)) {
      const imported = join(dirname(file), path);
      follow(file.endsWith(".d.ts") ? imported.replace(/\.js$/, ".d.ts") : imported);
    }
  };
  for (const entry of entries) for (const kind of ["js", "d.ts"]) follow(`${entry}.${kind}`);
  return found;
}

/** Lays out ONNX Runtime with the binaries of one system. */
function stageRuntime(target: string, system: string): StagedPackage {
  const [platform = "", arch = ""] = system.split("-");
  const { version, license, dependencies = {} } = manifestOf(RUNTIME);
  const name = runtimeName(system);
  const folder = join(target, name);
  mkdirSync(folder, { recursive: true });
  copy(RUNTIME, folder, ["dist", join(BINARIES, platform, arch)]);
  copy(join(root, "scripts/onnxruntime"), folder, ["LICENSE"]);
  const { homepage, repository, bugs } = manifestOf(join(root, "packages/adaattn"));
  const manifest = {
    name,
    version,
    description: `ONNX Runtime's onnxruntime-node with the binaries for ${system} only, and without install scripts.`,
    license,
    homepage,
    repository,
    bugs,
    os: [platform],
    cpu: [arch],
    ...(platform === "linux" && { libc: ["glibc"] }),
    main: "dist/index.js",
    types: "dist/index.d.ts",
    dependencies: { "onnxruntime-common": dependencies["onnxruntime-common"] },
    publishConfig: { access: "public" },
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(
    join(folder, "README.md"),
    `# ${name}\n\n[onnxruntime-node](https://www.npmjs.com/package/onnxruntime-node) ${version} by Microsoft, unchanged, with the ` +
      `binaries for ${system} only.\n\`adaattn\` asks for it; install that.\n`,
  );
  return { name, folder };
}

function copy(from: string, to: string, names: readonly string[]): void {
  for (const name of names) {
    if (!existsSync(join(from, name))) throw new Error(`Expected ${join(from, name)}. Run npm run build first.`);
    cpSync(join(from, name), join(to, name), { recursive: true });
  }
}

/** Copies the bundled weights into the folder of a package. */
function copyModels(folder: string): void {
  for (const name of readdirSync(join(root, "models"))) {
    const files = ["model.json", "model.safetensors"].map((file) => `models/${name}/${file}`);
    if (files.every((file) => existsSync(join(root, file)))) copy(root, folder, files);
  }
}

function publishedManifest({ private: _private, scripts, devDependencies, exports = {}, ...kept }: Manifest) {
  const withoutSources = Object.entries(exports).map(([path, target]) => {
    if (typeof target === "string") return [path, target];
    const { "@adaattn/source": _, ...conditions } = target;
    return [path, conditions];
  });
  return {
    ...kept,
    exports: Object.fromEntries(withoutSources),
    // Provenance is asked for by the workflow that publishes: elsewhere npm refuses to make it.
    publishConfig: { access: "public" },
  };
}

/**
 * Adds the weights, the paintings and the command to the folder of `adaattn`; returns what its
 * manifest says of them.
 */
function addCommand(folder: string, { dependencies }: Manifest) {
  copyModels(folder);
  cpSync(join(root, "assets/paintings"), join(folder, "paintings"), { recursive: true });
  const [cli, train] = ["cli", "train"].map((name) => join(root, "packages", name)) as [string, string];
  const { files = [], dependencies: needed = {} } = manifestOf(cli);
  copy(
    cli,
    folder,
    files.filter((name) => !["bin", "dist", "NOTICE"].includes(name)),
  );
  const isCode = (path: string) => !path.endsWith(".d.ts");
  cpSync(join(cli, "dist"), join(folder, "command"), { recursive: true, filter: isCode });
  cpSync(join(train, "dist"), join(folder, "command/training"), { recursive: true, filter: isCode });
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/adaattn.js"), '#!/usr/bin/env node\nimport "../command/start.js";\n', {
    mode: 0o755,
  });
  const others = Object.entries(needed).filter(([name]) => name !== "adaattn" && !name.startsWith("@adaattn/"));
  const usesServer = "@adaattn/server" in needed;
  const { "onnxruntime-node": runtime, ...kept } = dependencies ?? {};
  return {
    bin: { adaattn: "./bin/adaattn.js" },
    imports: trainingImports(manifestOf(cli), manifestOf(train)),
    dependencies: { ...kept, ...Object.fromEntries(others) },
    optionalDependencies: Object.fromEntries(systems.map((system) => [runtimeName(system), runtime])),
    ...(usesServer && optionalServer(manifestOf(join(root, "packages/adaattn")), needed["@adaattn/server"] ?? "*")),
  };
}

/**
 * `adaattn serve` asks for the server where it is missing: it brings a web framework that nothing
 * else needs.
 */
function optionalServer({ peerDependencies, peerDependenciesMeta }: Manifest, version: string) {
  return {
    peerDependencies: { ...(peerDependencies as object), "@adaattn/server": version },
    peerDependenciesMeta: { ...(peerDependenciesMeta as object), "@adaattn/server": { optional: true } },
  };
}

/** Where the training that the command imports as `#train` lies in the folder of `adaattn`. */
function trainingImports({ imports = {} }: Manifest, { name, exports = {} }: Manifest) {
  const places = Object.entries(imports).map(([alias, specifier]) => {
    const target = exports[specifier.replace(name, ".")];
    const file = typeof target === "object" ? target.default : undefined;
    if (typeof file !== "string") throw new Error(`Expected ${specifier} in the exports of ${name}.`);
    return [alias, file.replace("./dist/", "./command/training/")];
  });
  return Object.fromEntries(places) as Record<string, string>;
}

/** Packs what was staged; returns the paths of the archives, in the same order. */
export function packPackages(staged: readonly StagedPackage[], target: string): string[] {
  mkdirSync(target, { recursive: true });
  const folders = staged.map(({ folder }) => folder);
  const printed = execFileSync("npm", ["pack", "--json", "--pack-destination", target, ...folders], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const packed = JSON.parse(printed) as { name: string; filename: string }[];
  return staged.map(({ name }) => {
    const file = packed.find((one) => one.name === name)?.filename ?? "";
    return join(target, file.replace(/^@/, "").replace("/", "-"));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const staging = mkdtempSync(join(tmpdir(), "adaattn-pack-"));
  try {
    for (const file of packPackages(stagePackages(staging), join(root, "out/npm"))) {
      process.stdout.write(`${relative(process.cwd(), file)}\n`);
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
