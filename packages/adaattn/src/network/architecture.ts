/**
 * The networks as data. A preset lists every layer with its name, in the order in which a picture
 * meets them; the graph, the shapes that a weight file must have and the parameter counts all come
 * from these records.
 *
 * `vgg19-image` and `vgg19-video` are the released networks (github.com/Huage001/AdaAttN): names
 * are those of the checkpoints, prefixed with the part they belong to. `small` is ours: the same
 * method with a narrow encoder of its own. So is `small-video`, for frames: it attends by cosines,
 * and does little at full and at half size, where time goes by the memory that is passed through.
 */

import { AdaattnError } from "../error.ts";

/** A convolution with a bias. Kernels of 3 read a reflected border of 1, so that the size stays. */
export interface ConvolutionLayer {
  readonly kind: "convolution";
  /**
   * The tensors are `{name}.weight` ([outputs, inputs, kernel, kernel]) and `{name}.bias`
   * ([outputs]).
   */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: 1 | 3;
  readonly relu: boolean;
}

/** A 2x2 maximum with stride 2, windows at the edges included. */
export interface PoolLayer {
  readonly kind: "pool";
}

/** Every pixel repeated twice along both sides. */
export interface UpsampleLayer {
  readonly kind: "upsample";
}

/** The attended features of a level appended to the channels. */
export interface SkipLayer {
  readonly kind: "skip";
  readonly level: number;
}

/** Levels of the encoder, 1 (relu1_1, full size) to 5 (relu5_1, a sixteenth). */
export type Level = 1 | 2 | 3 | 4 | 5;

/**
 * One AdaAttN module: f, g and h are the 1x1 convolutions `{name}.f`, `{name}.g` and `{name}.h`.
 */
export interface AttentionModule {
  readonly level: Level;
  readonly name: string;
  /** Channels of the keys: the sum over this level and all shallower ones. */
  readonly keyChannels: number;
  /** Channels of the features at this level. */
  readonly valueChannels: number;
  /** At most this many style positions are attended to; more are sampled. */
  readonly maxKeys: number;
}

/** A network from picture to picture. */
export interface Architecture {
  readonly name: string;
  readonly encoder: {
    /** A list for every level; the output of the n-th list is the feature of level n. */
    readonly levels: readonly (readonly (ConvolutionLayer | PoolLayer)[])[];
  };
  readonly attention: {
    /** Softmax attention (paper, section 3.2) or cosine attention (section 3.4, video). */
    readonly kind: "softmax" | "cosine";
    /**
     * How style positions are chosen where there are more than `maxKeys`: `random` as the released
     * code does (torch.manual_seed and torch.randperm), `even` on a regular grid.
     */
    readonly sampling: "random" | "even";
    readonly modules: readonly AttentionModule[];
  };
  /** Convolves the sum of level 4 and upsampled level 5; absent where there is one module only. */
  readonly merge?: ConvolutionLayer;
  readonly decoder: readonly (ConvolutionLayer | UpsampleLayer | SkipLayer)[];
}

function convolution(
  name: string,
  inputs: number,
  outputs: number,
  options: { relu?: boolean; kernel?: 1 | 3 } = {},
): ConvolutionLayer {
  return { kind: "convolution", name, inputs, outputs, kernel: options.kernel ?? 3, relu: options.relu ?? true };
}

const pool: PoolLayer = { kind: "pool" };
const upsample: UpsampleLayer = { kind: "upsample" };

/** Widths of the five levels of an encoder shaped like VGG-19. */
export type EncoderWidths = readonly [number, number, number, number, number];

/**
 * VGG-19 up to relu5_1; `name` gives each of its thirteen 3x3 convolutions its name, and `color`
 * that of the 1x1 before.
 */
export function vggEncoder(
  widths: EncoderWidths,
  name: (block: number, index: number) => string,
  color?: string,
): Architecture["encoder"] {
  const [one, two, three, four, five] = widths;
  const first = color === undefined ? [] : [convolution(color, 3, 3, { kernel: 1, relu: false })];
  return {
    levels: [
      [...first, convolution(name(1, 1), 3, one)],
      [convolution(name(1, 2), one, one), pool, convolution(name(2, 1), one, two)],
      [convolution(name(2, 2), two, two), pool, convolution(name(3, 1), two, three)],
      [
        ...[2, 3, 4].map((index) => convolution(name(3, index), three, three)),
        pool,
        convolution(name(4, 1), three, four),
      ],
      [...[2, 3, 4].map((index) => convolution(name(4, index), four, four)), pool, convolution(name(5, 1), four, five)],
    ],
  };
}

