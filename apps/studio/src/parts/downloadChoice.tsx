/** The size of the download, with the time that it will take, its format, and what stands beside that. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { SavedFormat } from "../pictures/save.ts";
import { type Download, type Offer, offered, offers, wanted } from "../result.ts";
import { t } from "../texts/texts.ts";
import { toldTime } from "../texts/times.ts";

export const format = signal<SavedFormat>("png");

function told({ kind, width, height, seconds }: Offer): string {
  const size = `${t(`size.${kind}`)}${t("comma")}${width} x ${height}`;
  // What is there, or done in a moment, needs no note.
  return seconds === undefined || seconds < 1 ? size : t("size.time", { size, time: toldTime(seconds) });
}

export function DownloadChoice({ children }: { readonly children?: ComponentChildren }) {
  return (
    <section class="download">
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
      <select
        name="format"
        aria-label={t("result.format")}
        value={format.value}
        onChange={(event) => {
          format.value = event.currentTarget.value as SavedFormat;
        }}
      >
        <option value="png">PNG</option>
        <option value="jpeg">JPEG</option>
        <option value="webp">WebP</option>
      </select>
      {children}
    </section>
  );
}
