/**
 * What a server makes of the engine: throughput and latency at 256 x 256 for 1 to 32 clients,
 * against the engine's own pictures a second in the same run; latency at half the load; what is
 * shed at twice the load; and memory over 2,000 requests. All on loopback.
 *
 *   load.ts [--workers N] [--threads N] [--seconds 10] [--side 256] [--clients 1,2,4,8,16,32] [--rounds 2] [--requests 2000]
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import autocannon from "autocannon";
import sharp from "sharp";

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: String(availableParallelism()) },
    threads: { type: "string" },
    seconds: { type: "string", default: "10" },
    side: { type: "string", default: "256" },
    clients: { type: "string", default: "1,2,4,8,16,32" },
    rounds: { type: "string", default: "2" },
    requests: { type: "string", default: "2000" },
  },
});
const [workers, seconds, side, rounds, requests] = [
  values.workers,
  values.seconds,
  values.side,
  values.rounds,
  values.requests,
].map(Number) as [number, number, number, number, number];
const threads = Number(values.threads ?? Math.max(1, Math.floor(availableParallelism() / workers)));
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const NODE = [
  process.execPath,
  "--conditions=@adaattn/source",
  "--import",
  new URL("../../scripts/source.mjs", import.meta.url).href,
];

/** Pictures a second of the engine alone, in as many processes as the server has. */
async function engine(): Promise<number> {
  const [node = "", ...args] = NODE;
  const run = () =>
    promisify(execFile)(node, [...args, path("./engine.ts"), String(threads), String(side), String(seconds)]);
  const outputs = await Promise.all(Array.from({ length: workers }, run));
  return outputs.reduce((sum, { stdout }) => sum + Number(stdout), 0);
}

async function startServer(data: string): Promise<{ child: ChildProcess; url: string }> {
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

/** Asks at a steady rate, whether there are answers or not. */
async function flood(url: string, photo: Buffer, rate: number, seconds: number) {
  const statuses = new Map<number, number>();
  const asks: Promise<void>[] = [];
  const begun = performance.now();
  const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
  const ask = async () => {
    const body = new Uint8Array(upload(photo));
    const answer = await fetch(`${url}/v1/stylize`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
  };
  for (let asked = 0; asked < rate * seconds; asked++) {
    await sleep(Math.max(0, begun + (1000 * asked) / rate - performance.now()));
    asks.push(ask());
  }
  await Promise.all(asks);
  return { statuses, asked: asks.length, seconds: (performance.now() - begun) / 1000 };
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
const data = await mkdtemp(join(tmpdir(), "adaattn-load-"));
const { child, url } = await startServer(data);
try {
  const style = new FormData();
  style.append(
    "painting",
    new Blob([new Uint8Array(await readFile(path("../../assets/paintings/van-gogh-starry-night.jpg")))]),
  );
  await fetch(`${url}/v1/styles/night`, { method: "PUT", body: style });
  const photo = await photoOf(side);
  await load(url, photo, { connections: 2, amount: 10 });
  print(
    `${workers} worker${workers > 1 ? "s" : ""} of ${threads} thread${threads > 1 ? "s" : ""}, ${side} x ${side}, JPEG in and out`,
  );

  const clients = values.clients.split(",").map(Number);
  const own: number[] = [];
  const best: number[] = [];
  print("clients  pictures/s  of engine   p50 ms   p99 ms  refused");
  for (let round = 0; round < rounds; round++) {
    own.push(await engine());
    print(`engine   ${own.at(-1)?.toFixed(2)}`);
    for (const connections of clients) {
      const result = await load(url, photo, { connections, duration: seconds });
      const rate = result["2xx"] / result.duration;
      if (connections >= 4) best.push(rate);
      const row = [
        connections,
        rate.toFixed(2),
        `${((100 * rate) / (own.at(-1) ?? 1)).toFixed(0)} %`,
        result.latency.p50,
        result.latency.p99,
        result.non2xx,
      ];
      print(row.map((value, column) => String(value).padStart([7, 11, 10, 8, 8, 8][column] ?? 8)).join(" "));
    }
  }
  own.push(await engine());
  const capacity = [...best].sort((a, b) => a - b)[Math.floor(best.length / 2)] ?? 1;
  const engineRate = own.reduce((sum, rate) => sum + rate, 0) / own.length;
  print(
    `saturated: ${capacity.toFixed(2)} pictures/s, ${((100 * capacity) / engineRate).toFixed(1)} % of the engine's ${engineRate.toFixed(2)} (mean of ${own.length})`,
  );

  const half = await load(url, photo, {
    connections: 8,
    overallRate: Math.max(1, Math.floor(capacity / 2)),
    duration: 3 * seconds,
  });
  const { p50, p99 } = half.latency;
  print(
    `half the load: p50 ${p50} ms, p99 ${p99} ms, ratio ${(p99 / p50).toFixed(2)}, ${half.non2xx} refused of ${half["2xx"] + half.non2xx}`,
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
  print(
    `memory after each tenth of ${requests} requests, MB: ${sizes.map((size) => (size / 1e6).toFixed(0)).join(" ")}`,
  );
} finally {
  child.kill("SIGTERM");
  await rm(data, { recursive: true, force: true });
}
