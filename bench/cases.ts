/**
 * What `npm run bench` measures. A case has sides, each a command that runs in a process of its
 * own; they take turns, round by round, so that what disturbs one disturbs the other. The first
 * side is ours, the others are what it is compared with.
 */

import type { Device, Size } from "adaattn";
import { type Architecture, architectureNamed } from "adaattn/network";
import { arithmeticOf, attentionOf, positionsAt } from "./arithmetic.ts";

/**
 * A command of ours.ts, of a script in peers/, or of `adaattn stylize` or `adaattn video`. `{...}`
 * in its arguments is filled in by sides.ts.
 */
export interface Side {
  readonly program: "ours" | "peer" | "stylize" | "video";
  readonly args: readonly string[];
  /** Whether all the time of the process counts, not what it says that it needed. */
  readonly wholeProcess?: boolean;
  /** Whether a peer has its memory in huge pages, as ours always has. */
  readonly hugePages?: boolean;
  /** Bytes of memory that must be free. */
  readonly needs?: number;
  /** What it computes with the style known, 10^9 multiply-accumulates. */
  readonly gmac?: number;
}

export type Kind = "stylize" | "attention" | "convolutions" | "step" | "start" | "command" | "film";

export interface Case {
  /** kind/preset/size/device */
  readonly id: string;
  readonly kind: Kind;
  readonly preset: string;
  readonly size: Size;
  readonly device: Device;
  readonly rounds: number;
  /** What a picture takes in a new style and in a known one, 10^9 multiply-accumulates. */
  readonly gmac?: { readonly whole: number; readonly cached: number };
  readonly sides: Readonly<Record<string, Side>>;
  /** Whether it takes so long that it runs only where it is asked for by its whole name. */
  readonly onRequest?: boolean;
}

const PRESETS = ["small", "small-video", "vgg19-image"];
const SIZES = [256, 512, 1024, 2048, 4096];
/** Paintings are as large as photographs, up to this side (ours.ts). */
const LARGEST_PAINTING = 1024;
/** Up to this side PyTorch's matrices of scores fit into the memory of a common machine. */
const LARGEST_OF_PYTORCH = 1024;

const square = (side: number): Size => ({ width: side, height: side });
const billions = (count: number): number => count / 1e9;

function caseOf(kind: Kind, preset: string, size: Size, rest: Pick<Case, "sides"> & Partial<Case>): Case {
  const { device = "cpu", rounds = 3 } = rest;
  const name = size.width === size.height ? `${size.width}` : `${size.width}x${size.height}`;
  return { id: `${kind}/${preset}/${name}/${device}`, kind, preset, size, device, rounds, ...rest };
}

/**
 * A preset on square photographs of noise; beside it the released network in PyTorch, or the same
 * untiled.
 */
export function stylizeCase(preset: string, side: number, device: Device): Case {
  const painting = square(Math.min(side, LARGEST_PAINTING));
  const { encode, style, attend, decode } = arithmeticOf(architectureNamed(preset), square(side), painting);
  const repeat = side <= 256 ? 10 : side <= 512 ? 3 : 1;
  const args = ["stylize", "--preset", preset, "--size", `${side}`, "--repeat", `${repeat}`, "--device", device];
  const sides: Record<string, Side> = { ours: { program: "ours", args: [...args, "--roof"] } };
  if (device === "cpu" && side <= LARGEST_OF_PYTORCH && preset !== "small-video") {
    const peer = ["infer.py", "--preset", "vgg19-image", "--size", `${side}`, "--repeat", side <= 256 ? "3" : "1"];
    sides.pytorch = { program: "peer", args: peer };
    sides.pytorchHuge = { program: "peer", args: peer, hugePages: true };
  }
  if (side === 2048) sides.untiled = { program: "ours", args: [...args, "--tile", "off"], needs: side * side * 1500 };
  const cached = billions(encode + attend + decode);
  return caseOf("stylize", preset, square(side), {
    device,
    sides,
    gmac: { whole: cached + billions(style), cached },
    rounds: side <= 512 ? 3 : 1,
  });
}

/**
 * Attention proper to every position of the painting, at all levels: ours, and with the matrix of
 * scores at once.
 */
