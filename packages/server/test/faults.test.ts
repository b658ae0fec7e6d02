/**
 * Faults, each with what really happens: killed servers and painters, full disks, uploads that
 * never end, clients that vanish.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { Client } from "../src/client.ts";
import { Painter } from "../src/painters/painter.ts";
import { leftovers, metric, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { adaattnCommand, Program, serve } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];

/** Begins an upload of a megabyte, sends some of it, and leaves it at that. */
async function beginUpload(url: string, path = "/v1/stylize"): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 1000000\r\n\r\n`;
  socket.write(`${head}--b\r\ncontent-disposition: form-data; name="content"; filename="a.png"\r\n\r\n`);
  socket.write(randomBytes(200_000));
  return socket;
}

const heard = (socket: Socket) => {
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
};

describe("a server that is asked to end", () => {
  it("answers the request that is under way, takes no new one, and ends", async () => {
    const { program, url } = await serve(["--data", temporaryFolder()]);
    const form = new FormData();
    form.append("content", photo, "photo.png");
    form.append("style", painting, "painting.png");
    const whole = new Response(form);
    const [type, body] = [whole.headers.get("content-type") ?? "", Buffer.from(await whole.arrayBuffer())];
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const answer = heard(socket);
    const head = `POST /v1/stylize HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nexpect: 100-continue\r\n`;
    socket.write(`${head}content-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`);
    await until(() => answer().startsWith("HTTP/1.1 100"), "the server waits for the body");

    program.child.kill("SIGTERM");
    await program.says(/ending what is under way/);
    await until(
      () =>
        fetch(`${url}/readyz`).then(
          (ready) => ready.status === 503,
          () => true,
        ),
      "nobody new is let in",
    );
    expect(program.hasEnded).toBe(false);
    socket.write(body);
    await program.ends();
    expect(answer()).toMatch(/HTTP\/1\.1 200 OK/);
    expect(answer()).toMatch(/content-type: image\/png/);
  });

  it("ends what does not come to an end within the grace, and says so", async () => {
    const data = temporaryFolder();
    const { program, url } = await serve(["--data", data, "--grace", "1"]);
    const socket = await beginUpload(url);
    const answer = heard(socket);
    await until(() => leftovers(data).some((name) => name.startsWith("upload-")), "the upload is on the disk");
    await program.end("SIGTERM");
    expect(answer()).not.toMatch(/HTTP\/1\.1 200/);
    expect(readdirSync(join(data, "scratch"))).toEqual([]);
  });
});

describe("a server that is killed", () => {
  it("in the middle of an upload leaves nothing of it after the next start, and loses no accepted job", async () => {
    const data = temporaryFolder();
    const args = ["--data", data, "--threads", "1"];
    const first = await serve(args);
    const contents = await Promise.all(Array.from({ length: 12 }, (_, seed) => picture(96, 96, seed + 9)));
    const { id } = await first.client.submitJob({ contents, styles: [painting] });
    const socket = await beginUpload(first.url);
    await until(() => leftovers(data).some((name) => name.startsWith("upload-")), "the upload is on the disk");
    await until(() => existsSync(join(data, "files", "jobs", id, "parts", "000000.json")), "a part is painted");
    await first.program.end("SIGKILL");
    socket.destroy();
    expect(leftovers(data).length).toBeGreaterThan(0);

    const second = await serve(args);
    expect(leftovers(data).filter((name) => name.startsWith("upload-"))).toEqual([]);
    expect(readdirSync(join(data, "scratch"))).toHaveLength(1);
    const job = await second.client.waitForJob(id);
    expect(job.results).toHaveLength(12);
    await second.program.end("SIGTERM");
    expect(readdirSync(join(data, "scratch"))).toEqual([]);
  });

  it("takes its painters with it", async () => {
    const { program, client } = await serve(["--data", temporaryFolder()]);
    const children = () =>
      spawnSync("ps", ["-o", "pid=", "--ppid", String(program.child.pid)], { encoding: "utf8" })
        .stdout.split("\n")
        .filter(Boolean)
        .map(Number);
    const painters = children();
    expect(painters.length).toBeGreaterThan(0);
    const call = client.stylize({ content: await picture(600, 600), styles: [painting] }).catch(() => undefined);
    await program.end("SIGKILL");
    await call;
    const isAlive = (pid: number) => existsSync(`/proc/${pid}`);
    await until(() => !painters.some(isAlive), "its painters are gone");
  });
});

describe("a server", async () => {
  const { server, client, url, data } = await testServer({
    limits: { idleSeconds: 1, uploadSeconds: 4, uploads: 2, pictureBytes: 2 ** 20 },
  });

  it("gives up an upload that stands still", async () => {
    const socket = await beginUpload(url);
    const said = heard(socket);
    await until(() => said().includes("\r\n\r\n"), "it is answered");
    expect(said()).toMatch(/^HTTP\/1\.1 408 /);
    expect(said()).toContain("The upload stood still for 1 s.");
    await until(() => socket.destroyed || socket.readableEnded, "the connection is closed");
    expect(leftovers(data)).toEqual([]);
  });

  it("gives up an upload that trickles", async () => {
    const socket = await beginUpload(url);
    const said = heard(socket);
    const trickle = setInterval(() => socket.write("x"), 200);
    await until(() => said().includes("\r\n\r\n"), "it is answered");
    clearInterval(trickle);
    expect(said()).toContain("The upload went on for 4 s.");
    await until(() => leftovers(data).length === 0, "nothing of it is left");
  });

  it("closes a connection whose headers never end", async () => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const said = heard(socket);
    socket.on("error", () => undefined).write("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx-a: 1\r\n");
    await until(() => socket.destroyed || socket.readableEnded, "the connection is closed");
    expect(said()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("forgets a client that vanishes in the middle of his upload, and has room for the next", async () => {
    for (let round = 0; round < 6; round++) {
      const socket = await beginUpload(url);
      await until(() => leftovers(data).length > 0, "the upload is on the disk");
      socket.destroy();
      await until(() => leftovers(data).length === 0, "nothing of it is left");
    }
    expect((await client.stylize({ content: photo, styles: [painting] })).picture.size).toBeGreaterThan(0);
  });

  it("paints with a new process where one was killed", async () => {
    const [before] = server.painters;
    const call = client.stylize({ content: await picture(400, 400, 77), styles: [painting] });
    await until(async () => (await metric(url, "adaattn_tasks")) > 0, "it is painted");
    process.kill(before as number, "SIGKILL");
    expect((await call).picture.size).toBeGreaterThan(0);
    expect(server.painters).toHaveLength(1);
    expect(server.painters).not.toContain(before);
  });
});

it("uploads that crawl lose their place once others need it, and only as many as are needed", async () => {
  const { client, url, data } = await testServer({ limits: { uploads: 2 } });
  const crawling = await Promise.all([beginUpload(url), beginUpload(url, "/v1/jobs")]);
  const crawls = setInterval(() => {
    for (const socket of crawling) socket.write("x");
  }, 300);
  const said = crawling.map(heard);
  await until(() => leftovers(data).length >= 2, "both are being read");
  // Kept styles take a place like all others.
  const put = () =>
    client.putStyle("crawl", { painting }).then(
      () => true,
      ({ status }) => status !== 429,
    );
  await until(put, "there is a place");
  expect((await client.listStyles()).map(({ name }) => name)).toEqual(["crawl"]);
  await until(() => said.some((text) => text().includes("its place was needed")), "one had to make room");
  expect(said.filter((text) => text().startsWith("HTTP/1.1 408"))).toHaveLength(1);
  clearInterval(crawls);
  for (const socket of crawling) socket.destroy();
  await until(() => leftovers(data).length === 0, "nothing of them is left");
});

it("many looks at pictures at once are all answered, a few at a time", async () => {
  const { client } = await testServer({ limits: { uploads: 400 } });
  const run = Painter.prototype.run;
  let now = 0;
  let most = 0;
  const counted = vi.spyOn(Painter.prototype, "run").mockImplementation(function (this: Painter, ...task) {
    most = Math.max(most, ++now);
    return run.apply(this, task).finally(() => now--);
  });
  const puts = Array.from({ length: 200 }, (_, index) => client.putStyle(`style-${index}`, { painting }));
  const ends = await Promise.allSettled(puts);
  counted.mockRestore();
  const refused = ends.flatMap((end) => (end.status === "rejected" ? [end.reason.status] : []));
  expect(refused.every((status) => status === 429)).toBe(true);
  expect(ends.length - refused.length).toBeGreaterThanOrEqual(132);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(4);
});

it("ends a painter that needs more memory than it may have, and says so", async () => {
  const { server, client } = await testServer({
    painters: { memory: 600 * 2 ** 20 },
    limits: { side: 4096, pixels: 2e7 },
  });
  const [before] = server.painters;
  await expect(client.stylize({ content: await picture(3000, 3000), styles: [painting] })).rejects.toThrow(
    "It needs more memory than it may have. Choose a smaller size.",
  );
  await until(() => server.painters.length === 1 && server.painters[0] !== before, "there is a new one");
  await until(async () => (await client.readiness()).ready, "it can paint");
  expect((await client.stylize({ content: photo, styles: [painting] })).picture.size).toBeGreaterThan(0);
});

it("of several that a painter has when it needs too much memory, only the one that is the reason hears of it", async () => {
  const { client, url } = await testServer({
    painters: { memory: 600 * 2 ** 20 },
    limits: { side: 4096, pixels: 2e7, seconds: 300 },
  });
  const large = client.stylize({ content: await picture(3000, 3000), styles: [painting] }).then(
    () => 200,
    ({ status }) => status,
  );
  await until(async () => (await metric(url, "adaattn_tasks")) > 0, "the large one is painted");
  const ended = { large: false };
  void large.then(() => {
    ended.large = true;
  });
  // At any moment one of these is under way beside it.
  const answers = await Promise.all(
    [1, 2].map(async (line) => {
      const statuses: number[] = [];
      for (let count = 0; !ended.large; count++) {
        const content = await picture(64, 64, 10 * count + line);
        const asked = client.stylize({ content, styles: [painting] });
        statuses.push(await asked.then(() => 200).catch(({ status }) => status));
      }
      return statuses;
    }),
  );
  expect(await large).toBe(413);
  expect(answers.flat().length).toBeGreaterThan(2);
  expect(new Set(answers.flat())).toEqual(new Set([200]));
});

// A disk of its own for the server, mounted where only it sees it.
const canMount = process.platform === "linux" && spawnSync("unshare", ["-rm", "true"]).status === 0;
if (!canMount) console.warn("Skipped: a full disk, since this machine lets nobody mount one (unshare -rm).");
it.skipIf(!canMount)("a full disk is a 507, and what fits is still served", async () => {
  const data = temporaryFolder();
  const command = adaattnCommand(["serve", "--port", "0", "--workers", "1", "--data", data, "--log-level", "silent"]);
  const script = `mount -t tmpfs -o size=6m none ${data} && exec "$@"`;
  const program = new Program("unshare", ["-rm", "sh", "-c", script, "sh", ...command]);
  const client = new Client(await program.says(/serves at (\S+);/));
  const large = new Blob([new Uint8Array(await photo.arrayBuffer()), randomBytes(12 * 2 ** 20)]);
  const refused = client.submitJob({ contents: [large], styles: [painting] });
  await expect(refused).rejects.toThrow("No space is left on the server's disk. Try again later.");
  await expect(client.stylize({ content: large, styles: [painting] })).rejects.toMatchObject({ status: 507 });
  const seen = `/proc/${program.child.pid}/root${data}`;
  await until(() => leftovers(seen).length === 0, "nothing of it is left");
  expect(await client.listJobs()).toEqual([]);
  const { id } = await client.submitJob({ contents: [photo], styles: [painting] });
  expect((await client.waitForJob(id)).state).toBe("done");
  await program.end("SIGTERM");
});
