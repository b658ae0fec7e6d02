/** The controls of the picture: strength, strokes and colors. */

import { DEFAULTS } from "../settings.ts";
import { settings } from "../state.ts";
import { t } from "../texts/texts.ts";
import { Slider } from "./controls.tsx";
import { Chosen } from "./paintings.tsx";
import { Share } from "./share.tsx";

/** How the painting is taken on: its strength, and under "Adjust" what is changed less often. */
export function Adjust() {
  const { strength, stroke, rotate, grain, color } = settings.value;
  const settle = () => settings.settle();
  const isDefault =
    strength === DEFAULTS.strength &&
    stroke === DEFAULTS.stroke &&
    rotate === DEFAULTS.rotate &&
    grain === DEFAULTS.grain &&
    color === DEFAULTS.color;
  return (
    <section class="controls">
      <Chosen />
      <Share name="strength" most={2} />
      <details>
        <summary>{t("adjust.title")}</summary>
        <Slider
          name="stroke"
          label={t("stroke.label")}
          value={Math.log2(stroke)}
          least={-1}
          most={1}
          step={0.1}
          shown={`${stroke.toFixed(2)} x`}
          onChange={(value) => settings.change({ stroke: Number((2 ** value).toFixed(3)) }, "stroke")}
          onSettle={settle}
        />
        <Slider
          name="rotate"
          label={t("rotate.label")}
          value={rotate}
          least={-180}
          most={180}
          step={5}
          shown={`${rotate}°`}
          onChange={(value) => settings.change({ rotate: value }, "rotate")}
          onSettle={settle}
        />
        <Share name="grain" most={1} />
        <label class="field">
          <span>{t("color.label")}</span>
          <select
            name="color"
            value={color}
            onChange={(event) => {
              const value = event.currentTarget.value;
              if (value === "style" || value === "content" || value === "match") settings.change({ color: value });
            }}
          >
            <option value="style">{t("color.style")}</option>
            <option value="content">{t("color.content")}</option>
            <option value="match">{t("color.match")}</option>
          </select>
        </label>
      </details>
      {!isDefault && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            const { strength, stroke, rotate, grain, color } = DEFAULTS;
            settings.change({ strength, stroke, rotate, grain, color });
          }}
        >
          {t("reset")}
        </button>
      )}
    </section>
  );
}
