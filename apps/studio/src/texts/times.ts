/** Times in the user's language. */

import { t } from "./texts.ts";

/** About how long something takes: in seconds up to a minute and a half, then in minutes. */
export function toldTime(seconds: number): string {
  return seconds < 90
    ? t("time.seconds", { seconds: Math.ceil(seconds) })
    : t("time.minutes", { minutes: Math.round(seconds / 60) });
}