function attentionCase(preset: string, side: number): Case {
  const { attention } = architectureNamed(preset);
  const counts = attention.modules.map(({ level }) => positionsAt(level, square(side)));
  const gmac = (kind: Architecture["attention"]["kind"] | "quadratic") =>
    billions(
      attention.modules.reduce(
        (sum, module, index) => sum + attentionOf(module, kind, counts[index] ?? 0, counts[index] ?? 0),
        0,
      ),
    );
  const args = ["attention", "--preset", preset, "--size", `${side}`, "--repeat", side <= 512 ? "3" : "1"];
  const quadratic: Side = {
    program: "ours",
    args: [...args, "--quadratic"],
    gmac: gmac(attention.kind === "cosine" ? "quadratic" : "softmax"),
    // Scores before and after the softmax, in float32, and the rest.
    needs: 8 * Math.max(...counts) ** 2 + 1e9,
  };
  return caseOf("attention", preset, square(side), {
    sides: { ours: { program: "ours", args, gmac: gmac(attention.kind) }, quadratic },
    rounds: side <= 512 ? 3 : 1,
  });
}

/** The encoder's and the decoder's parts, with the time of every kind of kernel. */
function convolutionsCase(preset: string): Case {
  const { encode, decode } = arithmeticOf(architectureNamed(preset), square(512), square(512));
  const args = ["convolutions", "--preset", preset, "--size", "512", "--repeat", "5", "--roof"];
  const gmac = billions(encode + decode);
  return caseOf("convolutions", preset, square(512), {
    sides: { ours: { program: "ours", args } },
    gmac: { whole: gmac, cached: gmac },
  });
}

/**
 * `adaattn stylize` of one picture from start to end, and the same work in a process that is warm.
 */
function startCase(preset: string): Case {
  const files = { photo: "{photo 512x512}", painting: "{painting}", output: "{output}" };
  const cold = [files.photo, "--style", files.painting, "-o", files.output, "--model", preset, "--device", "cpu"];
  const warm = ["files", "--preset", preset, "--photo", files.photo, "--painting", files.painting];
  return caseOf("start", preset, square(512), {
    rounds: 5,
    sides: {
      cold: { program: "stylize", args: cold, wholeProcess: true },
      warm: { program: "ours", args: [...warm, "--output", files.output, "--repeat", "5"] },
    },
  });
}

/**
 * `adaattn stylize` of a photograph that is too large for its budget; beside it one that is not.
 */
function commandCase(preset: string, size: Size, memory: string, rest: Partial<Case>): Case {
  const options = ["--style", "{painting}", "--model", preset, "--device", "cpu", "--memory", memory];
  const longer = Math.max(size.width, size.height);
  const large = [`{photo ${size.width}x${size.height}}`, "-o", "{output}", "--size", `${longer}`, ...options];
  const copies = ["{photo 1024x1024}", "{photo 1024x1024 b}", "{photo 1024x1024 c}", "{photo 1024x1024 d}"];
  return caseOf("command", preset, size, {
    rounds: 1,
    sides: {
      ours: { program: "stylize", args: large },
      "1024x1024": { program: "stylize", args: [...copies, "-o", "{folder}", ...options] },
    },
    ...rest,
  });
}

/** `adaattn video` from file to file: seconds a frame of a long film, and of its begin. */
function filmCase(preset: string, size: Size): Case {
  const side = (frames: number): Side => ({
    program: "video",
    args: [
      `{film ${size.width}x${size.height} ${frames}}`,
      "--style",
      "{painting}",
      "-o",
      "{painted}",
      "--model",
      preset,
    ],
  });
  return caseOf("film", preset, size, { rounds: 1, sides: { ours: side(2000), short: side(200) } });
}

const stepArgs = ["--preset", "small", "--batch", "4", "--crop", "128", "--steps", "5"];

/** All cases on these devices, short ones first. */
export function allCases(devices: readonly Device[]): Case[] {
  const stylizations = SIZES.flatMap((side) =>
    devices.flatMap((device) => PRESETS.map((preset) => stylizeCase(preset, side, device))),
  );
  if (!devices.includes("cpu")) return stylizations;
  return [
    startCase("small"),
    ...["small", "vgg19-image"].map(convolutionsCase),
    caseOf("step", "small", square(128), {
      sides: {
        ours: {
          program: "ours",
          args: ["step", "--preset", "small", "--batch", "4", "--crop", "128", "--repeat", "5"],
        },
        pytorch: { program: "peer", args: ["train_step.py", "--loss-width", "quarter", ...stepArgs] },
      },
    }),
    ...[256, 512, 1024].flatMap((side) => PRESETS.map((preset) => attentionCase(preset, side))),
    ...stylizations,
    commandCase("small", { width: 3840, height: 2160 }, "1.5GB", { rounds: 3 }),
    commandCase("small", square(8192), "2GB", { onRequest: true }),
    filmCase("small-video", { width: 512, height: 288 }),
  ];
}
