import { expect, test } from "vitest";
import { findTargets } from "./engines.ts";

test("WebGPU is tested where there is a driver, left out where there is none, and missed in CI", () => {
  expect(findTargets({ VK_ICD_FILENAMES: "/driver.json" })).toEqual(["cpu", "webgpu"]);
  expect(findTargets({ VK_ICD_FILENAMES: "/driver.json", CI: "true" })).toEqual(["cpu", "webgpu"]);
  expect(findTargets({})).toEqual(["cpu"]);
  expect(() => findTargets({ CI: "true" })).toThrow(
    new Error(
      "Expected a Vulkan driver in VK_ICD_FILENAMES, since CI is true, but received none; run npm run setup:test && npm test",
    ),
  );
});
