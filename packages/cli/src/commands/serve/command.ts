/** `adaattn serve` on the command line: its options and help. */
import { isIP } from "node:net";
import type { Command } from "commander";
import { heedEnvironment } from "../../terminal/environment.ts";
import type { Interruption } from "../../terminal/interrupt.ts";
import { gather, oneOf, threadsFlag, UsageError, wholeNumber, withoutGaps } from "../../terminal/usage.ts";

const EXAMPLES = `
Examples:
  $ adaattn serve
      on this machine, at http://127.0.0.1:8080; the API is described at /docs
  $ adaattn serve --host 0.0.0.0 --api-keys keys.txt --rate-limit 60
      for others, who need a key
  $ adaattn serve --redis redis://queue:6379 --store s3://pictures/adaattn
      jobs are done by adaattn worker, on any number of machines
  $ curl -F content=@photo.jpg -F style=@painting.jpg -o out.jpg http://127.0.0.1:8080/v1/stylize

Ctrl-C ends it, once what is under way is answered (--grace); jobs that are not done go on at the next start. With --api-keys, SIGHUP
reads the keys anew, and the secrets of webhooks. Variables such as ADAATTN_PORT set what is not typed, several values with commas.
Traces go where OTEL_EXPORTER_OTLP_ENDPOINT says.`;

/** The options that a server and a worker share, as they are typed. */
export interface PaintingFlags {
  model?: string[];
  workers?: string;
  threads?: string;
  device: string;
  memory?: string;
  data: string;
  store?: string;
  redis?: string;
}

/** Adds the options that a server and a worker share. */
export function addPaintingOptions(command: Command): Command {
  return command
    .option(
      "-m, --model <NAME|FOLDER>",
      "a model to offer; several times for several, the first is the default",
      gather,
    )
    .option("--workers <N>", "processes that paint (default: one a core, up to 8)")
    .option("--threads <N>", "processor threads of each (default: all cores, shared)")
    .option("--device <DEVICE>", "auto, cpu or webgpu", "auto")
    .option("--memory <MIB>", "memory of each before it is ended (default: three quarters of the machine's, shared)")
    .option("--data <FOLDER>", "where everything is kept on this machine", "adaattn-data");
}

/** @throws UsageError on the first flag that does not fit. */
export function paintingFlags({ model, workers, threads, device, memory }: PaintingFlags) {
  return {
    models: model,
    workers: wholeNumber("--workers", workers, 1, 256),
    threads: threadsFlag(threads),
    device: oneOf("--device", device, ["auto", "cpu", "webgpu"]),
    memory: mebibytes("--memory", memory, 128, 1 << 24),
  };
}

/** @throws UsageError as {@link wholeNumber} does. */
function mebibytes(option: string, text: string | undefined, least: number, most: number): number | undefined {
  const count = wholeNumber(option, text, least, most);
  return count === undefined ? undefined : count * 2 ** 20;
}

