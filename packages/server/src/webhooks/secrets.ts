/**
 * Signatures of what a server sends, by the Standard Webhooks specification: HMAC-SHA-256 with a
 * secret that the receiver knows.
 */
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";

/** How many bytes a secret has at least, and at most. */
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

interface Secret {
  /** Whose jobs it signs for; everybody's who has none of his own where there is none. */
  readonly owner: string | undefined;
  readonly key: Buffer;
}

/** The secrets of a file, which can be read anew. */
export class WebhookSecrets {
  readonly #path: string;
  #secrets: readonly Secret[];

  private constructor(path: string, secrets: readonly Secret[]) {
    this.#path = path;
    this.#secrets = secrets;
  }

  /** @throws Error with one sentence where the file is of no use. */
  static async open(path: string): Promise<WebhookSecrets> {
    return new WebhookSecrets(path, await readSecrets(path));
  }

  /**
   * Takes what the file says now. @throws Error with one sentence where it is of no use; the
   * secrets stay as they were then.
   */
  async reload(): Promise<void> {
    this.#secrets = await readSecrets(this.#path);
  }

  /**
   * The header webhook-signature for an owner's message: a signature by each of his secrets, so
   * that one can replace another.
   */
  sign(owner: string, { id, timestamp, body }: { id: string; timestamp: string; body: string }): string {
    const own = this.#secrets.filter((secret) => secret.owner === owner);
    const used = own.length > 0 ? own : this.#secrets.filter((secret) => secret.owner === undefined);
    const signed = used.map(({ key }) =>
      createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64"),
    );
    return signed.map((signature) => `v1,${signature}`).join(" ");
  }

  /** Whether messages of an owner can be signed. */
  has(owner: string): boolean {
    return this.#secrets.some((secret) => secret.owner === undefined || secret.owner === owner);
  }
}

/**
 * Reads a file of secrets, one a line, each perhaps after the name of an API key and a colon; those
 * that begin with # are skipped.
 */
async function readSecrets(path: string): Promise<Secret[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`Cannot read the webhook secrets in ${path} (${error.code}). Check its name and permissions.`, {
      cause: error,
    });
  });
  const lines = text.split("\n").map((line) => line.trim());
  const secrets = lines.flatMap((line, index) => {
    if (line === "" || line.startsWith("#")) return [];
    const [, owner, encoded = ""] = /^(?:([^:\s]+):)?whsec_([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? [];
    const key = Buffer.from(encoded, "base64");
    if (key.length < LEAST_BYTES || key.length > MOST_BYTES) {
      throw new Error(
        `Expected whsec_ and ${LEAST_BYTES} to ${MOST_BYTES} bytes in base64 in ${path} but line ${index + 1} is none. ` +
          "Make one by: echo whsec_$(openssl rand -base64 32)",
      );
    }
    return [{ owner, key }];
  });
  if (secrets.length === 0) throw new Error(`Expected at least one secret in ${path} but there is none.`);
  return secrets;
}
