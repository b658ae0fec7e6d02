/**
 * A setting that is a share: how strongly a painting is taken on, or how much brushwork grows in
 * flat places.
 */

import { settings } from "../state.ts";
import { t } from "../texts/texts.ts";
import { Slider } from "./controls.tsx";

export function Share({ name, most }: { readonly name: "strength" | "grain"; readonly most: number }) {
  const value = settings.value[name];
  return (
    <Slider
      name={name}
      label={t(`${name}.label`)}
      value={value}
      least={0}
      most={most}
      step={0.05}
      shown={`${Math.round(100 * value)} %`}
      onChange={(changed) => settings.change({ [name]: changed }, name)}
      onSettle={() => settings.settle()}
    />
  );
}
