/** A dialog that turns the photograph by quarters and takes a part of it. */

import { useComputed, useSignal } from "@preact/signals";
import { rotatePicture } from "adaattn/web";
import { isWhole, WHOLE } from "../parting.ts";
import { shrunk } from "../pictures/decode.ts";
import { cutPhoto, type Photo } from "../state.ts";
import { t } from "../texts/texts.ts";
import { Dialog, PictureCanvas } from "./controls.tsx";
import { Cropper } from "./cropper.tsx";
import { Icon } from "./icon.tsx";

/** The longer side at which the photograph is shown in the dialog. */
const SHOWN = 900;

export function CropPhoto({ photo, onClose }: { readonly photo: Photo; readonly onClose: () => void }) {
  const quarters = useSignal(photo.cut.quarters);
  const part = useSignal(photo.cut.part);
  const small = useComputed(() => shrunk(photo.original, SHOWN));
  const shown = useComputed(() => rotatePicture(small.value, 90 * quarters.value)).value;
  const turn = (by: number) => {
    quarters.value = (quarters.value + by + 4) % 4;
    part.value = WHOLE;
  };
  return (
    <Dialog title={t("crop.title")} close={t("close")} onClose={onClose}>
      <Cropper
        part={part.value}
        ratio={shown.width / shown.height}
        onChange={(changed) => {
          part.value = changed;
        }}
      >
        <PictureCanvas picture={shown} />
      </Cropper>
      <p class="hint">{t("crop.hint")}</p>
      <div class="actions">
        <button type="button" onClick={() => turn(-1)}>
          <Icon name="undo" />
          {t("crop.left")}
        </button>
        <button type="button" onClick={() => turn(1)}>
          <Icon name="redo" />
          {t("crop.right")}
        </button>
        <button
          type="button"
          class="quiet"
          disabled={quarters.value === 0 && isWhole(part.value)}
          onClick={() => {
            quarters.value = 0;
            part.value = WHOLE;
          }}
        >
          {t("reset")}
        </button>
        <button
          type="button"
          class="main"
          onClick={() => {
            cutPhoto({ quarters: quarters.value, part: part.value });
            onClose();
          }}
        >
          {t("crop.apply")}
        </button>
      </div>
    </Dialog>
  );
}
