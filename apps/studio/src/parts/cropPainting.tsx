/** A dialog that chooses which part of a painting is used. */

import { useSignal } from "@preact/signals";
import { isWhole, WHOLE } from "../parting.ts";
import { paintingUrl } from "../pictures/bundled.ts";
import { type Painting, settings } from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";
import { Dialog } from "./controls.tsx";
import { Cropper } from "./cropper.tsx";

export function CropPainting({ painting, onClose }: { readonly painting: Painting; readonly onClose: () => void }) {
  const { id, credit, url } = painting;
  const part = useSignal(settings.value.parts[id] ?? WHOLE);
  const ratio = useSignal(1);
  return (
    <Dialog title={t("crop.painting")} close={t("close")} onClose={onClose}>
      <Cropper
        part={part.value}
        ratio={ratio.value}
        onChange={(changed) => {
          part.value = changed;
        }}
      >
        <img
          src={credit ? paintingUrl(id) : url}
          alt={nameOf(id, painting.title)}
          draggable={false}
          onLoad={({ currentTarget }) => {
            ratio.value = currentTarget.naturalWidth / currentTarget.naturalHeight;
          }}
        />
      </Cropper>
      <p class="hint">{t("crop.painting.hint")}</p>
      <div class="actions">
        <button
          type="button"
          class="quiet"
          disabled={isWhole(part.value)}
          onClick={() => {
            part.value = WHOLE;
          }}
        >
          {t("reset")}
        </button>
        <button
          type="button"
          class="main"
          onClick={() => {
            const { [id]: _, ...others } = settings.value.parts;
            settings.change({ parts: isWhole(part.value) ? others : { ...others, [id]: part.value } });
            onClose();
          }}
        >
          {t("crop.apply")}
        </button>
      </div>
    </Dialog>
  );
}
