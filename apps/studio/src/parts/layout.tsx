/**
 * Where the parts of a view stand. In wide windows: the board, the paintings under it, and the
 * panel beside them. On phones: the board, always in sight, and under it, or beside it in
 * landscape, a sheet with tabs, which scrolls by itself.
 */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { type TextKey, t } from "../texts/texts.ts";
import { Tabs } from "./tabs.tsx";

/** As phone.css has it: narrow windows, or those of phones in landscape. */
const query = matchMedia(
  "(max-width: 700px), (max-height: 500px) and (max-width: 1000px) and (min-aspect-ratio: 4 / 3)",
);
export const isPhone = signal(query.matches);
query.addEventListener("change", () => {
  isPhone.value = query.matches;
});

const TITLES = {
  paintings: "paintings.title",
  adjust: "adjust.title",
  regions: "regions.title",
  attention: "attention.title",
  video: "video.title",
  photo: "photo.title",
  share: "result.share",
} as const satisfies Record<string, TextKey>;

export type TabName = keyof typeof TITLES;

/** The tab that was chosen last, in any view. */
export const tab = signal<TabName>("paintings");

interface LayoutProps {
  readonly paintings: ComponentChildren;
  readonly board: ComponentChildren;
  readonly panel: ComponentChildren;
  /** What the panel holds, by tabs, in their order; the first are the paintings. */
  readonly tabs: Partial<Record<TabName, ComponentChildren>>;
}

export function Layout({ paintings, board, panel, tabs }: LayoutProps) {
  if (isPhone.value) {
    return (
      <>
        <Sheet tabs={{ paintings, ...tabs }} />
        <div class="board">{board}</div>
      </>
    );
  }
  return (
    <>
      {paintings}
      <div class="board">{board}</div>
      <div class="panel">{panel}</div>
    </>
  );
}

function Sheet({ tabs }: { readonly tabs: LayoutProps["tabs"] }) {
  const names = Object.keys(tabs) as TabName[];
  const chosen = names.includes(tab.value) ? tab.value : "paintings";
  return (
    <div class="sheet">
      <Tabs
        class="tabs"
        names={names}
        chosen={chosen}
        label={t("sheet.label")}
        panel="sheet"
        titleOf={(name) => t(TITLES[name])}
        onChoose={(name) => {
          tab.value = name;
        }}
      />
      {/* With a key, so that another tab begins at its top. */}
      <div class="panel" id="sheet" role="tabpanel" key={chosen} aria-labelledby={`sheet-${chosen}`}>
        {tabs[chosen]}
      </div>
    </div>
  );
}
