/** A dialog that chooses a part of a picture. */

import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Part } from "../parting.ts";
import { t } from "../texts/texts.ts";
import { Dialog } from "./controls.tsx";
import { Cropper } from "./cropper.tsx";

interface CropDialogProps {
  readonly title: string;
  readonly hint: string;
  readonly part: Signal<Part>;
  /** Width over height of the picture. */
  readonly ratio: number;
  readonly picture: ComponentChildren;
  /** Buttons before those of every such dialog. */
  readonly tools?: ComponentChildren;
  /** Whether there is something to be reset. */
  readonly isChanged: boolean;
  readonly onReset: () => void;
  readonly onApply: () => void;
  readonly onClose: () => void;
}

export function CropDialog(props: CropDialogProps) {
  const { title, hint, part, ratio, picture, tools, isChanged, onReset, onApply, onClose } = props;
  return (
    <Dialog title={title} close={t("close")} onClose={onClose}>
      <Cropper
        part={part.value}
        ratio={ratio}
        onChange={(changed) => {
          part.value = changed;
        }}
      >
        {picture}
      </Cropper>
      <p class="hint">{hint}</p>
      <div class="actions">
        {tools}
        <button type="button" class="quiet" disabled={!isChanged} onClick={onReset}>
          {t("reset")}
        </button>
        <button
          type="button"
          class="main"
          onClick={() => {
            onApply();
            onClose();
          }}
        >
          {t("crop.apply")}
        </button>
      </div>
    </Dialog>
  );
}
