/**
 * The container's image, without a builder of images: what a linter would say of its files, and
 * that what it holds runs.
 */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { layOut } from "../image.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");
const json = (name: string) => JSON.parse(read(name)) as Record<string, Record<string, unknown>>;

/** The instructions of the Dockerfile in order, comments and line breaks taken out. */
const instructions = read("Dockerfile")
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll(/\\\n\s*/g, "")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => ({ word: line.split(" ")[0] ?? "", rest: line.slice(line.indexOf(" ") + 1) }));
const of = (word: string) => instructions.filter((one) => one.word === word).map(({ rest }) => rest);

/** Whether .dockerignore keeps a file from the builder: the last of its lines that fits decides. */
function isIgnored(path: string): boolean {
  const lines = read(".dockerignore").split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .reduce((before, line) => {
      const pattern = line.replace(/^!/, "").replaceAll(".", "\\.").replaceAll("**/", "(.*/)?");
      const isFitting = new RegExp(`^${pattern.replaceAll(/(?<![.)])\*/g, "[^/]*")}(/|$)`).test(path);
      return isFitting ? !line.startsWith("!") : before;
    }, false);
}

const tracked = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
const sent = tracked.filter((path) => !isIgnored(path));

/** Every place that the lock file knows, and whether npm takes it out of what runs. */
const places = Object.entries(json("package-lock.json").packages ?? {}) as [string, { dev?: boolean }][];
const folders = [
  "",
  ...["adaattn", "cli", "graph", "server", "train"].map((name) => `packages/${name}/`),
  "apps/studio/",
];

describe("the Dockerfile", () => {
  it("copies only what there is, and what the builder is sent", () => {
    const sources = of("COPY")
      .filter((rest) => !rest.startsWith("--from"))
      .flatMap((rest) => rest.split(" ").slice(0, -1));
    expect(sources.length).toBeGreaterThan(15);
    for (const source of sources) {
      expect([source, sent.some((path) => path === source || path.startsWith(`${source}/`))]).toEqual([source, true]);
    }
    // Nothing is sent in vain.
    const isCopied = (path: string) => sources.some((source) => path === source || path.startsWith(`${source}/`));
    expect(sent.filter((path) => !isCopied(path))).toEqual([]);
    expect(sent.filter((path) => /\/test\/|\.md$/.test(path) && !path.includes("README"))).toEqual([]);
  });

  it("installs before it copies sources, and nothing after it has taken development's packages out", () => {
    const at = (text: string) => instructions.findIndex(({ rest }) => rest.startsWith(text));
    const manifests = folders.map((folder) => `${folder}package.json`);
    const before = instructions.slice(0, at("npm ci")).filter(({ word }) => word === "COPY");
    const copied = before.flatMap(({ rest }) => rest.split(" ").slice(0, -1));
    expect(copied.sort()).toEqual([...manifests, "package-lock.json", ".npmrc"].sort());
    expect(at("npm run build")).toBeGreaterThan(at("npm ci"));
    expect(at("npm prune --omit=dev")).toBeGreaterThan(at("npm run build"));
    const after = instructions.slice(at("npm prune") + 1).map(({ rest }) => rest);
    expect(after.filter((rest) => /\bnpm\b|\bnpx\b|\byarn\b|\bcurl\b|\bwget\b/.test(rest))).toEqual([]);
  });

  it("builds upon an exact image, runs as a user, and leaves no lists of packages", () => {
    expect(of("ARG")).toEqual([expect.stringMatching(/^NODE=node:\d+\.\d+\.\d+-[a-z-]+@sha256:[0-9a-f]{64}$/)]);
    expect(of("FROM").every((rest) => rest.startsWith(`\${NODE}`))).toBe(true);
    expect(of("USER")).toEqual(["node"]);
    expect(instructions.findIndex(({ word }) => word === "USER")).toBeGreaterThan(
      instructions.findLastIndex(({ word }) => word === "RUN"),
    );
    const [apt = ""] = of("RUN").filter((rest) => rest.includes("apt-get"));
    expect(apt).toMatch(
      /^apt-get update +&& apt-get install -y --no-install-recommends .* && rm -rf \/var\/lib\/apt\/lists/,
    );
    for (const word of ["ENTRYPOINT", "CMD"])
      for (const rest of of(word)) expect(JSON.parse(rest)).toBeInstanceOf(Array);
  });
});

