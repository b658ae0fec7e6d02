/** Regions: the brush that paints them, shown while they are painted. */

import { emptyRegions, invert, REGION_COLORS } from "../regions.ts";
import { paintings, photo, settings } from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";
import { brush, isBrushing, isFilling } from "./brush.tsx";
import { Slider, Switch } from "./controls.tsx";

export function Regions() {
  const { paintings: ids, regions } = settings.value;
  if (!isBrushing.value) return null;
  const choices = [...ids, ""];
  return (
    <section class="regions">
      <h2>{t("regions.title")}</h2>
      <p class="hint">{t("regions.hint")}</p>
      <fieldset>
        <legend class="hidden">{t("regions.title")}</legend>
        {choices.map((id, index) => {
          const title =
            id === "" ? t("regions.erase") : nameOf(id, paintings.value.find((one) => one.id === id)?.title);
          const color = id === "" ? "transparent" : `rgb(${REGION_COLORS[index]?.join(" ")})`;
          return (
            <label key={id} class="choice">
              <input
                type="radio"
                name="brush"
                value={id}
                checked={brush.value.painting === id}
                onChange={() => {
                  brush.value = { ...brush.value, painting: id };
                }}
              />
              <span class="swatch" style={{ background: color }} />
              {title}
            </label>
          );
        })}
      </fieldset>
      <Switch
        name="fill"
        isOn={isFilling.value}
        hint={t("regions.fill.hint")}
        onToggle={(isOn) => {
          isFilling.value = isOn;
        }}
      >
        {t("regions.fill")}
      </Switch>
      <Slider
        name="brushSize"
        label={t("regions.size")}
        value={brush.value.radius}
        least={0.015}
        most={0.25}
        step={0.005}
        shown={`${Math.round(200 * brush.value.radius)} %`}
        onChange={(radius) => {
          brush.value = { ...brush.value, radius };
        }}
      />
      <div class="actions">
        <button
          type="button"
          class="main"
          onClick={() => {
            isBrushing.value = false;
          }}
        >
          {t("regions.done")}
        </button>
        <button type="button" disabled={brush.value.painting === ""} onClick={turnAround}>
          {t("regions.invert")}
        </button>
        <button
          type="button"
          class="quiet"
          disabled={regions === undefined}
          onClick={() => settings.change({ regions: undefined })}
        >
          {t("regions.clear")}
        </button>
      </div>
    </section>
  );
}

/** Turns the region of the painting that is chosen around. */
function turnAround(): void {
  const opened = photo.peek();
  if (opened === undefined) return;
  const done = invert(settings.value.regions ?? emptyRegions(opened.picture), brush.value.painting);
  settings.change({ regions: Object.keys(done.planes).length > 0 ? done : undefined });
}
