/** A video: opened, a frame of it painted to judge by, and all of it made into a file. */

import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Compare, isSplit } from "../parts/compare.tsx";
import { OpenButton, PictureCanvas, Progress, Slider } from "../parts/controls.tsx";
import { Icon, IconButton } from "../parts/icon.tsx";
import { Layout } from "../parts/layout.tsx";
import { Chosen, Paintings } from "../parts/paintings.tsx";
import { Share } from "../parts/share.tsx";
import { settings } from "../state.ts";
import { t } from "../texts/texts.ts";
import { toldTime } from "../texts/times.ts";
import type { Span } from "../video/convert.ts";
import {
  type Film,
  isCurrent,
  made,
  openSampleVideo,
  openVideo,
  paintPreview,
  paintVideo,
  preview,
  progress,
  saveVideo,
  span,
  stopVideo,
  trimTo,
  VIDEO_SIDES,
  video,
  videoSide,
} from "../video/state.ts";

export function VideoView() {
  // The frame follows the settings.
  useSignalEffect(() => {
    settings.value;
    videoSide.value;
    span.value;
    if (video.value) paintPreview();
  });
  return (
    <Layout
      paintings={<Paintings canMix />}
      board={
        <>
          <Board />
          {video.value && <Status />}
        </>
      }
      panel={
        <>
          <Opened />
          <Controls />
        </>
      }
      tabs={video.value ? { video: <Opened />, adjust: <Controls /> } : { adjust: <Controls /> }}
    />
  );
}

/** What is going on, and what can be done. */
function Status() {
  const now = progress.value;
  return (
    <div class="below">
      <div class="status" data-video={now ? "busy" : isCurrent.value ? "done" : "idle"}>
        <p aria-live="polite">{told()}</p>
        {now && <Progress fraction={now.fraction} label={t("video.start")} />}
      </div>
      <div class="actions">
        <IconButton
          icon="split"
          label={t("compare.split")}
          isPressed={isSplit.value ?? false}
          onClick={() => {
            isSplit.value = !isSplit.value;
          }}
        />
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
  );
}

/** Ways to open a video: a file, and the clip that comes with the studio. */
function Open() {
  const isFirst = video.value === undefined;
  return (
    <div class="actions">
      <OpenButton name="video" class={isFirst ? "main" : ""} accept="video/*,.mkv" onFile={openVideo}>
        <Icon name="open" />
        {t("video.open")}
      </OpenButton>
      {isFirst && (
        <button type="button" onClick={openSampleVideo}>
          {t("video.try")}
        </button>
      )}
    </div>
  );
}

/** What is known of the video that is open, and what is used of it. */
function Opened() {
  const opened = video.value;
  return (
    <section>
      <h2>{t("video.title")}</h2>
      <p class="hint">{t("video.intro")}</p>
      {opened && (
        <>
          <Open />
          <p class="credit">
            <cite>{opened.name}</cite>{" "}
            {t("video.facts", { width: opened.width, height: opened.height, seconds: opened.seconds.toFixed(1) })}
            {t("comma")}
            {t(opened.hasSound ? "video.sound" : "video.silent")}
          </p>
          <End name="from" most={opened.seconds} />
          <End name="to" most={opened.seconds} />
        </>
      )}
    </section>
  );
}

/** Where the film begins or ends, in seconds of the video. */
function End({ name, most }: { readonly name: keyof Span; readonly most: number }) {
  const value = span.value[name];
  return (
    <Slider
      name={name}
      label={t(`video.${name}`)}
      value={value}
      least={0}
      most={most}
      step={most / 200}
      shown={t("time.seconds", { seconds: value.toFixed(1) })}
      onChange={(seconds) => trimTo(name, seconds)}
    />
  );
}

/** How it is painted. */
function Controls() {
  return (
    <section class="controls">
      <Chosen />
      <label class="field">
        <span>{t("video.size")}</span>
        <select
          name="videoSide"
          value={videoSide.value}
          disabled={progress.value !== undefined}
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
  if (made.value && isCurrent.value) return <Player film={made.value} />;
  const shown = preview.value;
  if (video.value && shown) {
    const { width, height } = shown.painted;
    return (
      <Compare
        width={width}
        height={height}
        before={<PictureCanvas picture={shown.frame} class="smooth" label={t("video.frame")} />}
        after={<PictureCanvas picture={shown.painted} class="smooth" label={t("video.preview")} />}
      />
    );
  }
  return (
    <div class="empty">
      <Icon name="open" />
      <p>{video.value ? t("result.painting") : t("video.intro")}</p>
      {video.value === undefined && (
        <>
          <Open />
          <p class="hint">{t("video.sample")}</p>
        </>
      )}
    </div>
  );
}

/** How far apart the film and the video beside it may be, in seconds. */
const MOST_APART = 0.15;

/** The film, and beside it where that is asked for the video that it was made of, at the same place. */
function Player({ film }: { readonly film: Film }) {
  const painted = useRef<HTMLVideoElement>(null);
  const original = useRef<HTMLVideoElement>(null);
  const follow = () => {
    const [leader, follower] = [painted.current, original.current];
    if (leader === null || follower === null) return;
    const at = film.span.from + leader.currentTime;
    if (Math.abs(follower.currentTime - at) > MOST_APART) follower.currentTime = at;
    follower.playbackRate = leader.playbackRate;
    if (leader.paused) follower.pause();
    else follower.play().catch(() => undefined);
  };
  return (
    <div class="player">
      {isSplit.value && (
        <video
          ref={original}
          src={film.original}
          muted
          playsInline
          aria-label={t("video.original")}
          onLoadedMetadata={follow}
        />
      )}
      {/* biome-ignore lint/a11y/useMediaCaption: the words of the user's own video are not known. */}
      <video
        ref={painted}
        src={film.url}
        controls
        playsInline
        onPlay={follow}
        onPause={follow}
        onSeeked={follow}
        onTimeUpdate={follow}
        onRateChange={follow}
      />
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
    seconds: (made.value.span.to - made.value.span.from).toFixed(1),
    size: (made.value.blob.size / 1e6).toFixed(1),
  });
}
