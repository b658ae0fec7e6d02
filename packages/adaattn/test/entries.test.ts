/** What each entry of the package offers, by name: nothing appears or disappears unnoticed. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

/**
 * The names that a file of `src` exports, types among them; such files hold nothing but exports
 * from others.
 */
function namesOf(file: string): string[] {
  const text = readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8");
  const all = [...text.matchAll(/^export \* from "\.\/(.+)";$/gm)].flatMap(([, other = ""]) => namesOf(other));
  const named = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from /gm)].flatMap(([, names = ""]) =>
    names.split(",").map((name) => name.trim().replace(/^type /, "")),
  );
  return [...all, ...named].filter((name) => name !== "").sort();
}

/** Names in one line of text, for the lists below. */
const list = (names: readonly string[]) => names.join(" ");
const beyond = (file: string, ...others: readonly string[]) => {
  const known = new Set(others.flatMap(namesOf));
  return list(namesOf(file).filter((name) => !known.has(name)));
};

describe("the entries of adaattn", () => {
  test("at the root, in Node", () => {
    expect(list(namesOf("index.node.ts"))).toMatchInlineSnapshot(
      `"AdaattnError Attention AttentionMap CallOptions Device ErrorCode InspectOptions KeyStyle LoadModelOptions Model NodeModel PaintOptions Picture PictureInput Point Progress SavablePicture SaveOptions SavedStyle Size Style StyleOptions StyleShare StylizeOptions StylizeReport StylizeVideoOptions StylizedFrame StylizedPicture VideoFrame drawHeat drawSources loadModel parseColor readPicture regionMasks stylizeVideo writePicture"`,
    );
  });

  test("at the root, in a browser", () => {
    expect(list(namesOf("index.web.ts"))).toMatchInlineSnapshot(
      `"AdaattnError Attention AttentionMap CallOptions Device DrawablePicture ErrorCode InspectOptions KeyStyle LoadModelOptions Model ModelAddress PaintOptions Picture PictureInput Point Progress SavedStyle Size Style StyleOptions StyleShare StylizeOptions StylizeReport StylizeVideoOptions StylizedFrame StylizedPicture VideoFrame WebModel drawHeat drawSources loadModel parseColor regionMasks stylizeVideo"`,
    );
  });

  test("adaattn/node and adaattn/web: the root, and the same more", () => {
    expect(beyond("details.ts")).toMatchInlineSnapshot(
      `"Area AttentionRow Health HeatOptions LayerHealth LevelHealth ObserveOptions PaintControls PaintedTile PictureSource RunningStatistics StyleControls drawEntropy drawMarks fitWithin keepChroma matchColors resizePicture rotatePicture"`,
    );
    for (const [entry, root] of [
      ["node.ts", "index.node.ts"],
      ["web.ts", "index.web.ts"],
    ] as const) {
      expect(namesOf(entry)).toEqual(expect.arrayContaining([...namesOf(root), ...namesOf("details.ts")]));
    }
  });

  test("adaattn/node beyond that", () => {
    expect(beyond("node.ts", "index.node.ts", "details.ts")).toMatchInlineSnapshot(
      `"AudioTrack BundledPainting CachedStyle Companions DeviceInfo DeviceProbe ExifTags FetchPictureOptions FfmpegAbilities FfmpegLimits FilePainting FilePicture FrameRate FrameReader FrameWriter ImportOptions ImportedModel KeptMetadata LargePicture LargePictureWriter ModelFiles NodeEngine NodeEngineOptions PICTURE_EXTENSIONS PictureFormat PictureMetadata PicturesNeeded ProbeOptions ReadFramesOptions ReadPictureOptions SegmentFormat Segments Sound Stretch SubtitleTrack VIDEO_CODECS VIDEO_EXTENSIONS VideoCodec VideoExtension VideoInfo VideoQuality VideoTarget WritePictureOptions cachedStyle encodePicture fetchPicture ffmpegAbilities importModel inspectPicture joinSegments keepMetadata limitFfmpeg listModels listPaintings probeDevices probeVideo readModel readPainting segmentFormat videoTarget writeNewFolder"`,
    );
  });

  test("adaattn/web beyond that", () => {
    expect(beyond("web.ts", "index.web.ts", "details.ts")).toMatchInlineSnapshot(
      `"FetchFileOptions FetchModelOptions FetchedModel RuntimeBuild RuntimeFiles RuntimeOptions WebEngine WebEngineOptions WebGpuProbe WebGpuProbeOptions WebProblem WebProblemCode buildFor fetchFile fetchModel hasVectors probeWebGpu problemCode"`,
    );
  });

  test("adaattn/network", () => {
    expect(beyond("network.ts")).toMatchInlineSnapshot(
      `"Architecture AttendOptions AttentionKind AttentionModule ConvolutionLayer EncoderWidths Engine EngineTensor ExportOptions ExportedModel Level LoadOptions ParameterShapes PoolLayer RunOptions Safetensors Session SkipLayer StoredTensor StyleMaps StyleValues TensorData TensorEntries TensorEntry UpsampleLayer WeightValues Weights WritableTensor architectureNamed architectures attend attendCosineQuadratic attendTo attendToSums attentionKeys channelStatistics checkWeights constantWeights contentQueries convolve cosineShares cosineSums countParameters decode encode encoderParameters evenPositions exportOnnx flatten flattenPositions mergeLevels modulate normalize normalizedVgg19 onWhite outputOf paddedSize parametersOf plainStyleValues randomPositions readSafetensors splitVector styleValues stylize stylizingParameters tensorWeights toPicture toTensor tokens unflatten vggEncoder writeSafetensors"`,
    );
  });

  test("adaattn/import", () => {
    expect(beyond("import.ts")).toMatchInlineSnapshot(
      `"EncoderLayout GatheredWeights ImportTarget ImportTargetName NormalizeOptions TensorFile TensorFormat WeightFile gatherWeights importTarget normalizeFilters openTensors"`,
    );
  });

  test("every public entry is a different set of names, internal ones apart", () => {
    const entries = ["node.ts", "network.ts", "import.ts", "internal.ts", "internalNode.ts"].map(namesOf);
    const names = entries.flat();
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
});
