/**
 * The last results: small, and each in a dialog in which it is downloaded, set again or removed.
 */

import { useSignal } from "@preact/signals";
import { saveFile } from "../pictures/save.ts";
import { type Recent as Kept, recent, removeAllRecent, removeRecent } from "../recent.ts";
import { complain, follow } from "../state.ts";
import { t } from "../texts/texts.ts";
import { Dialog } from "./controls.tsx";
import { Icon } from "./icon.tsx";

export function Recent() {
  const shown = useSignal<Kept | undefined>(undefined);
  const close = () => {
    shown.value = undefined;
  };
  if (recent.value.length === 0) return null;
  return (
    <section class="recent">
      <header title={t("recent.hint")}>
        <h2>{t("recent.title")}</h2>
        <button type="button" class="quiet" onClick={() => removeAllRecent().catch(complain)}>
          {t("recent.clear")}
        </button>
      </header>
      <div class="thumbnails">
        {recent.value.map((one) => (
          <button
            key={one.id}
            type="button"
            class="thumbnail"
            title={one.name}
            onClick={() => {
              shown.value = one;
            }}
          >
            <img src={one.url} alt={one.name} loading="lazy" draggable={false} />
          </button>
        ))}
      </div>
      {shown.value && <Shown one={shown.value} onClose={close} />}
    </section>
  );
}

function Shown({ one, onClose }: { readonly one: Kept; readonly onClose: () => void }) {
  return (
    <Dialog title={one.name.replace(/\.\w+$/, "")} close={t("close")} onClose={onClose}>
      <img class="large" src={one.url} alt={one.name} />
      <div class="actions">
        <button type="button" class="main" onClick={() => saveFile(one.file, one.name)}>
          <Icon name="download" />
          {t("recent.save")}
        </button>
        <button
          type="button"
          onClick={() => {
            follow(one.link);
            onClose();
          }}
        >
          {t("recent.again")}
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            removeRecent(one.id).catch(complain);
            onClose();
          }}
        >
          {t("paintings.remove")}
        </button>
      </div>
    </Dialog>
  );
}
