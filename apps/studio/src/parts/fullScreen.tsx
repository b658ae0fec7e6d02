/** Shows the picture and what is done with it alone on the screen. */

import { t } from "../texts/texts.ts";
import { Icon } from "./icon.tsx";

export function FullScreen() {
  // Phones have none for pages.
  if (!document.fullscreenEnabled) return null;
  const toggle = ({ currentTarget }: MouseEvent) => {
    if (document.fullscreenElement !== null) document.exitFullscreen().catch(() => undefined);
    else if (currentTarget instanceof Element) {
      currentTarget
        .closest(".board")
        ?.requestFullscreen()
        .catch(() => undefined);
    }
  };
  return (
    <button type="button" class="icon" title={t("stage.full")} aria-label={t("stage.full")} onClick={toggle}>
      <Icon name="full" />
    </button>
  );
}