/** The index of each convolution in the sequential module of `vgg_normalised.pth`. */
const VGG_INDEX: Readonly<Record<string, number>> = {
  "1_1": 2,
  "1_2": 5,
  "2_1": 9,
  "2_2": 12,
  "3_1": 16,
  "3_2": 19,
  "3_3": 22,
  "3_4": 25,
  "4_1": 29,
  "4_2": 32,
  "4_3": 35,
  "4_4": 38,
  "5_1": 42,
};

/** The normalized VGG-19 with the tensor names `{prefix}{index}` of `vgg_normalised.pth`. */
export function normalizedVgg19(prefix: string): Architecture["encoder"] {
  return vggEncoder(
    [64, 128, 256, 512, 512],
    (block, index) => `${prefix}${VGG_INDEX[`${block}_${index}`]}`,
    `${prefix}0`,
  );
}

const vgg19Image: Architecture = {
  name: "vgg19-image",
  encoder: normalizedVgg19("vgg."),
  attention: {
    kind: "softmax",
    sampling: "random",
    modules: [
      { level: 3, name: "adaattn_3", keyChannels: 448, valueChannels: 256, maxKeys: 4096 },
      { level: 4, name: "transformer.attn_adain_4_1", keyChannels: 960, valueChannels: 512, maxKeys: 65536 },
      { level: 5, name: "transformer.attn_adain_5_1", keyChannels: 1472, valueChannels: 512, maxKeys: 65536 },
    ],
  },
  merge: convolution("transformer.merge_conv", 512, 512, { relu: false }),
  decoder: [
    convolution("decoder.decoder_layer_1.1", 512, 256),
    upsample,
    { kind: "skip", level: 3 },
    convolution("decoder.decoder_layer_2.1", 512, 256),
    convolution("decoder.decoder_layer_2.4", 256, 256),
    convolution("decoder.decoder_layer_2.7", 256, 256),
    convolution("decoder.decoder_layer_2.10", 256, 128),
    upsample,
    convolution("decoder.decoder_layer_2.14", 128, 128),
    convolution("decoder.decoder_layer_2.17", 128, 64),
    upsample,
    convolution("decoder.decoder_layer_2.21", 64, 64),
    convolution("decoder.decoder_layer_2.24", 64, 3, { relu: false }),
  ],
};

const vgg19Video: Architecture = {
  name: "vgg19-video",
  encoder: { levels: normalizedVgg19("vgg.").levels.slice(0, 3) },
  attention: {
    kind: "cosine",
    sampling: "even",
    modules: [
      { level: 3, name: "video.transformer", keyChannels: 448, valueChannels: 256, maxKeys: Number.MAX_SAFE_INTEGER },
    ],
  },
  decoder: [
    convolution("video.decoder.1", 256, 256),
    convolution("video.decoder.4", 256, 256),
    convolution("video.decoder.7", 256, 256),
    convolution("video.decoder.10", 256, 128),
    upsample,
    convolution("video.decoder.14", 128, 128),
    convolution("video.decoder.17", 128, 64),
    upsample,
    convolution("video.decoder.21", 64, 64),
    convolution("video.decoder.24", 64, 3, { relu: false }),
  ],
};

const small: Architecture = {
  name: "small",
  encoder: vggEncoder([16, 32, 64, 128, 128], (block, index) => `encoder.${block}_${index}`),
  attention: {
    kind: "softmax",
    sampling: "even",
    modules: [
      { level: 3, name: "attention.3", keyChannels: 112, valueChannels: 64, maxKeys: 1024 },
      { level: 4, name: "attention.4", keyChannels: 240, valueChannels: 128, maxKeys: 1024 },
      { level: 5, name: "attention.5", keyChannels: 368, valueChannels: 128, maxKeys: 1024 },
    ],
  },
  merge: convolution("merge", 128, 128, { relu: false }),
  decoder: [
    convolution("decoder.4_1", 128, 96),
    upsample,
    { kind: "skip", level: 3 },
    convolution("decoder.3_4", 160, 96),
    convolution("decoder.3_3", 96, 96),
    convolution("decoder.3_2", 96, 96),
    convolution("decoder.3_1", 96, 48),
    upsample,
    convolution("decoder.2_2", 48, 48),
    convolution("decoder.2_1", 48, 24),
    upsample,
    convolution("decoder.1_2", 24, 24),
    convolution("decoder.1_1", 24, 3, { relu: false }),
  ],
};

