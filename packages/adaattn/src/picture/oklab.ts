/**
 * OKLab (Bjorn Ottosson, "A perceptual color space for image processing", 2020): L is lightness
 * from 0 to 1, a and b are chroma. Equal distances look about equally large, and a change of a and
 * b alone leaves the lightness that is seen.
 */

/** Lightness, green to red, blue to yellow. */
export type Lab = readonly [L: number, a: number, b: number];

/** Red, green and blue; which kind is said where it is used. */
export type Rgb = readonly [r: number, g: number, b: number];

/** sRGB bytes as linear light from 0 to 1. */
const LINEAR = Float64Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

/** The color of sRGB bytes in OKLab. */
export function toOklab(red: number, green: number, blue: number): Lab {
  const [r, g, b] = [LINEAR[red] as number, LINEAR[green] as number, LINEAR[blue] as number];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toLinear([L, a, b]: Lab): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const SLACK = 1e-4;
const shows = (rgb: Rgb) => rgb.every((value) => value >= -SLACK && value <= 1 + SLACK);

/**
 * sRGB bytes (not rounded) of a color in OKLab. One that no screen shows keeps its lightness and
 * hue and loses chroma.
 */
export function fromOklab(color: Lab): Rgb {
  let linear = toLinear(color);
  if (!shows(linear)) {
    const [L, a, b] = color;
    let [least, most] = [0, 1];
    for (let step = 0; step < 10; step++) {
      const middle = (least + most) / 2;
      if (shows(toLinear([L, a * middle, b * middle]))) least = middle;
      else most = middle;
    }
    linear = toLinear([L, a * least, b * least]);
  }
  const [r, g, b] = linear;
  return [toByte(r), toByte(g), toByte(b)];
}

function toByte(linear: number): number {
  const value = Math.min(1, Math.max(0, linear));
  return 255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
}
