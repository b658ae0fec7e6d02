/** Shows the picture and what is done with it alone on the screen. */

import { t } from "../texts/texts.ts";
import { IconButton } from "./icon.tsx";

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
  return <IconButton icon="full" label={t("stage.full")} onClick={toggle} />;
}