describe("what runs", () => {
  it("has every package that the command may load, and none that is only for development", () => {
    const kept = new Set(places.filter(([, { dev = false }]) => !dev).map(([place]) => place));
    const wanted = folders.slice(0, -1).flatMap((folder) => {
      const { dependencies = {}, peerDependencies = {} } = json(`${folder}package.json`);
      // In browsers only, and in the studio's files.
      return Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => name !== "onnxruntime-web");
    });
    const missing = wanted.filter((name) => !folders.some((folder) => kept.has(`${folder}node_modules/${name}`)));
    expect(missing).toEqual([]);
    const development = folders.flatMap((folder) => Object.keys(json(`${folder}package.json`).devDependencies ?? {}));
    const needless = development.filter((name) => !wanted.includes(name) && name !== "onnxruntime-web");
    // The types come with a package that should not ask for them, and are taken out later.
    expect(needless.length).toBeGreaterThan(15);
    expect(needless.filter((name) => kept.has(`node_modules/${name}`))).toEqual(["@types/node"]);
  });

  const isBuilt = existsSync(join(ROOT, "packages/cli/dist/start.js")) && existsSync(join(ROOT, "apps/studio/dist"));
  it.skipIf(process.platform !== "linux" || !isBuilt)(
    "starts from what is laid out, without sources, types and maps",
    () => {
      const folder = mkdtempSync(join(tmpdir(), "adaattn-image-"));
      afterAll(() => rm(folder, { recursive: true, force: true }));
      const [built, image] = [join(folder, "built"), join(folder, "image")];
      mkdirSync(built);
      // Hard links cost nothing, and npm removes files without changing them.
      execFileSync("cp", ["-al", join(ROOT, "node_modules"), built]);
      for (const name of sent.filter((path) => !path.startsWith("apps/studio/src")))
        cpSync(join(ROOT, name), join(built, name));
      for (const one of folders.slice(1)) {
        cpSync(join(ROOT, one, "dist"), join(built, one, "dist"), { recursive: true });
        const own = join(ROOT, one, "node_modules");
        if (existsSync(own)) execFileSync("cp", ["-al", own, join(built, one)]);
      }
      const prune = ["prune", "--omit=dev", "--offline", "--no-audit", "--no-fund", "--ignore-scripts"];
      execFileSync("npm", prune, { cwd: built, stdio: "pipe", env: { ...process.env, NODE_OPTIONS: "" } });
      layOut(image, built);
      // As the two COPY of the Dockerfile put them together.
      const app = join(folder, "app");
      for (const part of ["modules", "app"])
        cpSync(join(image, part), app, { recursive: true, verbatimSymlinks: true });
      const files = readdirSync(app, { recursive: true, encoding: "utf8" });
      expect(
        files.filter((name) => /\.map$|\.d\.[cm]?ts$|^node_modules\/@types|^packages\/[^/]+\/(src|test)/.test(name)),
      ).toEqual([]);
      const run = (...args: string[]) =>
        execFileSync(process.execPath, args, { cwd: app, encoding: "utf8", env: { PATH: process.env.PATH } });
      const command = join(app, "packages/cli/bin/adaattn.js");
      expect(run(command, "--version")).toContain(json("packages/cli/package.json").version);
      expect(run(command, "styles")).toContain("hokusai");
      const optional = Object.keys(json("packages/server/package.json").peerDependencies ?? {});
      const loaded = [join(app, "packages/server/dist/index.js"), ...optional];
      run("--input-type=module", "--eval", loaded.map((name) => `await import("${name}");`).join(""));
    },
  );
});

describe("compose.yaml", () => {
  interface Service {
    readonly image: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly deploy?: { readonly resources: { readonly limits: Readonly<Record<string, string>> } };
    readonly security_opt: readonly string[];
    readonly cap_drop: readonly string[];
    readonly command: readonly string[];
    readonly healthcheck?: { readonly test: readonly string[] };
  }
  const { services } = parse(read("compose.yaml")) as { services: Record<string, Service> };

  it("limits processors, memory and rights of every service, and names exact images", () => {
    expect(Object.keys(services)).toEqual(["server", "worker", "redis"]);
    for (const [name, { image, deploy, security_opt, cap_drop }] of Object.entries(services)) {
      const { cpus, memory, pids } = deploy?.resources.limits ?? {};
      expect([name, Boolean(cpus && memory && pids)]).toEqual([name, true]);
      expect([name, image === "adaattn" || /:\d+\.\d+\.\d+-[a-z]+@sha256:[0-9a-f]{64}$/.test(image)]).toEqual([
        name,
        true,
      ]);
      expect([security_opt, cap_drop]).toEqual([["no-new-privileges:true"], ["ALL"]]);
    }
  });

  it("asks workers and Redis whether they are well, and has Redis write to the disk before it answers", () => {
    const { worker, redis } = services;
    const port = worker?.command[worker.command.indexOf("--health-port") + 1];
    expect(port).toMatch(/^\d+$/);
    expect(worker?.healthcheck?.test.join(" ")).toContain(`http://127.0.0.1:${port}/readyz`);
    expect(redis?.healthcheck?.test.join(" ")).toContain("redis-cli ping");
    expect(redis?.command.join(" ")).toMatch(/--appendonly yes --appendfsync always .*--maxmemory-policy noeviction/);
    // The server's is the image's own.
    expect(of("HEALTHCHECK")[0]).toContain("http://127.0.0.1:8080/readyz");
  });

  it("has a password for Redis that nobody has but who chose it", () => {
    for (const { environment = {} } of Object.values(services)) {
      const [secret = ""] = Object.values(environment);
      expect(secret).toMatch(/\$\{REDIS_PASSWORD:\?[^}]+\}/);
      expect(secret).not.toContain(":-");
    }
    // No command line has it.
    for (const { command } of Object.values(services))
      expect(command.join(" ")).not.toMatch(/(?<!\$)\$\{?REDIS_PASSWORD/);
  });
});
