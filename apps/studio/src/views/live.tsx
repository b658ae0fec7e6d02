/** The camera, painted as one watches. */

import { useEffect } from "preact/hooks";
import {
  fps,
  frame,
  isLive,
  LIVE_SIDES,
  liveSide,
  recorded,
  startLive,
  startRecording,
  stopLive,
  stopRecording,
} from "../live/live.ts";
import { PictureCanvas, Slider } from "../parts/controls.tsx";
import { FullScreen } from "../parts/fullScreen.tsx";
import { Icon } from "../parts/icon.tsx";
import { Chosen, Paintings } from "../parts/paintings.tsx";
import { Share } from "../parts/share.tsx";
import { t } from "../texts/texts.ts";

export function LiveView() {
  // The camera does not stay on behind another view.
  useEffect(() => stopLive, []);
  const shown = isLive.value ? frame.value : undefined;
  return (
    <>
      <Paintings canMix />
      <div class="board">
        {shown ? (
          <div class="stage" data-stage="live" style={{ "--ratio": shown.width / shown.height }}>
            <div class="frame">
              <PictureCanvas picture={shown} class="smooth mirrored" label={t("live.picture")} />
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
              <FullScreen />
              <button type="button" onClick={stopLive}>
                {t("live.stop")}
              </button>
            </div>
          </div>
        )}
      </div>
      <div class="panel">
        <section>
          <h2>{t("live.title")}</h2>
          <p class="hint">{t("live.intro")}</p>
        </section>
        <section class="controls">
          <Chosen />
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
            }}
          />
          <Share name="strength" most={2} />
        </section>
      </div>
    </>
  );
}
