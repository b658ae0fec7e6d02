/**
 * Gathers a network's weights from the files of the released code (github.com/Huage001/AdaAttN:
 * models/adaattn_model.py and vgg_normalised.pth), or from any others that hold the same tensors.
 * What a file holds is told by its tensors: a part's names may have anything before them, as in
 * state_dict.module.f.weight, and the shapes decide between parts of the same names.
 */
import { AdaattnError } from "../error.ts";
import {
  type Architecture,
  architectureNamed,
  encoderParameters,
  normalizedVgg19,
  type ParameterShapes,
  parametersOf,
} from "../network/architecture.ts";
import { show, type TensorEntries, type TensorEntry } from "../weights/stored.ts";
import { type EncoderLayout, encoderLayouts, type Layout } from "./vgg.ts";

/** A part of a network that comes in one file. */
interface Part {
  readonly label: string;
  /** The file's name in the release. */
  readonly file: string;
  readonly layouts: readonly Layout[];
}

/** What weights can be gathered for. */
export interface ImportTarget {
  readonly name: string;
  readonly encoder: Architecture["encoder"];
  /** The tensors that are made. */
  readonly shapes: ParameterShapes;
  readonly parts: readonly Part[];
}

/**
 * The released network for pictures, that for video, or their encoder alone, for measuring and
 * training.
 */
export type ImportTargetName = "image" | "video" | "encoder";

/** What is to be gathered for a target. */
export function importTarget(name: ImportTargetName): ImportTarget {
  if (name === "image") {
    return released("vgg19-image", [
      ["the attention of level 3", "latest_net_adaattn_3.pth", "adaattn_3."],
      ["the attention of levels 4 and 5", "latest_net_transformer.pth", "transformer."],
      ["the decoder", "latest_net_decoder.pth", "decoder."],
    ]);
  }
  if (name === "video") {
    return released("vgg19-video", [
      ["the attention", "latest_net_transformer.pth", "video.transformer."],
      ["the decoder", "latest_net_decoder.pth", "video.decoder."],
    ]);
  }
  const encoder = normalizedVgg19("");
  return { name: "vgg19", encoder, shapes: encoderParameters(encoder), parts: [encoderPart(encoder, "")] };
}

function encoderPart(encoder: Architecture["encoder"], prefix: string): Part {
  return { label: "the encoder", file: "vgg_normalised.pth", layouts: encoderLayouts(encoder, prefix) };
}

function released(
  name: string,
  parts: readonly (readonly [label: string, file: string, prefix: string])[],
): ImportTarget {
  const architecture = architectureNamed(name);
  const shapes = parametersOf(architecture);
  const others = parts.map(([label, file, prefix]): Part => {
    const own = [...shapes].filter(([parameter]) => parameter.startsWith(prefix));
    const tensors = new Map(
      own.map(([parameter, shape]) => [parameter, { name: parameter.slice(prefix.length), shape }]),
    );
    return { label, file, layouts: [{ kind: "released", tensors }] };
  });
  const { encoder } = architecture;
  return { name, encoder, shapes, parts: [encoderPart(encoder, "vgg."), ...others] };
}

/** A file and its tensors. */
export interface WeightFile {
  /** What errors call it. */
  readonly name: string;
  readonly tensors: TensorEntries;
}

/** A network's weights, and where they came from. */
export interface GatheredWeights {
  /** Every tensor of the target, in its order and shape. */
  readonly weights: Map<string, Float32Array>;
  /**
   * How the encoder was stored; one that is not "normalized" still has to be, see {@link
   * normalizeFilters}.
   */
  readonly encoder: EncoderLayout;
  /** The name of the file that each part came from, by the part's label. */
  readonly from: ReadonlyMap<string, string>;
}

/**
 * The weights of a network from files that together hold all its parts, in any order; tensors that
 * it does not have are left aside.
 *
 * @throws Error that names every tensor that is missing, of another shape or no float, and the
 *   file, one a line; or the first tensor with a value that is not finite; or the part that several
 *   files hold.
 */
export async function gatherWeights(target: ImportTarget, files: readonly WeightFile[]): Promise<GatheredWeights> {
  const matches = target.parts.map((part) => ({ part, match: findPart(part, files) }));
  const problems = matches.flatMap(({ part, match }) => problemsOf(part, match));
  if (problems.length > 0) {
    throw new AdaattnError("file", [`The files do not fit ${target.name}:`, ...problems].join("\n  "));
  }
  const found = new Map<string, Float32Array>();
  const from = new Map<string, string>();
  let encoder: EncoderLayout = "normalised";
  for (const { part, match } of matches) {
    if (match === undefined) continue;
    from.set(part.label, match.file.name);
    if (match.layout.kind !== "released") encoder = match.layout.kind;
    for (const [parameter, data] of await readPart(match)) found.set(parameter, data);
  }
  const weights = [...target.shapes.keys()].map((name): [string, Float32Array] => [
    name,
    found.get(name) as Float32Array,
  ]);
  return { weights: new Map(weights), encoder, from };
}

