/**
 * The README of exported ONNX files: what each takes and gives, read off the graphs themselves, and
 * how to run them.
 */

import { formatShape, type InputAttributes, inputsOf, type TensorType } from "@adaattn/graph";
import type { ExportedModel, ExportedPart } from "./parts.ts";

/** What a name means, without the number of the level that may follow it. */
const MEANINGS: Readonly<Record<string, string>> = {
  content: "the photograph",
  style: "the painting",
  picture: "a picture",
  stacked: "features of this level and of all shallower ones, not normalized",
  normMean: "mean of each stacked channel over all positions",
  normDeviation: "deviation of each stacked channel",
  chosen: "positions of the painting that are attended to, counted row by row",
  key: "what the painting's positions are compared by",
  value: "what they stand for, centered",
  sums: "sums over the painting, all that cosine attention needs of it",
  valueMean: "what was taken off the values",
  mean: "mean of the attended values at every position of the photograph",
  deviation: "deviation of the attended values at every position of the photograph",
};

/** The README's text. */
export function describeExport(
  { name, architecture }: ExportedModel,
  parts: readonly ExportedPart[],
  {
    half,
    int8Encoder,
    portable,
  }: { readonly half: boolean; readonly int8Encoder: boolean; readonly portable: boolean },
): string {
  const whole = parts.length === 1 ? parts[0] : undefined;
  return `# ${name} as ONNX

The network ${architecture.name} for arbitrary style transfer (AdaAttN), exported by adaattn.

- Pictures are float32 [1, 3, height, width], red, green and blue from 0 to 1. Sides are multiples of 16 and at least 32: pad by mirroring
  (without repeating the edge) and cut the result, or resize.
- ${portable ? "Every operator is of ONNX's own domain, opset 17, so that the files run in any runtime that has those." : "For ONNX Runtime on a CPU: opset 21 with operators of com.microsoft. Export with --portable for other runtimes, and for WebGPU."}
- Weights are stored as ${half ? "16-bit" : "32-bit"} floats${int8Encoder ? ", those of the encoder as 8-bit integers with a factor for each channel" : ""}; computing is in float32.

${parts.map(describePart).join("\n\n")}

${whole ? describeRunning(inputsOf(Object.values(whole.outputs))) : describeFlow(architecture)}`;
}

function describePart({ file, does, outputs }: ExportedPart): string {
  const row = (direction: string, name: string, { type, shape }: TensorType) =>
    `| ${direction} | ${name} | ${type} ${formatShape(shape)} | ${meaningOf(name)} |`;
  return [
    `## ${file}.onnx`,
    `\nFrom what goes in to what comes out: ${does}.\n`,
    "|  | name | shape | what |",
    "|---|---|---|---|",
    ...inputsOf(Object.values(outputs)).map((one) => row("in", one.name, one)),
    ...Object.entries(outputs).map(([name, tensor]) => row("out", name, tensor)),
  ].join("\n");
}

function meaningOf(name: string): string {
  const [, word = "", level] = /^([A-Za-z]+)(\d*)$/.exec(name) ?? [];
  const meaning = Object.hasOwn(MEANINGS, word) ? MEANINGS[word] : undefined;
  if (meaning === undefined) throw new Error(`Expected a name with a meaning for the README but received ${name}`);
  return level ? `${meaning}; level ${level}` : meaning;
}

/** Two programs that run the whole network on photo.jpg and painting.jpg. */
function describeRunning(inputs: readonly InputAttributes[]): string {
  const sideOf = (name: string, axis: number, otherwise: number) => {
    const side = inputs.find((one) => one.name === name)?.shape[axis];
    return typeof side === "number" ? side : otherwise;
  };
  const size = (name: string, height: number, width: number) => `${sideOf(name, 3, width)}, ${sideOf(name, 2, height)}`;
  return `## In JavaScript

\`\`\`js
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";

async function planes(path, width, height) {
  const pixels = await sharp(path).rotate().removeAlpha().toColourspace("srgb").resize(width, height, { fit: "fill" }).raw().toBuffer();
  const area = width * height;
  const data = Float32Array.from({ length: 3 * area }, (_, at) => pixels[(at % area) * 3 + Math.floor(at / area)] / 255);
  return new Tensor("float32", data, [1, 3, height, width]);
}

const session = await InferenceSession.create("model.onnx");
const { picture } = await session.run({
  content: await planes("photo.jpg", ${size("content", 480, 640)}),
  style: await planes("painting.jpg", ${size("style", 512, 512)}),
});
const [, , height, width] = picture.dims;
const area = width * height;
const pixels = Uint8Array.from({ length: 3 * area }, (_, at) => Math.round(picture.data[(at % 3) * area + Math.floor(at / 3)] * 255));
await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile("out.png");
\`\`\`

${PYTHON}`;
}

const PYTHON = `## In Python

\`\`\`python
import numpy, onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession("model.onnx")
sides = {entry.name: entry.shape[2:] for entry in session.get_inputs()}

def planes(path, sides):
    picture = Image.open(path).convert("RGB")
    height, width = [side if isinstance(side, int) else max(32, length // 16 * 16)
                     for side, length in zip(sides, (picture.height, picture.width))]
    pixels = numpy.asarray(picture.resize((width, height)), numpy.float32) / 255
    return pixels.transpose(2, 0, 1)[None]

(picture,) = session.run(["picture"], {
    "content": planes("photo.jpg", sides["content"]),
    "style": planes("painting.jpg", sides["style"]),
})
Image.fromarray((picture[0].transpose(1, 2, 0) * 255).round().astype("uint8")).save("out.png")
\`\`\`
`;

function describeFlow({ attention }: ExportedModel["architecture"]): string {
  const cell = ({ level }: { level: number }) => 2 ** (level - 1);
  return `## How they go together

A tensor goes into whatever input has its name. The attend files are one level each and leave out its number.

1. A painting, once: encode, then style. \`chosen\` may name any positions; 0 to n - 1 are all. ${attention.modules
    .map((module) =>
      module.maxKeys >= Number.MAX_SAFE_INTEGER
        ? `Level ${module.level} has one position for ${cell(module)} x ${cell(module)} pixels and attends to all of them.`
        : `Level ${module.level} has one position for ${cell(module)} x ${cell(module)} pixels and is made for at most ${module.maxKeys} of them, ${attention.sampling === "even" ? "on a regular grid" : "drawn at random"}.`,
    )
    .join(" ")}
2. A photograph: encode, statistics, one attend a level with the style, decode.
`;
}
