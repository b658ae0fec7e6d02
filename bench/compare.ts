/**
 * Ours against PyTorch, in turn on the same machine: medians, and what counts, their ratio.
 *
 *   npm run bench:compare -- [step] [vgg19-image] [small] [--rounds 5] [--python /usr/bin/python3]
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" }, python: { type: "string", default: "/usr/bin/python3" } },
});

/** What each case runs on either side; the first of a pair are arguments of ours.ts, the second of the peer. */
const CASES: Readonly<Record<string, { ours: string[]; peer: string[] }>> = {
  step: {
    ours: ["step", "--preset", "small", "--batch", "4", "--crop", "128", "--steps", "5"],
    peer: [
      "train_step.py",
      "--preset",
      "small",
      "--loss-width",
      "quarter",
      "--batch",
      "4",
      "--crop",
      "128",
      "--steps",
      "5",
    ],
  },
  "vgg19-image": {
    ours: ["stylize", "--preset", "vgg19-image", "--size", "512", "--repeat", "2"],
    peer: ["infer.py", "--preset", "vgg19-image", "--size", "512", "--repeat", "2"],
  },
  small: {
    ours: ["stylize", "--preset", "small", "--size", "512", "--repeat", "5"],
    peer: ["infer.py", "--preset", "vgg19-image", "--size", "512", "--repeat", "2"],
  },
};

interface Measured {
  readonly medianSeconds: number;
  readonly peakRssBytes: number;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

function measure(command: string, args: string[]): Measured {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Measured;
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

const node = [
  "--conditions=@adaattn/source",
  "--import",
  new URL("../scripts/source.mjs", import.meta.url).href,
  here("ours.ts"),
];
for (const name of positionals.length > 0 ? positionals : Object.keys(CASES)) {
  const chosen = CASES[name];
  if (chosen === undefined) throw new Error(`Expected one of ${Object.keys(CASES).join(", ")} but received ${name}`);
  const [script = "", ...rest] = chosen.peer;
  const rounds = Array.from({ length: Number(values.rounds) }, () => ({
    ours: measure(process.execPath, [...node, ...chosen.ours]),
    peer: measure(values.python, [here(`peers/${script}`), ...rest]),
  }));
  const seconds = (side: "ours" | "peer") => median(rounds.map((round) => round[side].medianSeconds));
  const megabytes = (side: "ours" | "peer") => median(rounds.map((round) => round[side].peakRssBytes)) / 1e6;
  const ratios = rounds.map(({ ours, peer }) => ours.medianSeconds / peer.medianSeconds);
  const range = `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`;
  console.log(
    `${name}: ours ${seconds("ours").toFixed(3)} s, ${megabytes("ours").toFixed(0)} MB; PyTorch ${seconds("peer").toFixed(3)} s, ` +
      `${megabytes("peer").toFixed(0)} MB; ratio of time ${median(ratios).toFixed(3)} (${range}), ${rounds.length} rounds`,
  );
}