/** A layout of a part, held against the tensors of one file whose names begin with one prefix. */
interface Match {
  readonly file: WeightFile;
  readonly layout: Layout;
  readonly prefix: string;
  /** The layout's tensors by their names in the layout, as far as the file has them. */
  readonly present: Map<string, TensorEntry>;
  /** How many of them fit. */
  readonly fitting: number;
  /** Other places where the part is whole too. */
  readonly rivals: readonly Match[];
}

/**
 * The place where a part is whole, or as much of it as there is anywhere; undefined where none of
 * its tensors fits.
 */
function findPart(part: Part, files: readonly WeightFile[]): Match | undefined {
  const all = files.flatMap((file) => part.layouts.flatMap((layout) => matchesIn(file, layout)));
  const [best, ...others] = all.filter(({ fitting }) => fitting > 0).sort((a, b) => share(b) - share(a));
  return best && { ...best, rivals: isWhole(best) ? others.filter(isWhole) : [] };
}

const share = ({ fitting, layout }: Match) => fitting / layout.tensors.size;
const isWhole = (match: Match) => share(match) === 1;

/**
 * The places in a file where a layout may be meant: every prefix under which the file has any of
 * the layout's tensors.
 */
function matchesIn(file: WeightFile, layout: Layout): Match[] {
  const shapes = new Map([...layout.tensors.values()].map(({ name, shape }) => [name, shape.join()]));
  const found = new Map<string, { present: Map<string, TensorEntry>; fitting: number }>();
  for (const [name, entry] of file.tensors) {
    const spelled = layout.respell?.(name) ?? name;
    for (let at = 0; at >= 0; at = spelled.indexOf(".", at) + 1 || -1) {
      const shape = shapes.get(spelled.slice(at));
      if (shape === undefined) continue;
      const prefix = spelled.slice(0, at);
      const match = found.get(prefix) ?? { present: new Map<string, TensorEntry>(), fitting: 0 };
      match.present.set(spelled.slice(at), entry);
      if (shape === entry.shape.join() && isFloat(entry)) match.fitting++;
      found.set(prefix, match);
    }
  }
  return [...found].map(([prefix, match]) => ({ file, layout, prefix, ...match, rivals: [] }));
}

const isFloat = ({ dtype }: TensorEntry) => /^B?F/.test(dtype);

/** What keeps a part from being read, a line each. */
function problemsOf(part: Part, match: Match | undefined): string[] {
  if (match === undefined) {
    const [first] = part.layouts[0]?.tensors.values() ?? [];
    return [`no file holds ${part.label} (${first?.name} and others, released as ${part.file}).`];
  }
  const { file, layout, prefix, present, rivals } = match;
  const [rival] = rivals;
  if (rival !== undefined) {
    return [`${part.label} is in ${placeOf(match)} and in ${placeOf(rival)}; give only one of them.`];
  }
  return [...layout.tensors.values()].flatMap(({ name, shape }) => {
    const entry = present.get(name);
    const label = `${prefix}${name}`;
    if (entry === undefined) return [`${label} is missing in ${file.name}.`];
    if (!isFloat(entry)) return [`${label} in ${file.name} holds ${entry.dtype} values where floats are needed.`];
    if (entry.shape.join() === shape.join()) return [];
    return [
      `${label} in ${file.name} has the shape [${entry.shape.join(", ")}] where [${shape.join(", ")}] is needed.`,
    ];
  });
}

const placeOf = ({ file, prefix }: Match) => (prefix === "" ? file.name : `${file.name} under ${show(prefix)}`);

/** The tensors of a whole part by their names in the architecture. */
async function readPart({ file, layout, prefix, present }: Match): Promise<ReadonlyMap<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [parameter, { name }] of layout.tensors) {
    const data = (await present.get(name)?.read()) as Float32Array;
    const bad = data.find((value) => !Number.isFinite(value));
    if (bad !== undefined) {
      throw new AdaattnError(
        "file",
        `Expected finite values for ${prefix}${name} in ${file.name} but it holds ${bad}; get the file again.`,
      );
    }
    values.set(parameter, data);
  }
  return layout.convert?.(values) ?? values;
}
