/** A video: opened, a frame of it painted to judge by, and all of it made into a file. */

import { useSignalEffect } from "@preact/signals";
import { OpenButton, PictureCanvas, Progress } from "../parts/controls.tsx";
import { Icon } from "../parts/icon.tsx";
import { Chosen, Paintings } from "../parts/paintings.tsx";
import { Share } from "../parts/share.tsx";
import { settings } from "../state.ts";
import { t } from "../texts/texts.ts";
import { toldTime } from "../texts/times.ts";
import {
  isCurrent,
  made,
  openVideo,
  paintPreview,
  paintVideo,
  preview,
  progress,
  saveVideo,
  stopVideo,
  VIDEO_SIDES,
  video,
  videoSide,
} from "../video/state.ts";

export function VideoView() {
  // The frame follows the settings.
  useSignalEffect(() => {
    settings.value;
    videoSide.value;
    if (video.value) paintPreview();
  });
  const opened = video.value;
  const now = progress.value;
  const open = (isMain: boolean) => (
    <OpenButton name="video" class={isMain ? "main" : ""} accept="video/*,.mkv" onFile={openVideo}>
      <Icon name="open" />
      {t("video.open")}
    </OpenButton>
  );
  return (
    <>
      <Paintings canMix />
      <div class="board">
        <Board />
        {opened && (
          <div class="below">
            <div class="status" data-video={now ? "busy" : isCurrent.value ? "done" : "idle"}>
              <p aria-live="polite">{told()}</p>
              {now && <Progress fraction={now.fraction} label={t("video.start")} />}
            </div>
            <div class="actions">
              {now ? (
                <button type="button" onClick={stopVideo}>
                  {t("result.stop")}
                </button>
              ) : (
                <button type="button" class={isCurrent.value ? "" : "main"} onClick={paintVideo}>
                  {t("video.start")}
                </button>
              )}
              {made.value && (
                <button type="button" class={isCurrent.value ? "main" : ""} onClick={saveVideo}>
                  <Icon name="download" />
                  {t("video.save")}
                </button>
              )}
            </div>
          </div>
        )}
      </div>
      <div class="panel">
        <section>
          <h2>{t("video.title")}</h2>
          <p class="hint">{t("video.intro")}</p>
          <div class="actions">{open(opened === undefined)}</div>
          {opened && (
            <p class="credit">
              <cite>{opened.name}</cite>{" "}
              {t("video.facts", { width: opened.width, height: opened.height, seconds: opened.seconds.toFixed(1) })},{" "}
              {t(opened.hasSound ? "video.sound" : "video.silent")}
            </p>
          )}
        </section>
        <section class="controls">
          <Chosen />
          <label class="field">
            <span>{t("video.size")}</span>
            <select
              name="videoSide"
              value={videoSide.value}
              disabled={now !== undefined}
              onChange={(event) => {
                videoSide.value = Number(event.currentTarget.value);
              }}
            >
              {sides().map((side) => (
                <option key={side} value={side}>
                  {side} px
                </option>
              ))}
            </select>
          </label>
          <Share name="strength" most={2} />
        </section>
      </div>
    </>
  );
}

/** Sides to choose from: usual ones that the video has, and its own. */
function sides(): number[] {
  const { width, height } = video.value ?? { width: 512, height: 512 };
  const own = Math.max(width, height);
  return [...new Set([...VIDEO_SIDES.filter((side) => side < own), own, videoSide.value])].sort((a, b) => a - b);
}

function Board() {
  // The film is shown while it is what is set; else a frame of what would be.
  if (made.value && isCurrent.value) {
    return (
      <div class="player">
        {/* biome-ignore lint/a11y/useMediaCaption: the words of the user's own video are not known. */}
        <video src={made.value.url} controls playsInline />
      </div>
    );
  }
  const shown = preview.value;
  if (video.value && shown) {
    return (
      <div class="stage" data-stage="video" style={{ "--ratio": shown.width / shown.height }}>
        <div class="frame">
          <PictureCanvas picture={shown} class="smooth" label={t("video.preview")} />
        </div>
      </div>
    );
  }
  return (
    <div class="empty">
      <Icon name="open" />
      <p>{video.value ? t("result.painting") : t("video.intro")}</p>
      {video.value === undefined && <p class="hint">{t("video.sample")}</p>}
    </div>
  );
}

function told(): string {
  const now = progress.value;
  if (now !== undefined) {
    if (now.left === undefined) return t("video.begin");
    return t("video.progress", { percent: Math.floor(100 * now.fraction), left: toldTime(now.left) });
  }
  if (made.value === undefined || !isCurrent.value) return t("video.preview");
  return t("video.done", {
    seconds: (video.value?.seconds ?? 0).toFixed(1),
    size: (made.value.blob.size / 1e6).toFixed(1),
  });
}
