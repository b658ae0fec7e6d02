import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dashboard, openDashboard } from "../src/commands/train/dashboard.ts";
import { temporaryFolder } from "./command.ts";

let folder: string;
let dashboard: Dashboard;
const line = (step: number) => `${JSON.stringify({ step, loss: 10 / step })}\n`;

beforeAll(async () => {
  folder = join(await temporaryFolder(), "run");
  for (const [run, stage] of [
    [folder, "style"],
    [join(folder, "decoder"), "decoder"],
  ] as const) {
    await mkdir(join(run, "samples"), { recursive: true });
    const config = {
      preset: "small",
      content: "photos",
      style: "paintings",
      stage,
      steps: 9,
      batch: 4,
      crop: 128,
      device: "cpu",
    };
    await writeFile(join(run, "config.json"), JSON.stringify(config));
    await writeFile(join(run, "metrics.jsonl"), line(1) + line(2));
    await writeFile(join(run, "samples", "0000002.jpg"), `sheet of ${stage}`);
  }
  await writeFile(join(folder, "trainer.pid"), String(process.pid));
  await writeFile(join(folder, "samples", "secret.txt"), "secret");
  dashboard = await openDashboard(folder, 0);
});
afterAll(() => dashboard.close());

/** Asks for exactly this path, which `fetch` would tidy up first. */
function ask(
  path: string,
  { method = "GET", host = "" } = {},
): Promise<{ status: number; type: string; text: string; policy: string }> {
  const { port, hostname, host: own } = new URL(dashboard.url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers: { host: host || own } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      const header = (name: string) => String(response.headers[name]);
      const type = header("content-type");
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, type, text, policy: header("content-security-policy") }),
      );
    });
    asked.on("error", reject).end();
  });
}

describe("the dashboard", () => {
  test("is on this machine alone", () => {
    expect(dashboard.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test("serves its page, and what that needs", async () => {
    const page = await ask("/");
    expect(page).toMatchObject({
      status: 200,
      type: "text/html; charset=utf-8",
      policy: expect.stringContaining("'self'"),
    });
    const needed = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(needed.sort()).toEqual(["/page.css", "/page.js", "/uPlot.css"]);
    for (const path of ["/page.css", "/page.js"]) expect((await ask(path)).status).toBe(200);
  });

  test("serves uPlot, which draws the curves", async () => {
    for (const path of ["/uPlot.css", "/uPlot.js"]) expect((await ask(path)).status).toBe(200);
    expect((await ask("/uPlot.js")).text).toContain("export");
  });

  test("tells what the run has, and that it is being trained", async () => {
    const stage = { steps: 9, batch: 4, crop: 128, preset: "small", device: "cpu", samples: ["0000002.jpg"] };
    expect(JSON.parse((await ask("/state.json")).text)).toEqual({
      name: "run",
      stages: [
        { id: "main", stage: "style", ...stage, training: true },
        { id: "decoder", stage: "decoder", ...stage, training: false },
      ],
    });
    expect(await ask("/samples/decoder/0000002.jpg")).toMatchObject({ type: "image/jpeg", text: "sheet of decoder" });
  });

  test("gives the lines of metrics that are new, and only whole ones", async () => {
    const first = JSON.parse((await ask("/metrics/main")).text);
    expect(first).toEqual({
      from: 0,
      next: line(1).length + line(2).length,
      lines: [1, 2].map((step) => JSON.parse(line(step))),
    });
    await appendFile(join(folder, "metrics.jsonl"), `${line(3)}{"step":4,"lo`);
    const second = JSON.parse((await ask(`/metrics/main?from=${first.next}`)).text);
    expect(second).toEqual({ from: first.next, next: first.next + line(3).length, lines: [JSON.parse(line(3))] });
    // A run that goes on takes back what it had not saved: everything is told anew.
    await writeFile(join(folder, "metrics.jsonl"), line(1));
    expect(JSON.parse((await ask(`/metrics/main?from=${second.next}`)).text)).toMatchObject({
      from: 0,
      next: line(1).length,
    });
  });

  test.each([
    "/config.json",
    "/trainer.pid",
    "/samples/main/secret.txt",
    "/samples/main/../config.json",
    "/samples/main/..%2fconfig.json",
    "/samples/main/%2e%2e/%2e%2e/run/config.json",
    "/samples/..%2f..%2frun/0000002.jpg",
    "/samples/main/0000009.jpg",
    "/metrics/main/../../config.json",
    "/../package.json",
    "/..%2fpackage.json",
    "//etc/passwd",
    "/__proto__",
    "/constructor",
    "/samples/__proto__/0000002.jpg",
  ])("does not serve %s", async (path) => {
    expect(await ask(path)).toMatchObject({ status: 404, text: "Not found" });
  });

  test("answers neither other methods nor other names for this machine", async () => {
    expect((await ask("/", { method: "POST" })).status).toBe(404);
    expect((await ask("/", { host: "elsewhere.example" })).status).toBe(404);
    expect(await ask("/", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
  });

  test("says that a port is taken, if it was asked for", async () => {
    const port = Number(new URL(dashboard.url).port);
    await expect(openDashboard(folder, port)).rejects.toThrow(
      new Error(`Expected a free port for the dashboard but ${port} is taken; choose another by --port.`),
    );
  });

  test("of a run that is not there yet is empty", async () => {
    const other = await openDashboard(join(folder, "nowhere"), 0);
    try {
      expect(await (await fetch(`${other.url}/state.json`)).json()).toEqual({ name: "nowhere", stages: [] });
      expect(await (await fetch(`${other.url}/metrics/main`)).json()).toEqual({ from: 0, next: 0, lines: [] });
    } finally {
      await other.close();
    }
  });
});
