/**
 * What a server makes of the engine: throughput and latency for several numbers of clients, against
 * the engine's own pictures a second before and after; latency at half the load; what is shed at
 * twice the load; and memory over many requests. All on loopback.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withHugePages } from "adaattn/internal/hugePages";
import autocannon from "autocannon";
import sharp from "sharp";

export interface LoadSettings {
  /** Processes that paint, and threads of each. */
  readonly workers: number;
  readonly threads: number;
  /** How long each measurement takes. */
  readonly seconds: number;
  /** Of the photographs, in pixels. */
  readonly side: number;
  /** How many at once, one measurement each. */
  readonly clients: readonly number[];
  /** Over how many requests memory is looked at. */
  readonly requests: number;
}

export interface LoadFigures {
  /** Pictures a second with 4 clients or more (the median), as a share of the engine's own. */
  readonly saturation: number;
  /** At half of that rate, the 99th percentile of the latency by its median. */
  readonly tail: number;
  /** How much memory grew over the second half of the requests, as a share. */
  readonly growth: number;
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const NODE = [
  process.execPath,
  "--conditions=@adaattn/source",
  "--import",
  new URL("../../scripts/source.mjs", import.meta.url).href,
];

/** Memory as the command has it, for the engine alone too. */
const env = withHugePages(process.env);

/** Pictures a second of the engine alone, in as many processes as the server has. */
async function engine({ workers, threads, side, seconds }: LoadSettings): Promise<number> {
  const [node = "", ...args] = NODE;
  const run = () =>
    promisify(execFile)(node, [...args, path("./engine.ts"), String(threads), String(side), String(seconds)], { env });
  const outputs = await Promise.all(Array.from({ length: workers }, run));
  return outputs.reduce((sum, { stdout }) => sum + Number(stdout), 0);
}

async function startServer(
  data: string,
  { workers, threads }: LoadSettings,
): Promise<{ child: ChildProcess; url: string }> {
  const [node = "", ...args] = NODE;
  const flags = [
    "--port",
    "0",
    "--data",
    data,
    "--device",
    "cpu",
    "--workers",
    String(workers),
    "--threads",
    String(threads),
  ];
  const child = spawn(
    node,
    [...args, path("../../packages/cli/src/main.ts"), "serve", ...flags, "--queue", "32", "--log-level", "silent"],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env,
    },
  );
  for await (const text of child.stdout ?? []) {
    const found = /serves at (\S+);/.exec(String(text))?.[1];
    if (found !== undefined) return { child, url: found };
  }
  throw new Error("The server did not start");
}

const BOUNDARY = "load";
let count = 0;

/** An upload whose photograph has a comment of its own, so that no result is known already. */
function upload(photo: Buffer): Buffer {
  const comment = Buffer.from(`picture ${count++} ${Math.random()}`);
  const segment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, comment.length + 2]), comment]);
  const unique = Buffer.concat([photo.subarray(0, 2), segment, photo.subarray(2)]);
  const part = (name: string, data: Buffer | string, file = false) => [
    Buffer.from(
      `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"${file ? '; filename="a"' : ""}\r\n\r\n`,
    ),
    Buffer.from(data),
    Buffer.from("\r\n"),
  ];
  const options = JSON.stringify({ styles: [{ saved: "night" }] });
  return Buffer.concat([
    ...part("options", options),
    ...part("content", unique, true),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ]);
}

function load(url: string, photo: Buffer, options: Partial<autocannon.Options>): Promise<autocannon.Result> {
  return autocannon({
    url: `${url}/v1/stylize`,
    method: "POST",
    timeout: 60,
    headers: { "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
    requests: [{ setupRequest: (request) => ({ ...request, body: upload(photo) }) }],
    ...options,
  });
}

/** Asks at a steady rate, whether there are answers or not; autocannon asks for a second's worth at once. */
async function flood(url: string, photo: Buffer, rate: number, seconds: number) {
  const statuses = new Map<number, number>();
  const latencies: number[] = [];
  const begun = performance.now();
  const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
  const ask = async () => {
    const body = new Uint8Array(upload(photo));
    const asked = performance.now();
    const answer = await fetch(`${url}/v1/stylize`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.ok) latencies.push(performance.now() - asked);
  };
  const asks: Promise<void>[] = [];
  for (let asked = 0; asked < rate * seconds; asked++) {
    await sleep(Math.max(0, begun + (1000 * asked) / rate - performance.now()));
    asks.push(ask());
  }
  await Promise.all(asks);
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) => latencies[Math.ceil(share * latencies.length) - 1] ?? Number.NaN;
  const [p50, p99] = [percentile(0.5), percentile(0.99)];
  return { statuses, p50, p99, asked: asks.length, seconds: (performance.now() - begun) / 1000 };
}

