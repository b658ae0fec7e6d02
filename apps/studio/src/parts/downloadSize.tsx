/** The size of the download, with the time that it will take. */

import { type Download, type Offer, offered, offers, wanted } from "../result.ts";
import { t } from "../texts/texts.ts";
import { toldTime } from "../texts/times.ts";

function told({ kind, width, height, seconds }: Offer): string {
  const size = `${t(`size.${kind}`)}, ${width} x ${height}`;
  // What is there, or done in a moment, needs no note.
  return seconds === undefined || seconds < 1 ? size : t("size.time", { size, time: toldTime(seconds) });
}

export function DownloadSize() {
  return (
    <select
      name="size"
      aria-label={t("size.label")}
      value={offered.value?.kind}
      onChange={(event) => {
        wanted.value = event.currentTarget.value as Download;
      }}
    >
      {offers.value.map((offer) => (
        <option key={offer.kind} value={offer.kind}>
          {told(offer)}
        </option>
      ))}
    </select>
  );
}