const smallVideo: Architecture = {
  name: "small-video",
  encoder: {
    levels: [
      [convolution("encoder.1_1", 3, 16)],
      [pool, convolution("encoder.2_1", 16, 32)],
      [convolution("encoder.2_2", 32, 32), pool, convolution("encoder.3_1", 32, 64)],
      [
        convolution("encoder.3_2", 64, 64),
        convolution("encoder.3_3", 64, 64),
        pool,
        convolution("encoder.4_1", 64, 128),
      ],
    ],
  },
  attention: {
    kind: "cosine",
    sampling: "even",
    modules: [
      { level: 3, name: "attention.3", keyChannels: 112, valueChannels: 64, maxKeys: Number.MAX_SAFE_INTEGER },
      { level: 4, name: "attention.4", keyChannels: 240, valueChannels: 128, maxKeys: Number.MAX_SAFE_INTEGER },
    ],
  },
  decoder: [
    convolution("decoder.4_1", 128, 64),
    upsample,
    { kind: "skip", level: 3 },
    convolution("decoder.3_3", 128, 64),
    convolution("decoder.3_2", 64, 64),
    convolution("decoder.3_1", 64, 32),
    upsample,
    convolution("decoder.2_2", 32, 32),
    convolution("decoder.2_1", 32, 16),
    upsample,
    convolution("decoder.1_1", 16, 3, { relu: false }),
  ],
};

/** The networks that this package knows, by name. */
export const architectures: Readonly<Record<string, Architecture>> = {
  [vgg19Image.name]: vgg19Image,
  [vgg19Video.name]: vgg19Video,
  [small.name]: small,
  [smallVideo.name]: smallVideo,
};

/** The architecture called `name`; throws one sentence that lists the known ones. */
export function architectureNamed(name: string): Architecture {
  const architecture = Object.hasOwn(architectures, name) ? architectures[name] : undefined;
  if (architecture === undefined) {
    throw new AdaattnError(
      "option",
      `Expected one of ${Object.keys(architectures).join(", ")} for the architecture but received "${name}"`,
    );
  }
  return architecture;
}

/** Names and shapes of tensors, in a fixed order. */
export type ParameterShapes = ReadonlyMap<string, readonly number[]>;

function addConvolution(
  shapes: Map<string, readonly number[]>,
  { name, inputs, outputs, kernel }: Omit<ConvolutionLayer, "kind" | "relu">,
): void {
  shapes.set(`${name}.weight`, [outputs, inputs, kernel, kernel]);
  shapes.set(`${name}.bias`, [outputs]);
}

/** The parameters of an encoder. */
export function encoderParameters(encoder: Architecture["encoder"]): ParameterShapes {
  const shapes = new Map<string, readonly number[]>();
  for (const layer of encoder.levels.flat()) if (layer.kind === "convolution") addConvolution(shapes, layer);
  return shapes;
}

/** The parameters that turn features into pictures: attention, merge convolution and decoder. */
export function stylizingParameters({ attention, merge, decoder }: Architecture): ParameterShapes {
  const shapes = new Map<string, readonly number[]>();
  for (const { name, keyChannels, valueChannels } of attention.modules) {
    addConvolution(shapes, { name: `${name}.f`, inputs: keyChannels, outputs: keyChannels, kernel: 1 });
    addConvolution(shapes, { name: `${name}.g`, inputs: keyChannels, outputs: keyChannels, kernel: 1 });
    addConvolution(shapes, { name: `${name}.h`, inputs: valueChannels, outputs: valueChannels, kernel: 1 });
  }
  if (merge !== undefined) addConvolution(shapes, merge);
  for (const layer of decoder) if (layer.kind === "convolution") addConvolution(shapes, layer);
  return shapes;
}

/** All parameters of a network. */
export function parametersOf(architecture: Architecture): ParameterShapes {
  return new Map([...encoderParameters(architecture.encoder), ...stylizingParameters(architecture)]);
}

/** How many numbers `shapes` hold together. */
export function countParameters(shapes: ParameterShapes): number {
  let count = 0;
  for (const shape of shapes.values()) count += shape.reduce((product, length) => product * length, 1);
  return count;
}
