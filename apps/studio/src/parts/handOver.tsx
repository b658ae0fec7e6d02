/** The picture handed over: as a file, to the clipboard, or to the system's share sheet. */

import { useRef } from "preact/hooks";
import { copyPicture, copyText, encodePair, encodePicture, saveFile } from "../pictures/save.ts";
import { nameOfFile, result, wantedSize } from "../result.ts";
import { complain, photo, say } from "../state.ts";
import { t } from "../texts/texts.ts";
import { format } from "./downloadChoice.tsx";
import { Icon } from "./icon.tsx";

/** Saves the picture at the size that is wanted; as a pair, with the photograph at its left. */
export async function download(isPair: boolean): Promise<void> {
  const made = await wantedSize();
  if (made === undefined) return;
  const ending = format.value === "jpeg" ? "jpg" : format.value;
  const name = nameOfFile(made, ending, ...(isPair ? ["before and after"] : []));
  const { painted } = made;
  saveFile(
    await (isPair ? encodePair(made.photo.picture, painted, format.value) : encodePicture(painted, format.value)),
    name,
  );
  say(t("result.saved", { name }));
}

/** What is handed to the system's share sheet. */
const fileOf = (content: BlobPart, name: string) => new File([content], name, { type: "image/jpeg" });

/** Whether the system has a share sheet that takes pictures. */
const canShare = () => navigator.canShare?.({ files: [fileOf("", "picture.jpg")] }) ?? false;

async function share(): Promise<void> {
  const made = result.peek();
  if (made === undefined) return;
  const file = fileOf(await encodePicture(made.painted, "jpeg"), nameOfFile(made, "jpg"));
  await navigator.share({ files: [file], title: t("app.title") });
}

async function copy(): Promise<void> {
  const made = result.peek();
  if (made === undefined) return;
  await copyPicture(made.painted);
  say(t("result.copied"));
}

/** Copies a link to what is set. */
async function copyLink(): Promise<void> {
  await copyText(location.href);
  say(t("result.linked"));
}

/**
 * All ways, as buttons.
 *
 * @param menu the id of the menu that they stand in, which they close.
 */
export function HandOver({ menu }: { readonly menu?: string }) {
  const isDisabled = result.value === undefined || result.value.photo !== photo.value;
  const ways = [
    ["copy", t("result.copy"), copy],
    ["link", t("result.copyLink"), copyLink],
    ["split", t("result.pair"), () => download(true)],
    ...(canShare() ? ([["share", t("result.send"), share]] as const) : []),
  ] as const;
  return (
    <>
      {ways.map(([icon, label, act]) => (
        <button
          key={icon}
          type="button"
          disabled={isDisabled}
          popovertarget={menu}
          popovertargetaction="hide"
          onClick={() => act().catch(complain)}
        >
          <Icon name={icon} />
          {label}
        </button>
      ))}
    </>
  );
}

/** All ways, in a menu that a button opens. */
export function ShareMenu() {
  const button = useRef<HTMLButtonElement>(null);
  /** Under the button, or above it where there is more room. */
  const place = ({ currentTarget: { style } }: { readonly currentTarget: HTMLElement }) => {
    const { right, top, bottom } = button.current?.getBoundingClientRect() ?? new DOMRect();
    const { clientWidth: width, clientHeight: height } = document.documentElement;
    const isLow = top + bottom > height;
    style.inset = `${isLow ? "auto" : `${bottom + 4}px`} ${width - right}px ${isLow ? `${height - top + 4}px` : "auto"} auto`;
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class="icon"
        title={t("result.share")}
        aria-label={t("result.share")}
        popovertarget="share"
      >
        <Icon name="share" />
      </button>
      <div id="share" class="menu" popover="auto" onBeforeToggle={place}>
        <HandOver menu="share" />
      </div>
    </>
  );
}
