/** A dialog that turns the photograph by quarters and takes a part of it. */

import { useComputed, useSignal } from "@preact/signals";
import { rotatePicture } from "adaattn/web";
import { isWhole, WHOLE } from "../parting.ts";
import { shrunk } from "../pictures/decode.ts";
import { cutPhoto, type Photo } from "../state.ts";
import { t } from "../texts/texts.ts";
import { PictureCanvas } from "./controls.tsx";
import { CropDialog } from "./cropDialog.tsx";
import { Icon } from "./icon.tsx";

/** The longer side at which the photograph is shown in the dialog. */
const SHOWN = 900;

export function CropPhoto({ photo, onClose }: { readonly photo: Photo; readonly onClose: () => void }) {
  const quarters = useSignal(photo.cut.quarters);
  const part = useSignal(photo.cut.part);
  const small = useComputed(() => shrunk(photo.original, SHOWN));
  const shown = useComputed(() => rotatePicture(small.value, 90 * quarters.value)).value;
  const turn = (to: number) => {
    quarters.value = (to + 4) % 4;
    part.value = WHOLE;
  };
  return (
    <CropDialog
      title={t("crop.title")}
      hint={t("crop.hint")}
      part={part}
      ratio={shown.width / shown.height}
      picture={<PictureCanvas picture={shown} />}
      tools={
        <>
          <button type="button" onClick={() => turn(quarters.value - 1)}>
            <Icon name="undo" />
            {t("crop.left")}
          </button>
          <button type="button" onClick={() => turn(quarters.value + 1)}>
            <Icon name="redo" />
            {t("crop.right")}
          </button>
        </>
      }
      isChanged={quarters.value !== 0 || !isWhole(part.value)}
      onReset={() => turn(0)}
      onApply={() => cutPhoto({ quarters: quarters.value, part: part.value })}
      onClose={onClose}
    />
  );
}
