/** The picture handed over: to the clipboard, or to the system's share sheet. */

import { copyPicture, copyText, encodePicture } from "../pictures/save.ts";
import { nameOfFile, result } from "../result.ts";
import { complain, photo, say } from "../state.ts";
import { t } from "../texts/texts.ts";
import { Icon, IconButton } from "./icon.tsx";

/** @param hasTexts whether the buttons have texts beside their icons. */
export function HandOver({ hasTexts }: { readonly hasTexts: boolean }) {
  const isDisabled = result.value === undefined || result.value.photo !== photo.value;
  const actions = [
    ["copy", t("result.copy"), copy],
    ["share", t("result.share"), share],
  ] as const;
  if (!hasTexts) {
    return actions.map(([icon, label, act]) => (
      <IconButton key={icon} icon={icon} label={label} isDisabled={isDisabled} onClick={act} />
    ));
  }
  return (
    <div class="actions">
      {actions.map(([icon, label, act]) => (
        <button key={icon} type="button" disabled={isDisabled} onClick={act}>
          <Icon name={icon} />
          {label}
        </button>
      ))}
    </div>
  );
}

/**
 * Hands the picture to the system's share sheet; where there is none, copies a link to what is set.
 */
async function share(): Promise<void> {
  try {
    const made = result.peek();
    if (made === undefined) return;
    const file = new File([await encodePicture(made.painted, "jpeg")], nameOfFile(made, "jpg"), { type: "image/jpeg" });
    if (navigator.canShare?.({ files: [file] })) await navigator.share({ files: [file], title: t("app.title") });
    else {
      await copyText(location.href);
      say(t("result.linked"));
    }
  } catch (error) {
    complain(error);
  }
}

async function copy(): Promise<void> {
  try {
    if (result.value) await copyPicture(result.value.painted);
    say(t("result.copied"));
  } catch (error) {
    complain(error);
  }
}
