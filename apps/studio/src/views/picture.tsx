/** The picture: the stage, the strip of paintings under it, and the controls beside them. */

import { isEvery } from "../every.ts";
import { Adjust } from "../parts/adjust.tsx";
import { BrushStage, brush, isBrushing } from "../parts/brush.tsx";
import { Compare, isSplit } from "../parts/compare.tsx";
import { PictureCanvas, Progress } from "../parts/controls.tsx";
import { DownloadChoice } from "../parts/downloadChoice.tsx";
import { fractionOfLoading, toldOfLoading } from "../parts/engineState.tsx";
import { Every } from "../parts/every.tsx";
import { FullScreen } from "../parts/fullScreen.tsx";
import { download, HandOver, ShareMenu } from "../parts/handOver.tsx";
import { Icon, IconButton, type IconName } from "../parts/icon.tsx";
import { Layout, tab } from "../parts/layout.tsx";
import { OpenPhoto, Samples } from "../parts/openPhoto.tsx";
import { MixingPad } from "../parts/pad.tsx";
import { Paintings } from "../parts/paintings.tsx";
import { Recent } from "../parts/recent.tsx";
import { Regions } from "../parts/regions.tsx";
import { EXAMPLE, EXAMPLE_PHOTO, photoUrl } from "../pictures/bundled.ts";
import { again, finished, result, stop, work } from "../result.ts";
import { complain, photo, settings } from "../state.ts";
import { sentenceOf } from "../texts/problems.ts";
import { t } from "../texts/texts.ts";

export function PictureView() {
  const isMixed = settings.value.paintings.length > 1 && settings.value.regions === undefined;
  return (
    <Layout
      paintings={<Paintings canMix />}
      board={
        <>
          <Board />
          <Status />
        </>
      }
      panel={
        <>
          {isBrushing.value && photo.value !== undefined ? <Regions /> : <Adjust />}
          {photo.value && (
            <DownloadChoice>
              <ShareMenu />
            </DownloadChoice>
          )}
          {isMixed && !isBrushing.value && <Mix />}
          <Samples />
          <Recent />
          <p class="hint">{t("photo.hint")}</p>
        </>
      }
      tabs={{
        adjust: (
          <>
            {isMixed && <Mix />}
            <Adjust />
          </>
        ),
        regions: photo.value === undefined ? <NeedPhoto /> : isBrushing.value ? <Regions /> : <RegionsOffer />,
        photo: <Samples />,
        share: (
          <>
            {photo.value === undefined ? <NeedPhoto /> : <DownloadChoice />}
            {photo.value && (
              <div class="actions">
                <HandOver />
              </div>
            )}
            <Recent />
          </>
        ),
      }}
    />
  );
}

function NeedPhoto() {
  return <p class="hint">{t("attention.need")}</p>;
}

function Mix() {
  return (
    <section class="mix">
      <h2>{t("mix.title")}</h2>
      <MixingPad />
      <p class="hint">{t("mix.hint")}</p>
    </section>
  );
}

function RegionsOffer() {
  return (
    <section>
      <p class="hint">{t("regions.hint")}</p>
      <button type="button" class="main" onClick={() => paintRegions(true)}>
        {t("regions.start")}
      </button>
      {settings.value.regions !== undefined && <ClearRegions />}
    </section>
  );
}

function Board() {
  const opened = photo.value;
  if (opened === undefined) {
    return (
      <Compare
        width={512}
        height={341}
        before={<img src={photoUrl(EXAMPLE_PHOTO)} alt="" draggable={false} />}
        after={<img src={EXAMPLE} alt={t("photo.example")} draggable={false} />}
        isExample
      />
    );
  }
  if (isBrushing.value) return <BrushStage photo={opened} />;
  if (isEvery.value) return <Every photo={opened} />;
  const { width, height } = opened.picture;
  const made = result.value?.photo === opened ? result.value.painted : undefined;
  return (
    <Compare
      width={width}
      height={height}
      before={<PictureCanvas picture={opened.picture} label={opened.name} />}
      after={made && <PictureCanvas picture={made} class="smooth" label={t("view.picture")} />}
    />
  );
}

