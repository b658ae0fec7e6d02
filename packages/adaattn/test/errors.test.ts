/** Errors by their codes, each as the API gives it. */

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { engineFailure } from "../src/engine/failure.ts";
import { openTensors } from "../src/import.ts";
import { checkControls, paintControls } from "../src/internal.ts";
import { architectureNamed } from "../src/network.ts";
import {
  AdaattnError,
  type ErrorCode,
  loadModel,
  NodeEngine,
  PicturesNeeded,
  probeVideo,
  readPicture,
  videoTarget,
  writePicture,
} from "../src/node.ts";
import { tileSide } from "../src/stylize/memory.ts";
import { marginsOf } from "../src/stylize/tiles.ts";
import { loadModel as loadWebModel } from "../src/web.ts";

const { pathname: folder } = new URL(".", import.meta.url);
const small = architectureNamed("small");
const gray = { width: 16, height: 16, data: new Uint8ClampedArray(1024) };

const CALLS: readonly (readonly [ErrorCode, string, () => unknown])[] = [
  ["option", "a control that does not fit", () => checkControls(paintControls, { strength: 9 })],
  ["option", "a model that there is not", () => loadModel("no-such-model")],
  ["option", "a codec that does not fit", () => videoTarget("film.webm", "h264")],
  ["file", "an empty picture", () => readPicture(new Uint8Array(0))],
  ["file", "a missing picture", () => readPicture(join(folder, "no-such.png"))],
  ["file", "a picture that cannot be written", () => writePicture(join(folder, "no-such", "a.png"), gray)],
  ["file", "a checkpoint of another kind", () => openTensors(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))],
  ["file", "a file that is no video", () => probeVideo(join(folder, "errors.test.ts"))],
  ["file", "a model whose address answers nothing", () => loadWebModel("http://127.0.0.1:9/small")],
  [
    "memory",
    "too little memory",
    () => tileSide(small, marginsOf(small), { width: 4096, height: 4096 }, { memory: 1 }, false),
  ],
];

test.each(CALLS)("%s: %s", async (code, _, call) => {
  const error = await Promise.resolve()
    .then(call)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  expect(error).toBeInstanceOf(AdaattnError);
  expect(error).toMatchObject({ name: "AdaattnError", code });
});

describe("engine", () => {
  test("a model that is none, through the engine's thread", async () => {
    await using engine = new NodeEngine();
    await expect(engine.load(Uint8Array.of(1, 2, 3), "rubbish")).rejects.toMatchObject({ code: "engine" });
  });

  test.each([
    ["std::bad_alloc", "memory"],
    ["Failed to allocate memory for requested buffer of size 17179869184", "memory"],
    ["Out of memory", "memory"],
    ["Node () Op (Conv) failed", "engine"],
  ])("where a runtime says %s: %s", (reason, code) => {
    expect(engineFailure("run small on cpu", reason, undefined)).toMatchObject({
      message: `The engine cannot run small on cpu: ${reason}`,
      code,
    });
  });
});

test("an error with a class of its own has a code too", () => {
  expect(new PicturesNeeded("Expected photographs.")).toMatchObject({ name: "PicturesNeeded", code: "option" });
});
