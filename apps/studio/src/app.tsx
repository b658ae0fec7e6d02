/**
 * The page: header, the views, and what concerns all of them: notices, dropping and pasting, keys
 * for undo.
 */

import { signal } from "@preact/signals";
import { hasVectors } from "adaattn/web";
import { useEffect } from "preact/hooks";
import { EngineState } from "./parts/engineState.tsx";
import { IconButton } from "./parts/icon.tsx";
import { isPhone } from "./parts/layout.tsx";
import { Tabs } from "./parts/tabs.tsx";
import { addPainting, complain, notice, openPhoto, settings, show, VIEWS, view } from "./state.ts";
import { chooseLanguage, LANGUAGES, type Language, language, t } from "./texts/texts.ts";
import { theme, toggleTheme } from "./theme.ts";
import { openVideo } from "./video/state.ts";
import { AttentionView } from "./views/attention.tsx";
import { LiveView } from "./views/live.tsx";
import { PictureView } from "./views/picture.tsx";
import { VideoView } from "./views/video.tsx";

/** What lies under a file that is being dragged over the page. */
const dropping = signal<"photo" | "painting" | undefined>(undefined);

/** How long a notice stays. */
const NOTICE_SECONDS = { problem: 15, other: 6 } as const;

const SHOWN = { picture: PictureView, attention: AttentionView, live: LiveView, video: VideoView } as const;

export function App() {
  useEffect(listen, []);
  useEffect(() => {
    document.title = `${t(`view.${view.value}`)} - ${t("app.title")}`;
  }, [view.value, language.value]);
  const View = SHOWN[view.value];
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        {t("skip")}
      </button>
      <header class="top">
        <h1>{t("app.title")}</h1>
        {!isPhone.value && <Views />}
        <EngineState />
        <div class="preferences">
          <select
            aria-label={t("language")}
            name="language"
            value={language.value}
            onChange={(event) => {
              const name = event.currentTarget.value as Language;
              localStorage.setItem("language", name);
              chooseLanguage(name).catch(complain);
            }}
          >
            {Object.entries(LANGUAGES).map(([name, title]) => (
              <option key={name} value={name} lang={name}>
                {title}
              </option>
            ))}
          </select>
          <IconButton
            icon={theme.value === "dark" ? "sun" : "moon"}
            label={t(theme.value === "dark" ? "theme.light" : "theme.dark")}
            onClick={toggleTheme}
          />
        </div>
      </header>
      <Notices />
      <main id="main" tabIndex={-1} data-view={view.value}>
        <View />
      </main>
      {isPhone.value && (
        <footer>
          <Views />
        </footer>
      )}
      {dropping.value && (
        <div class="dropping">{t(dropping.value === "painting" ? "paintings.drop" : "photo.drop")}</div>
      )}
    </>
  );
}

function Views() {
  return (
    <Tabs
      class="views"
      names={VIEWS}
      chosen={view.value}
      label={t("views")}
      panel="main"
      titleOf={(name) => t(`view.${name}`)}
      linkOf={(name) => `#${name}`}
      onChoose={show}
    />
  );
}

function Notices() {
  const now = notice.value;
  useEffect(() => {
    if (now === undefined) return;
    const leaving = setTimeout(
      () => {
        if (notice.peek() === now) notice.value = undefined;
      },
      NOTICE_SECONDS[now.isProblem ? "problem" : "other"] * 1000,
    );
    return () => clearTimeout(leaving);
  }, [now]);
  const isProblem = now?.isProblem ?? false;
  return (
    <div class="notices" aria-live={isProblem ? "assertive" : "polite"} role={isProblem ? "alert" : "status"}>
      {!hasVectors() && <p class="notice problem">{t("engine.noSimd")}</p>}
      {now && (
        <p class={`notice ${isProblem ? "problem" : ""}`}>
          <span>{now.text}</span>
          <IconButton
            icon="close"
            label={t("close")}
            onClick={() => {
              notice.value = undefined;
            }}
          />
        </p>
      )}
    </div>
  );
}

/** Opens what was dropped or pasted in the view that it is for. */
function openFile(file: File): void {
  if (view.value === "video" || file.type.startsWith("video/")) {
    show("video");
    openVideo(file);
  } else {
    if (view.value === "live") show("picture");
    openPhoto(file, file.name || t("photo.title"));
  }
}

/** A picture that is dropped on the paintings is one of them. */
function isOverPaintings({ target }: DragEvent): boolean {
  return target instanceof Element && target.closest(".paintings") !== null;
}

function listen(): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  const hasFile = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener(
    "dragover",
    (event) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      dropping.value = isOverPaintings(event) ? "painting" : "photo";
    },
    { signal },
  );
  addEventListener(
    "dragleave",
    (event) => {
      if (event.relatedTarget === null) dropping.value = undefined;
    },
    { signal },
  );
  addEventListener(
    "drop",
    (event) => {
      dropping.value = undefined;
      const file = event.dataTransfer?.files[0];
      if (file === undefined) return;
      event.preventDefault();
      if (isOverPaintings(event)) addPainting(file, file.name);
      else openFile(file);
    },
    { signal },
  );
  addEventListener(
    "paste",
    (event) => {
      const file = event.clipboardData?.files[0];
      if (file !== undefined) openFile(file);
    },
    { signal },
  );
  addEventListener(
    "keydown",
    (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "z" && !event.shiftKey) settings.undo();
      else if (key === "y" || (key === "z" && event.shiftKey)) settings.redo();
      else return;
      event.preventDefault();
    },
    { signal },
  );
  return () => ending.abort();
}
