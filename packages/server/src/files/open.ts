/** Finds the store at an address. */
import type { FileStore } from "./store.ts";

/**
 * The store at an address: `s3://bucket/prefix`, or a folder, which is made.
 *
 * @throws Error with one sentence where there is none.
 */
export async function openFileStore(address: string): Promise<FileStore> {
  if (address.startsWith("s3://")) {
    const { openS3Store } = await import("./s3.ts");
    return openS3Store(address);
  }
  const { openFolderStore } = await import("./folder.ts");
  return openFolderStore(address);
}
