/** Styles that are kept under a name while others keep or remove theirs under the same name. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openFolderStore } from "../src/files/folder.ts";
import { openSqliteStore } from "../src/jobs/sqlite.ts";
import { DEFAULT_LIMITS } from "../src/settings.ts";
import { KeptStyles, type NewStyle } from "../src/styles.ts";
import { Sweeper } from "../src/sweep.ts";
import { picture, temporaryFolder } from "./helpers.ts";
import { serve } from "./processes.ts";

const folder = temporaryFolder();

let count = 0;

/** A style whose painting is a file of its own. */
function styleOf(text: string): NewStyle {
  const path = join(folder, `upload-${count++}`);
  writeFileSync(path, text);
  const hash = createHash("sha256").update(text).digest("hex");
  return { painting: { path, hash, bytes: text.length }, look: {}, width: 32, height: 32 };
}

it("several that are kept under one name at once leave one of them, whole", async () => {
  const files = await openFolderStore(join(folder, "store"));
  const styles = new KeptStyles(files);
  for (let round = 0; round < 5; round++) {
    const texts = Array.from({ length: 8 }, (_, at) => `painting ${round} ${at}`);
    const kept = await Promise.all(texts.map((text) => styles.put("", "night", styleOf(text))));
    expect(kept.filter(({ isNew }) => isNew)).toHaveLength(round === 0 ? 1 : 0);
    const { painting } = await styles.get("", "night");
    expect(new TextDecoder().decode(await files.read(painting.name))).toBe(`painting ${round} 7`);
  }
});

it("several that are put at once are new once, and the one that stays is painted with", async () => {
  const { client, url } = await serve(["--data", temporaryFolder(), "--threads", "1"]);
  const put = async (seed: number) => {
    const body = new FormData();
    body.append("painting", await picture(48, 48, seed), "painting.png");
    return (await fetch(`${url}/v1/styles/night`, { method: "PUT", body })).status;
  };
  const statuses = await Promise.all([1, 2, 3, 4].map(put));
  expect(statuses.sort()).toEqual([200, 200, 200, 201]);
  expect((await fetch(`${url}/v1/styles/night`)).status).toBe(200);
  const content = await picture(48, 48, 9);
  const { picture: made } = await client.stylize({ content, options: { styles: [{ saved: "night" }] } });
  expect(made.size).toBeGreaterThan(0);
});

it("one that is removed while another is kept is there as a whole or not at all", async () => {
  const files = await openFolderStore(join(folder, "other"));
  const styles = new KeptStyles(files);
  await styles.put("", "night", styleOf("first"));
  const [removed, kept] = await Promise.allSettled([
    styles.remove("", "night"),
    styles.put("", "night", styleOf("second")),
  ]);
  expect([removed.status, kept.status]).toEqual(["fulfilled", "fulfilled"]);
  const { painting } = await styles.get("", "night");
  expect(new TextDecoder().decode(await files.read(painting.name))).toBe("second");
});

it("those of servers that share a store are whole whoever keeps, replaces and removes them, and their rests go", async () => {
  const [root, data] = [join(folder, "shared"), temporaryFolder()];
  const files = await openFolderStore(root);
  const servers = await Promise.all([1, 2].map(async () => new KeptStyles(await openFolderStore(root))));
  for (let round = 0; round < 20; round++) {
    const changes = servers.flatMap((styles, at) => [
      styles.put("", "night", styleOf("the same for both")),
      styles.put("", "night", styleOf(`painting ${round} ${at}`)),
      styles.remove("", "night").catch(({ kind }) => expect(kind).toBe("not-found")),
      styles.put("", "night", styleOf("the same for both")),
    ]);
    await Promise.all(changes);
    const { painting } = await (servers[round % 2] as KeptStyles).get("", "night");
    expect(await files.size(painting.name)).toBe(painting.bytes);
  }
  const [styles = new KeptStyles(files)] = servers;
  const jobs = openSqliteStore(join(data, "jobs.db"));
  const sweeper = new Sweeper({ jobs, files, styles, limits: DEFAULT_LIMITS }, () => undefined);
  const begin = Date.now();
  await sweeper.sweep(begin);
  expect((await files.list("styles/")).length).toBeGreaterThan(2);
  const { painting } = await styles.get("", "night");
  await styles.put("", "day", styleOf("new"));
  await sweeper.sweep(begin + 61 * 60_000);
  const day = await styles.get("", "day");
  const rest = [day.painting.name, "styles/day/style.json", painting.name, "styles/night/style.json"];
  expect(await files.list("styles/")).toEqual(rest.sort());
  await jobs.close();
});
