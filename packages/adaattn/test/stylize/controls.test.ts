import { expect, test } from "vitest";
import { AdaattnError } from "../../src/error.ts";
import {
  checkControls,
  inspectControls,
  paintControls,
  shareControls,
  styleControls,
} from "../../src/stylize/controls.ts";

test("controls that fit are given back", () => {
  const look = { size: 512, stroke: 1.5, rotate: -45, seed: 7 };
  expect(checkControls(styleControls, look)).toEqual(look);
  expect(checkControls(paintControls, {})).toEqual({});
  expect(checkControls(paintControls, { strength: undefined, color: "match" })).toMatchObject({ color: "match" });
});

test.each<
  [typeof styleControls | typeof paintControls | typeof shareControls | typeof inspectControls, unknown, string]
>([
  [paintControls, { strength: -0.1 }, "Expected a number from 0 to 4 for strength but received -0.1."],
  [paintControls, { strength: "1" }, "Expected a number from 0 to 4 for strength but received 1."],
  [paintControls, { strength: Number.NaN }, "Expected a number from 0 to 4 for strength but received NaN."],
  [paintControls, { strength: null }, "Expected a number from 0 to 4 for strength but received null."],
  [paintControls, { color: "red" }, "Expected one of style, content, match for color but received red."],
  [paintControls, { grain: 1.1 }, "Expected a number from 0 to 1 for grain but received 1.1."],
  [paintControls, { strenght: 1 }, "Expected a control that there is (strength, color, grain) but received strenght."],
  [styleControls, { stroke: 3 }, "Expected a number from 0.5 to 2 for stroke but received 3."],
  [styleControls, { size: 20.5 }, "Expected a whole number from 16 to 65535 for size but received 20.5."],
  [styleControls, { rotate: 400 }, "Expected a number from -360 to 360 for rotate but received 400."],
  [styleControls, { seed: -1 }, "Expected a whole number from 0 to 4294967295 for seed but received -1."],
  [shareControls, { weight: 0 }, "Expected a number above 0 for weight but received 0."],
  [shareControls, { weight: -2 }, "Expected a number above 0 for weight but received -2."],
  [shareControls, { weight: Number.POSITIVE_INFINITY }, "Expected a number above 0 for weight but received Infinity."],
  [shareControls, { weight: "2" }, "Expected a number above 0 for weight but received 2."],
  [inspectControls, { level: 2 }, "Expected one of 3, 4, 5 for level but received 2."],
])("%# a control that does not fit gets one sentence", (schema, value, sentence) => {
  expect(() => checkControls(schema, value)).toThrow(new AdaattnError("option", sentence));
});
