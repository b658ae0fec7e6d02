/** `adaattn serve`: starts the server, says where it is, and ends it when Ctrl-C comes. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ServerOptions, startServer } from "@adaattn/server";
import type { Interruption } from "../../terminal/interrupt.ts";

/** Where the studio's files are in the repository, once they are built. */
const STUDIO = fileURLToPath(new URL("../../../../../apps/studio/dist", import.meta.url));

/** Serves until it is interrupted. */
export async function serve(
  { level, ...options }: ServerOptions & { readonly level: string },
  interruption: Interruption,
): Promise<void> {
  const studio = options.studio ?? (existsSync(STUDIO) ? STUDIO : undefined);
  const server = await startServer({
    ...options,
    studio,
    log: { level, stream: process.stderr },
  });
  if (options.apiKeys !== undefined || options.webhooks !== undefined) {
    interruption.onHangup(() => {
      server.reloadKeys().then(
        () => process.stderr.write("The API keys and secrets were read anew.\n"),
        (error: Error) => process.stderr.write(`${error.message} It stays as it was.\n`),
      );
    });
  }
  interruption.wait("Stopped; ending what is under way. Ctrl-C once more ends at once.");
  process.stdout.write(`adaattn serves at ${server.url}; ${server.url}/docs says how to ask it.\n`);
  const isOpen = !["127.0.0.1", "localhost", "::1"].includes(options.host ?? "127.0.0.1");
  if (isOpen && options.apiKeys === undefined) {
    process.stderr.write("note: anybody who reaches this address may ask; --api-keys says who may.\n");
  }
  await interrupted(interruption);
  await server.close();
}

/** Resolves when Ctrl-C or its kin comes. */
export function interrupted({ signal }: Interruption): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
