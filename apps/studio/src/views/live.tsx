/** The camera, painted as one watches. */

import { useEffect } from "preact/hooks";
import { LIVE_SIDES } from "../live/detail.ts";
import {
  camera,
  cameras,
  chooseCamera,
  fps,
  frame,
  isAdaptive,
  isLive,
  isMirrored,
  liveSide,
  recorded,
  startLive,
  startRecording,
  stopLive,
  stopRecording,
  takeSnapshot,
} from "../live/live.ts";
import { PictureCanvas, Slider, Switch } from "../parts/controls.tsx";
import { FullScreen } from "../parts/fullScreen.tsx";
import { Icon } from "../parts/icon.tsx";
import { Layout } from "../parts/layout.tsx";
import { Chosen, Paintings } from "../parts/paintings.tsx";
import { Share } from "../parts/share.tsx";
import { t } from "../texts/texts.ts";

export function LiveView() {
  // The camera does not stay on behind another view.
  useEffect(() => stopLive, []);
  return (
    <Layout
      paintings={<Paintings canMix />}
      board={<Board />}
      panel={
        <>
          <section>
            <h2>{t("live.title")}</h2>
            <p class="hint">{t("live.intro")}</p>
          </section>
          <Controls />
        </>
      }
      tabs={{ adjust: <Controls /> }}
    />
  );
}

function Board() {
  const shown = isLive.value ? frame.value : undefined;
  return (
    <>
      {shown ? (
        <div class="stage" data-stage="live" style={{ "--ratio": shown.width / shown.height }}>
          <div class="frame">
            <PictureCanvas picture={shown} class="smooth" label={t("live.picture")} />
          </div>
        </div>
      ) : (
        <div class="empty">
          <Icon name="camera" />
          <p>{t("live.intro")}</p>
          <button type="button" class="main" onClick={startLive} disabled={isLive.value}>
            {t("live.start")}
          </button>
        </div>
      )}
      {isLive.value && (
        <div class="below">
          <p class="status" data-fps={fps.value?.toFixed(2)}>
            {fps.value === undefined
              ? t("engine.loading")
              : t("live.fps", { fps: fps.value.toFixed(fps.value < 10 ? 1 : 0) })}
          </p>
          <div class="actions">
            {recorded.value === undefined ? (
              <button type="button" disabled={shown === undefined} onClick={startRecording}>
                <span class="record" />
                {t("live.record")}
              </button>
            ) : (
              <button type="button" class="main" onClick={stopRecording}>
                {t("live.recordStop")}
                <span class="number">{t("time.seconds", { seconds: Math.floor(recorded.value) })}</span>
              </button>
            )}
            <button
              type="button"
              class="brief"
              title={t("live.snapshot")}
              disabled={shown === undefined}
              onClick={takeSnapshot}
            >
              <Icon name="camera" />
              <span class="text">{t("live.snapshot")}</span>
            </button>
            <FullScreen />
            <button type="button" class="brief" title={t("live.stop")} onClick={stopLive}>
              <Icon name="cameraOff" />
              <span class="text">{t("live.stop")}</span>
            </button>
          </div>
        </div>
      )}
    </>
  );
}

function Controls() {
  return (
    <section class="controls">
      <Chosen />
      {cameras.value.length > 1 && (
        <label class="field">
          <span>{t("live.camera")}</span>
          <select
            name="camera"
            value={camera.value}
            disabled={!isLive.value}
            onChange={(event) => chooseCamera(event.currentTarget.value)}
          >
            {cameras.value.map(({ id, name }, index) => (
              <option key={id} value={id}>
                {name || `${t("live.camera")} ${index + 1}`}
              </option>
            ))}
          </select>
        </label>
      )}
      <Switch
        name="mirror"
        isOn={isMirrored.value}
        onToggle={(isOn) => {
          isMirrored.value = isOn;
        }}
      >
        {t("live.mirror")}
      </Switch>
      <Slider
        name="side"
        label={t("live.size")}
        value={LIVE_SIDES.indexOf(liveSide.value)}
        least={0}
        most={LIVE_SIDES.length - 1}
        step={1}
        shown={`${liveSide.value} px`}
        onChange={(index) => {
          liveSide.value = LIVE_SIDES[index] ?? 256;
          isAdaptive.value = false;
        }}
      />
      <Switch
        name="adaptive"
        isOn={isAdaptive.value}
        onToggle={(isOn) => {
          isAdaptive.value = isOn;
        }}
      >
        {t("live.adaptive")}
      </Switch>
      <Share name="strength" most={2} />
    </section>
  );
}