/** An address or a range of them. @throws UsageError where it is none. */
function addressRange(option: string, text: string): string {
  const [, address = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (most > 0 && Number(bits ?? most) <= most) return text;
  throw new UsageError(
    `Expected an address or a range such as 10.0.0.0/8 for ${option} but received ${text || "nothing"}.`,
  );
}

/** What one key may have. @throws UsageError where there are no keys. */
function quotaFlags({ apiKeys, quotaJobs, quotaJobsADay, quotaBytes }: ServeFlags) {
  if (apiKeys === undefined && (quotaJobs ?? quotaJobsADay ?? quotaBytes) !== undefined) {
    throw new UsageError(
      "Expected --api-keys <FILE> beside --quota-jobs, --quota-jobs-a-day and --quota-bytes, which are those of a key.",
    );
  }
  return withoutGaps({
    keyJobs: wholeNumber("--quota-jobs", quotaJobs, 1, 1_000_000),
    keyJobsADay: wholeNumber("--quota-jobs-a-day", quotaJobsADay, 1, 1_000_000),
    keyBytes: mebibytes("--quota-bytes", quotaBytes, 1, 1 << 30),
  });
}

/** Whom jobs may have called. @throws UsageError where there is nothing to sign the calls with. */
function webhooksOf({ webhookHosts, webhookSecrets, webhookPrivate = false }: ServeFlags) {
  if (webhookHosts === undefined) return undefined;
  if (webhookSecrets === undefined) {
    throw new UsageError("Expected --webhook-secrets <FILE> beside --webhook-hosts, for calls are signed.");
  }
  const hosts = webhookHosts.map((text) => hostName("--webhook-hosts", text));
  return { hosts, secrets: webhookSecrets, allowPrivate: webhookPrivate };
}

/** A host's name. @throws UsageError where it is none. */
function hostName(option: string, text: string): string {
  if (/^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(text)) return text;
  throw new UsageError(`Expected a name such as paint.example.com for ${option} but received ${text || "nothing"}.`);
}

interface ServeFlags extends PaintingFlags {
  host: string;
  port: string;
  apiKeys?: string;
  rateLimit?: string;
  quotaJobs?: string;
  quotaJobsADay?: string;
  quotaBytes?: string;
  cors?: string[];
  studio?: string;
  trustProxy?: string[];
  allowedHosts?: string[];
  webhookHosts?: string[];
  webhookSecrets?: string;
  webhookPrivate?: boolean;
  queue: string;
  timeout: string;
  maxUpload: string;
  maxVideo: string;
  maxPixels: string;
  maxSize: string;
  maxSeconds: string;
  maxFrames: string;
  maxJobMinutes: string;
  keep: string;
  grace: string;
  logLevel: string;
}

/** Adds the command to the program. */
export function addServeCommand(program: Command, interruption: Interruption, { version }: { version: string }): void {
  const command = program
    .command("serve")
    .summary("paint for others, over HTTP")
    .description("Paints pictures at once and videos as jobs, over HTTP. Everything is kept in one folder.")
    .option("--host <ADDRESS>", "where to listen", "127.0.0.1")
    .option("-p, --port <N>", "the port; 0 takes any that is free", "8080");
  addPaintingOptions(command)
    .option("--store <PLACE>", "where files of jobs and styles go: a folder or s3://BUCKET/PREFIX (default: in --data)")
    .option("--redis <URL>", "leave jobs to adaattn worker, through Redis or Valkey")
    .option("--api-keys <FILE>", "one key a line, perhaps NAME:KEY; without it anybody may ask; SIGHUP reads it anew")
    .option("--rate-limit <N>", "requests a minute of one key or address (default: no limit)")
    .option("--quota-jobs <N>", "jobs of one key that are not done (default: no limit)")
    .option("--quota-jobs-a-day <N>", "jobs that one key may submit within 24 hours (default: no limit)")
    .option("--quota-bytes <MIB>", "files of one key, of its jobs and kept styles (default: no limit)")
    .option("--cors <ORIGIN>", "an origin whose pages may ask; several times for several", gather)
    .option("--studio <FOLDER>", "the studio's files, to be served at /")
    .option(
      "--trust-proxy <ADDRESS>",
      "a proxy, or a range such as 10.0.0.0/8, to believe who asks; several times",
      gather,
    )
    .option("--allowed-hosts <NAME>", "a name by which to answer beside this machine's; .NAME and all below", gather)
    .option("--webhook-hosts <NAME>", "a host that jobs may have called when they end; .NAME and all below", gather)
    .option(
      "--webhook-secrets <FILE>",
      "what the calls are signed with: whsec_BASE64 a line, perhaps NAME:whsec_BASE64",
    )
    .option("--webhook-private", "call private addresses too, and by http")
    .option("--queue <N>", "requests that may wait; more are told to come again", "16")
    .option("--timeout <SECONDS>", "for a picture, from its upload to the answer", "60")
    .option("--max-upload <MIB>", "of one picture", "32")
    .option("--max-video <MIB>", "of one video", "1024")
    .option("--max-pixels <MILLIONS>", "of a picture before it is decoded", "50")
    .option("--max-size <N>", "the longer side of a result", "2048")
    .option("--max-seconds <N>", "of a video", "600")
    .option("--max-frames <N>", "of a video, at the rate at which it is painted", "72000")
    .option("--max-job-minutes <N>", "that a job may be under way", "1440")
    .option("--keep <HOURS>", "how long jobs that ended are kept", "24")
    .option("--grace <SECONDS>", "how long requests that are under way may take when it is ended", "30")
    .option("--log-level <LEVEL>", "error, warn, info, debug or silent; lines of JSON on stderr", "info");
  heedEnvironment(command)
    .addHelpText("after", EXAMPLES)
    .action(async (flags: ServeFlags) => {
      const number = (option: string, text: string, most: number) => wholeNumber(option, text, 1, most);
      const { apiKeys, rateLimit, cors, studio, redis, store, trustProxy, allowedHosts, data, host } = flags;
      const options = {
        host,
        data,
        version,
        port: wholeNumber("--port", flags.port, 0, 65535),
        painters: paintingFlags(flags),
        grace: wholeNumber("--grace", flags.grace, 0, 3600),
        store,
        redis,
        apiKeys,
        origins: cors,
        studio,
        trustProxy: trustProxy?.map((text) => addressRange("--trust-proxy", text)),
        allowedHosts: allowedHosts?.map((text) => hostName("--allowed-hosts", text)),
        webhooks: webhooksOf(flags),
        limits: {
          queue: number("--queue", flags.queue, 100_000),
          seconds: number("--timeout", flags.timeout, 3600),
          pictureBytes: number("--max-upload", flags.maxUpload, 4096) * 2 ** 20,
          videoBytes: number("--max-video", flags.maxVideo, 1 << 20) * 2 ** 20,
          uploadBytes: (Number(flags.maxVideo) + 16 * Number(flags.maxUpload)) * 2 ** 20,
          pixels: number("--max-pixels", flags.maxPixels, 268) * 1e6,
          side: wholeNumber("--max-size", flags.maxSize, 16, 16384),
          videoSeconds: number("--max-seconds", flags.maxSeconds, 86_400),
          frames: number("--max-frames", flags.maxFrames, 10_000_000),
          jobMinutes: number("--max-job-minutes", flags.maxJobMinutes, 30_000),
          keepHours: number("--keep", flags.keep, 100_000),
          ...quotaFlags(flags),
          perMinute: rateLimit === undefined ? 0 : number("--rate-limit", rateLimit, 1_000_000),
        },
        level: oneOf("--log-level", flags.logLevel, ["error", "warn", "info", "debug", "silent"]),
      };
      const { serve } = await import("./serve.ts");
      await serve(options, interruption);
    });
}