async function memory(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
  return value("process_resident_memory_bytes") + value("adaattn_painter_resident_memory_bytes");
}

const photoOf = (longer: number) =>
  sharp(path("../../assets/contents/castle.jpg"))
    .resize(longer, longer, { fit: "fill" })
    .jpeg({ quality: 90 })
    .toBuffer();
const print = (text: string) => process.stdout.write(`${text}\n`);

export async function measureLoad(settings: LoadSettings): Promise<LoadFigures> {
  const { workers, threads, side, seconds, clients, requests } = settings;
  const data = await mkdtemp(join(tmpdir(), "adaattn-load-"));
  const { child, url } = await startServer(data, settings);
  try {
    const style = new FormData();
    const painting = await readFile(path("../../assets/paintings/van-gogh-starry-night.jpg"));
    style.append("painting", new Blob([new Uint8Array(painting)]));
    await fetch(`${url}/v1/styles/night`, { method: "PUT", body: style });
    const photo = await photoOf(side);
    await load(url, photo, { connections: 2, amount: 10 });
    const plural = (count: number) => (count > 1 ? "s" : "");
    print(
      `${workers} worker${plural(workers)} of ${threads} thread${plural(threads)}, ${side} x ${side}, JPEG in and out`,
    );

    const before = await engine(settings);
    print(`the engine alone: ${before.toFixed(2)} pictures/s`);
    const many: number[] = [];
    print("clients  pictures/s   p50 ms   p99 ms  refused");
    for (const connections of clients) {
      const result = await load(url, photo, { connections, duration: seconds });
      const rate = result["2xx"] / result.duration;
      if (connections >= 4) many.push(rate);
      const row = [connections, rate.toFixed(2), result.latency.p50, result.latency.p99, result.non2xx];
      print(row.map((value, column) => String(value).padStart([7, 11, 8, 8, 8][column] ?? 8)).join(" "));
    }
    const after = await engine(settings);
    const capacity = many.sort((a, b) => a - b)[Math.floor(many.length / 2)] ?? Number.NaN;
    const saturation = capacity / ((before + after) / 2);
    print(`the engine alone: ${after.toFixed(2)} pictures/s`);
    print(`saturated: ${capacity.toFixed(2)} pictures/s, ${(100 * saturation).toFixed(1)} % of the engine's mean`);

    const half = await flood(url, photo, capacity / 2, 6 * seconds);
    const { p50, p99 } = half;
    print(
      `half the load: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, ${half.statuses.get(200) ?? 0} of ${half.asked} served`,
    );
    const twice = await flood(url, photo, 2 * capacity, 2 * seconds);
    const refused = twice.statuses.get(429) ?? 0;
    const others = [...twice.statuses].filter(([status]) => status !== 200 && status !== 429);
    print(
      `twice the load: ${((twice.statuses.get(200) ?? 0) / twice.seconds).toFixed(2)} pictures/s served, ${refused} of ${twice.asked} refused with 429, others: ${JSON.stringify(others)}`,
    );

    const small = await photoOf(64);
    const sizes: number[] = [];
    for (let tenth = 0; tenth < 10; tenth++) {
      await load(url, small, { connections: 4, amount: Math.max(4, Math.ceil(requests / 10)) });
      sizes.push(await memory(url));
    }
    const [middle = 0, last = 0] = [sizes[4], sizes[9]];
    print(
      `memory after each tenth of ${requests} requests, MB: ${sizes.map((size) => (size / 1e6).toFixed(0)).join(" ")}`,
    );
    return { saturation, tail: p99 / p50, growth: last / middle - 1 };
  } finally {
    // What is measured next must not share the machine with its end.
    const ended = once(child, "exit");
    if (child.kill("SIGTERM")) await ended;
    await rm(data, { recursive: true, force: true, maxRetries: 5 });
  }
}
