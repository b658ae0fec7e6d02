/**
 * VGG-19 as others store it, brought to the encoder of `vgg_normalised.pth`: the same layers under
 * its names, with the picture's preparation folded into the 1x1 convolution that stands first, so
 * that the input is RGB from 0 to 1 for all of them.
 *
 *   normalized    {index}.weight, as AdaAttN's and AdaIN's authors use it
 *   torchvision   features.{index}.weight of torchvision.models.vgg19, which expects (RGB - mean) / deviation
 *   keras         block{n}_conv{m}/kernel of keras.applications.VGG19, rows first, which expects BGR x 255 - mean
 *
 * The last two still have to be normalized over pictures (normalize.ts).
 */
import { type Architecture, encoderParameters, type ParameterShapes } from "../network/architecture.ts";
import { gatherValues } from "../weights/stored.ts";

/** How a file stores the encoder. */
export type EncoderLayout = "normalised" | "torchvision" | "keras";

/** One way in which a file may hold a part of a network. */
export interface Layout {
  readonly kind: EncoderLayout | "released";
  /** Names of the architecture's tensors, and the names and shapes that they have in the file. */
  readonly tensors: ReadonlyMap<string, { readonly name: string; readonly shape: readonly number[] }>;
  /** Brings the file's own spelling of a name to that of `tensors`. */
  readonly respell?: (name: string) => string;
  /** Makes the architecture's tensors, by their names there, from the file's values. */
  readonly convert?: (values: ReadonlyMap<string, Float32Array>) => Map<string, Float32Array>;
}

/**
 * Index of each 3x3 convolution in torchvision's `features`, in the order in which a picture meets
 * them.
 */
const TORCHVISION_INDEX = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28];

/** Block and number of the same convolutions, as Keras names them. */
const KERAS_NAME = ["1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "3_4", "4_1", "4_2", "4_3", "4_4", "5_1"].map(
  (at) => at.replace(/(\d)_(\d)/, "block$1_conv$2"),
);

/**
 * What torchvision subtracts from RGB in [0, 1] and divides by (the documentation of its
 * VGG19_Weights).
 */
const TORCHVISION_MEAN = [0.485, 0.456, 0.406];
const TORCHVISION_DEVIATION = [0.229, 0.224, 0.225];

/** What Caffe's VGG, whose weights Keras has, subtracts from blue, green and red in [0, 255]. */
const CAFFE_MEAN = [103.939, 116.779, 123.68];

/**
 * The layouts in which the weights of `encoder`, a normalized VGG-19 up to any level, may come.
 *
 * @param prefix what its tensors' names begin with.
 */
export function encoderLayouts(encoder: Architecture["encoder"], prefix: string): Layout[] {
  const shapes = encoderParameters(encoder);
  const [color = "", ...convolutions] = [...shapes.keys()].filter((name) => name.endsWith(".weight")).map(layerOf);
  const normalized: Layout = {
    kind: "normalised",
    tensors: new Map([...shapes].map(([name, shape]) => [name, { name: name.slice(prefix.length), shape }])),
  };
  const torchvision: Layout = {
    kind: "torchvision",
    tensors: renamed(shapes, convolutions, (at) => {
      const layer = `${TORCHVISION_INDEX[at]}`;
      return [`${layer}.weight`, `${layer}.bias`];
    }),
    convert: (values) => withColor(values, color, diagonal(TORCHVISION_DEVIATION), TORCHVISION_MEAN.map(negatedShare)),
  };
  const keras: Layout = {
    kind: "keras",
    tensors: renamed(
      shapes,
      convolutions,
      (at) => [`${KERAS_NAME[at]}/kernel`, `${KERAS_NAME[at]}/bias`],
      ([outputs = 0, inputs = 0, height = 0, width = 0]) => [height, width, inputs, outputs],
    ),
    respell: kerasName,
    convert: (values) =>
      withColor(
        new Map(
          [...values].map(([name, data]) => [name, name.endsWith(".weight") ? rowsLast(data, shapes.get(name)) : data]),
        ),
        color,
        // Blue, green and red of 0 to 255 from red, green and blue of 0 to 1.
        [0, 0, 255, 0, 255, 0, 255, 0, 0],
        CAFFE_MEAN.map((mean) => -mean),
      ),
  };
  return [normalized, torchvision, keras];
}

const layerOf = (name: string) => name.replace(/\.weight$/, "");

const diagonal = (divisors: readonly number[]) =>
  divisors.flatMap((divisor, row) => divisors.map((_, column) => (row === column ? 1 / divisor : 0)));

const negatedShare = (mean: number, channel: number) => -mean / (TORCHVISION_DEVIATION[channel] ?? 1);

/**
 * The 3x3 convolutions under the names that `names` gives, and with kernels of the shape that
 * `kernel` gives.
 */
function renamed(
  shapes: ParameterShapes,
  convolutions: readonly string[],
  names: (at: number) => readonly [weight: string, bias: string],
  kernel: (shape: readonly number[]) => readonly number[] = (shape) => shape,
): Layout["tensors"] {
  return new Map(
    convolutions.flatMap((layer, at) => {
      const [weight, bias] = names(at);
      return [
        [`${layer}.weight`, { name: weight, shape: kernel(shapes.get(`${layer}.weight`) ?? []) }],
        [`${layer}.bias`, { name: bias, shape: shapes.get(`${layer}.bias`) ?? [] }],
      ];
    }),
  );
}

/**
 * Keras has spelled one layer in several ways: block1_conv1/kernel,
 * block1_conv1/block1_conv1_W_1:0, .../kernel:0.
 */
function kerasName(name: string): string {
  if (name.length > 200) return name;
  const [, layer, kind] = /(block\d_conv\d)[\w/.]*?[/_.](kernel|bias|W|b)(?:_\d+)?(?::0)?$/.exec(name) ?? [];
  return layer === undefined ? name : `${layer}/${kind === "kernel" || kind === "W" ? "kernel" : "bias"}`;
}

/**
 * The weights with the convolution before them that prepares a picture's colors: `matrix` (rows are
 * outputs) and `bias`.
 */
function withColor(
  values: ReadonlyMap<string, Float32Array>,
  layer: string,
  matrix: readonly number[],
  bias: readonly number[],
): Map<string, Float32Array> {
  return new Map([
    [`${layer}.weight`, Float32Array.from(matrix)],
    [`${layer}.bias`, Float32Array.from(bias)],
    ...values,
  ]);
}

/**
 * A kernel of [height, width, inputs, outputs] as [outputs, inputs, height, width], the shape
 * given.
 */
function rowsLast(
  data: Float32Array,
  [outputs = 0, inputs = 0, height = 0, width = 0]: readonly number[] = [],
): Float32Array {
  return gatherValues(data, [outputs, inputs, height, width], [1, outputs, width * inputs * outputs, inputs * outputs]);
}
