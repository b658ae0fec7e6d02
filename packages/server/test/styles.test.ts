/** Styles that are kept under a name while others keep or remove theirs under the same name. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openFolderStore } from "../src/files/folder.ts";
import { KeptStyles, type NewStyle } from "../src/styles.ts";
import { temporaryFolder } from "./helpers.ts";

const folder = temporaryFolder();

/** A style whose painting is a file of its own. */
function styleOf(text: string): NewStyle {
  const path = join(folder, `upload-${text}`);
  writeFileSync(path, text);
  const hash = createHash("sha256").update(text).digest("hex");
  return { painting: { path, hash, bytes: text.length }, look: {}, width: 32, height: 32 };
}

it("several that are kept under one name at once leave one of them, whole", async () => {
  const files = await openFolderStore(join(folder, "store"));
  const styles = new KeptStyles(files);
  for (let round = 0; round < 5; round++) {
    const texts = Array.from({ length: 8 }, (_, at) => `painting ${round} ${at}`);
    const kept = await Promise.all(texts.map((text) => styles.put("night", styleOf(text))));
    expect(kept.filter(({ isNew }) => isNew)).toHaveLength(round === 0 ? 1 : 0);
    const { painting } = await styles.get("night");
    expect(new TextDecoder().decode(await files.read(painting.name))).toBe(`painting ${round} 7`);
  }
});

it("one that is removed while another is kept is there as a whole or not at all", async () => {
  const files = await openFolderStore(join(folder, "other"));
  const styles = new KeptStyles(files);
  await styles.put("night", styleOf("first"));
  const [removed, kept] = await Promise.allSettled([styles.remove("night"), styles.put("night", styleOf("second"))]);
  expect([removed.status, kept.status]).toEqual(["fulfilled", "fulfilled"]);
  const { painting } = await styles.get("night");
  expect(new TextDecoder().decode(await files.read(painting.name))).toBe("second");
});