/** What is going on, and what can be done with the result. */
function Status() {
  const now = work.value;
  const made = result.value;
  const opened = photo.value;
  if (opened === undefined) {
    return (
      <div class="below">
        <p class="status">{t("photo.exampleNote")}</p>
        <OpenPhoto isMain />
      </div>
    );
  }
  const isCurrent = made?.photo === opened;
  const told = () => {
    if (now.state === "failed") return sentenceOf(now.error);
    if (now.state === "stopped") return t("result.stopped");
    if (now.state === "busy") {
      const loading = toldOfLoading();
      if (loading !== undefined) return loading;
      if (now.isFull) return t("result.downloading");
      return isCurrent && made.isPreview ? t("result.preview") : t("result.painting");
    }
    if (!isCurrent) return "";
    const { width, height, milliseconds, tiles } = made.painted;
    const done = t("result.done", { width, height, seconds: (milliseconds / 1000).toFixed(1) });
    const second = tiles > 1 ? t("result.tiles", { tiles }) : t("compare.hold");
    return t("sentences", { first: done, second });
  };
  return (
    <div class="below">
      <OpenPhoto isMain={false} />
      <div class="status" data-work={now.state} data-finished={finished.value}>
        <p aria-live="polite">{told()}</p>
        {now.state === "busy" && (
          <Progress fraction={now.fraction ?? fractionOfLoading()} label={t("result.painting")} />
        )}
      </div>
      <div class="actions">
        {now.state === "busy" && (
          <button type="button" class="brief" title={t("result.stop")} onClick={stop}>
            <Icon name="stop" />
            <span class="text">{t("result.stop")}</span>
          </button>
        )}
        {(now.state === "failed" || now.state === "stopped") && (
          <button type="button" onClick={again}>
            {t("result.again")}
          </button>
        )}
        <Mode
          icon="grid"
          label={t("every.title")}
          isOn={isEvery.value}
          onToggle={(isOn) => {
            isEvery.value = isOn;
            isBrushing.value = false;
          }}
        />
        <RegionsMode />
        <Mode
          icon="split"
          label={t("compare.split")}
          isOn={isSplit.value ?? false}
          onToggle={(isOn) => {
            isSplit.value = isOn;
          }}
        />
        <FullScreen />
        <IconButton
          icon="undo"
          label={t("undo")}
          isDisabled={!settings.canUndo.value}
          onClick={() => settings.undo()}
        />
        <IconButton
          icon="redo"
          label={t("redo")}
          isDisabled={!settings.canRedo.value}
          onClick={() => settings.redo()}
        />
        <button type="button" class="main" disabled={!isCurrent} onClick={() => download(false).catch(complain)}>
          <Icon name="download" />
          {t("result.download")}
        </button>
      </div>
    </div>
  );
}

/** Begins or ends the painting of regions; on phones their tab comes up. */
function paintRegions(isOn: boolean): void {
  isBrushing.value = isOn;
  isEvery.value = false;
  if (!isOn) return;
  brush.value = { ...brush.value, painting: settings.value.paintings[0] ?? "" };
  tab.value = "regions";
}

/** Painting regions, or giving them up. */
function RegionsMode() {
  const { regions } = settings.value;
  return (
    <>
      <Mode
        icon="brush"
        label={t(isBrushing.value ? "regions.done" : "regions.start")}
        isOn={isBrushing.value}
        onToggle={paintRegions}
      />
      {regions !== undefined && !isBrushing.value && <ClearRegions />}
    </>
  );
}

function ClearRegions() {
  return (
    <button type="button" class="quiet clear" onClick={() => settings.change({ regions: undefined })}>
      {t("regions.clear")}
    </button>
  );
}

interface ModeProps {
  readonly icon: IconName;
  readonly label: string;
  readonly isOn: boolean;
  readonly onToggle: (isOn: boolean) => void;
}

function Mode({ icon, label, isOn, onToggle }: ModeProps) {
  return <IconButton icon={icon} label={label} isPressed={isOn} onClick={() => onToggle(!isOn)} />;
}
