/** A dialog that chooses which part of a painting is used. */

import { useSignal } from "@preact/signals";
import { isWhole, WHOLE } from "../parting.ts";
import { paintingUrl } from "../pictures/bundled.ts";
import { type Painting, settings } from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";
import { CropDialog } from "./cropDialog.tsx";

export function CropPainting({ painting, onClose }: { readonly painting: Painting; readonly onClose: () => void }) {
  const { id, credit, url } = painting;
  const part = useSignal(settings.value.parts[id] ?? WHOLE);
  const ratio = useSignal(1);
  return (
    <CropDialog
      title={t("crop.painting")}
      hint={t("crop.painting.hint")}
      part={part}
      ratio={ratio.value}
      picture={
        <img
          src={credit ? paintingUrl(id) : url}
          alt={nameOf(id, painting.title)}
          draggable={false}
          onLoad={({ currentTarget }) => {
            ratio.value = currentTarget.naturalWidth / currentTarget.naturalHeight;
          }}
        />
      }
      isChanged={!isWhole(part.value)}
      onReset={() => {
        part.value = WHOLE;
      }}
      onApply={() => {
        const { [id]: _, ...others } = settings.value.parts;
        settings.change({ parts: isWhole(part.value) ? others : { ...others, [id]: part.value } });
      }}
      onClose={onClose}
    />
  );
}
