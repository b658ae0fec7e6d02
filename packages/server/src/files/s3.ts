/**
 * Files in an S3-compatible store, through Amazon's own SDK, which is loaded only here. Where it is
 * and who asks come from the environment, as that SDK reads it: AWS_ENDPOINT_URL_S3, AWS_REGION,
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and its files.
 */
import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import { Problem } from "../problem.ts";
import type { FileStore } from "./store.ts";

type Sdk = typeof import("@aws-sdk/client-s3");

/** How long one try of a call may take, in milliseconds; there are three. */
export interface S3Patience {
  /** To connect. */
  readonly connect: number;
  /** Without a byte in either direction. */
  readonly silence: number;
}

const PATIENCE: S3Patience = { connect: 3000, silence: 15_000 };

/** After how many seconds to come again where the store does not say. */
const COME_AGAIN = 5;

/**
 * Errors of a store that is there but asks to be asked less, or later, beside those that their
 * status tells.
 */
const BUSY = ["SlowDown", "RequestTimeout", "TimeoutError"];

/**
 * @throws Error with one sentence where the SDK is not installed, or the bucket cannot be reached.
 */
export async function openS3Store(address: string, patience: S3Patience = PATIENCE): Promise<FileStore> {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*?)\/?$/.exec(address) ?? [];
  if (bucket === "")
    throw new Error(`Expected an address such as s3://bucket/prefix for the store but received ${address}.`);
  const sdk = await import("@aws-sdk/client-s3").catch((error: unknown) => {
    throw new Error("A store in S3 needs the package @aws-sdk/client-s3: run npm install @aws-sdk/client-s3.", {
      cause: error,
    });
  });
  const hasOwnEndpoint = Boolean(process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL);
  const client = new sdk.S3Client({
    region: process.env.AWS_REGION || "us-east-1",
    // Servers of one's own rarely have a name for every bucket.
    forcePathStyle: hasOwnEndpoint,
    // Checksums that were added to the protocol lately, and that not every store knows.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: patience.connect, socketTimeout: patience.silence },
  });
  try {
    await client.send(new sdk.ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }));
  } catch (error) {
    const reason = error instanceof Error ? error.name : String(error);
    throw new Error(`Cannot reach the bucket ${bucket} (${reason}). Check its name, the endpoint and the keys.`, {
      cause: error,
    });
  }
  return new S3Store(sdk, client, bucket, prefix === "" ? "" : `${prefix}/`);
}

class S3Store implements FileStore {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(sdk: Sdk, client: S3Client, bucket: string, prefix: string) {
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  #at(name: string) {
    return { Bucket: this.#bucket, Key: this.#prefix + name };
  }

  async put(name: string, path: string): Promise<void> {
    const { size } = await stat(path);
    const Body = createReadStream(path);
    const command = new this.#sdk.PutObjectCommand({ ...this.#at(name), Body, ContentLength: size });
    await asked(() => this.#client.send(command)).finally(() => Body.destroy());
    await rm(path, { force: true });
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await asked(() => this.#client.send(new this.#sdk.PutObjectCommand({ ...this.#at(name), Body: bytes })));
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return this.#unlessMissing(async () => {
      const { Body } = await this.#client.send(new this.#sdk.GetObjectCommand(this.#at(name)));
      return Body?.transformToByteArray();
    });
  }

  async size(name: string): Promise<number | undefined> {
    return this.#unlessMissing(async () => {
      const { ContentLength } = await this.#client.send(new this.#sdk.HeadObjectCommand(this.#at(name)));
      return ContentLength;
    });
  }

  async open(name: string, range?: { readonly start: number; readonly end: number }): Promise<Readable> {
    const Range = range && `bytes=${range.start}-${range.end}`;
    const command = new this.#sdk.GetObjectCommand({ ...this.#at(name), ...(Range && { Range }) });
    const { Body } = await asked(() => this.#client.send(command));
    return Body as Readable;
  }

  async fetch(name: string, folder: string): Promise<string> {
    const path = join(folder, name.replaceAll("/", "-"));
    if (await stat(path).catch(() => undefined)) return path;
    await mkdir(folder, { recursive: true });
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      await asked(async () => pipeline(await this.open(name), createWriteStream(temporary)));
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return path;
  }

  async list(prefix: string): Promise<string[]> {
    const names: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const command = new this.#sdk.ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        ...(ContinuationToken && { ContinuationToken }),
      });
      const page = await asked(() => this.#client.send(command));
      names.push(...(page.Contents ?? []).flatMap(({ Key }) => Key?.slice(this.#prefix.length) ?? []));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
    return names;
  }

  async remove(name: string): Promise<void> {
    const names = name.endsWith("/") ? await this.list(name) : [name];
    for (const one of names) await asked(() => this.#client.send(new this.#sdk.DeleteObjectCommand(this.#at(one))));
  }

  async check(): Promise<void> {
    const command = new this.#sdk.ListObjectsV2Command({ Bucket: this.#bucket, MaxKeys: 1 });
    await asked(() => this.#client.send(command));
  }

  async #unlessMissing<Found>(ask: () => Promise<Found>): Promise<Found | undefined> {
    try {
      return await asked(ask);
    } catch (error) {
      if (error instanceof Error && ["NotFound", "NoSuchKey"].includes(error.name)) return undefined;
      throw error;
    }
  }
}

/** What a call answers. @throws Problem where the store cannot answer at the moment. */
async function asked<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof Problem) throw error;
    const { $metadata, $response, code } = error as Error & {
      $metadata?: { httpStatusCode?: number };
      $response?: { headers?: Record<string, string> };
      code?: string;
    };
    const status = $metadata?.httpStatusCode ?? 0;
    const isNetwork = /^E(CONN|TIMEDOUT|PIPE|HOST|NET|AI_AGAIN|NOTFOUND)/.test(code ?? "");
    if (!BUSY.includes(error.name) && status < 500 && status !== 429 && !isNetwork) throw error;
    const seconds = Number($response?.headers?.["retry-after"]);
    throw new Problem("unavailable", "The store of files cannot be reached at the moment. Try again.", {
      headers: { "retry-after": String(seconds > 0 ? seconds : COME_AGAIN) },
      cause: error,
    });
  }
}
