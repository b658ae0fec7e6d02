import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder, waves } from "./command.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PACKAGES = ["graph", "adaattn", "train", "cli"];

/** Packs the four packages and installs them beside links to the third-party ones, as npm would lay them out. */
async function install(folder: string): Promise<string> {
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, "@adaattn"), { recursive: true });
  for (const name of PACKAGES) {
    const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
      cwd: join(ROOT, "packages", name),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const file = /"filename":\s*"([^"]+)"/.exec(packed)?.[1] ?? "";
    const target = join(modules, name === "adaattn" ? name : `@adaattn/${name}`);
    await mkdir(target);
    execFileSync("tar", [
      "-xzf",
      join(folder, file.replace(/^@/, "").replace("/", "-")),
      "-C",
      target,
      "--strip-components=1",
    ]);
  }
  for (const name of await readdir(join(ROOT, "node_modules"))) {
    if (!["adaattn", "@adaattn", ".bin", ".package-lock.json"].includes(name)) {
      await symlink(join(ROOT, "node_modules", name), join(modules, name));
    }
  }
  return modules;
}

test("the packed packages stylise a picture with the bundled weights", async () => {
  if (!existsSync(join(ROOT, "packages/cli/dist/main.js")))
    throw new Error("Run npm run build first: this test packs dist/.");
  const folder = await temporaryFolder();
  const modules = await install(folder);
  await waves(64, 48).png().toFile(join(folder, "photo.png"));
  const line = execFileSync(
    process.execPath,
    [
      join(modules, "@adaattn/cli/bin/adaattn.js"),
      "stylize",
      "photo.png",
      "--style",
      "photo.png",
      "-o",
      "out.png",
      "--device",
      "cpu",
      "--json",
    ],
    { cwd: folder, encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } },
  );
  expect(JSON.parse(line)).toMatchObject({ output: { width: 64, height: 48 }, model: "small", device: "cpu" });
  expect(existsSync(join(folder, "out.png"))).toBe(true);
  for (const name of ["LICENSE", "NOTICE"]) expect(existsSync(join(modules, "adaattn", name))).toBe(true);
}, 120_000);
