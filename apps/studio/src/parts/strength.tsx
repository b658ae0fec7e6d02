/** How strongly a painting is taken on. */

import { settings } from "../state.ts";
import { t } from "../texts/texts.ts";
import { Slider } from "./controls.tsx";

export function Strength() {
  const { strength } = settings.value;
  return (
    <Slider
      name="strength"
      label={t("strength.label")}
      value={strength}
      least={0}
      most={2}
      step={0.05}
      shown={`${Math.round(100 * strength)} %`}
      onChange={(value) => settings.change({ strength: value }, "strength")}
      onSettle={() => settings.settle()}
    />
  );
}
