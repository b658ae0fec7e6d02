/** The picture: a photograph, paintings and controls on one side, the result on the other. */

import { signal } from "@preact/signals";
import { BrushStage, brush } from "../parts/brush.tsx";
import { Compare } from "../parts/compare.tsx";
import { PictureCanvas, Progress, Slider } from "../parts/controls.tsx";
import { fractionOfLoading, toldOfLoading } from "../parts/engineState.tsx";
import { Icon } from "../parts/icon.tsx";
import { OpenPhoto, Samples } from "../parts/openPhoto.tsx";
import { MixingPad } from "../parts/pad.tsx";
import { Paintings } from "../parts/paintings.tsx";
import { Strength } from "../parts/strength.tsx";
import { EXAMPLE, photoUrl } from "../pictures/bundled.ts";
import { copyPicture, encodePicture, type SavedFormat, saveFile } from "../pictures/save.ts";
import { REGION_COLOURS } from "../regions.ts";
import { again, finished, fullSize, result, stop, work } from "../result.ts";
import { DEFAULTS } from "../settings.ts";
import { complain, paintings, photo, say, settings } from "../state.ts";
import { sentenceOf } from "../texts/problems.ts";
import { nameOf, t } from "../texts/texts.ts";

const isBrushing = signal(false);
const format = signal<SavedFormat>("png");

export function PictureView() {
  return (
    <>
      <div class="board">
        <Board />
        <Status />
      </div>
      <div class="panel">
        <section>
          <OpenPhoto isMain={photo.value === undefined} />
          <p class="hint">{t("photo.hint")}</p>
        </section>
        {photo.value === undefined && <Samples />}
        <Paintings canMix />
        {settings.value.paintings.length > 1 && settings.value.regions === undefined && (
          <section>
            <h2>{t("mix.title")}</h2>
            <MixingPad />
            <p class="hint">{t("mix.hint")}</p>
          </section>
        )}
        <Controls />
        <Regions />
        {photo.value !== undefined && <Samples />}
      </div>
    </>
  );
}

function Board() {
  const opened = photo.value;
  if (opened === undefined) {
    return (
      <Compare
        width={512}
        height={341}
        before={<img src={photoUrl("castle")} alt="" draggable={false} />}
        after={<img src={EXAMPLE} alt={t("photo.example")} draggable={false} />}
      />
    );
  }
  if (isBrushing.value) return <BrushStage photo={opened} />;
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
  if (opened === undefined) return <p class="status">{t("photo.exampleNote")}</p>;
  const isCurrent = made?.photo === opened;
  const told = () => {
    if (now.state === "failed") return sentenceOf(now.error);
    if (now.state === "stopped") return t("result.stopped");
    if (now.state === "busy") {
      const loading = toldOfLoading();
      if (loading !== undefined) return loading;
      const { width, height } = opened.picture;
      if (now.isFull) return t("result.downloading", { width, height });
      return isCurrent && made.isPreview ? t("result.preview") : t("result.painting");
    }
    if (!isCurrent) return "";
    const { width, height, milliseconds, tiles } = made.painted;
    const done = t("result.done", { width, height, seconds: (milliseconds / 1000).toFixed(1) });
    return tiles > 1 ? `${done} ${t("result.tiles", { tiles })}` : done;
  };
  return (
    <div class="below">
      <div class="status" data-work={now.state} data-finished={finished.value}>
        <p aria-live="polite">{told()}</p>
        {now.state === "busy" && (
          <Progress fraction={now.fraction ?? fractionOfLoading()} label={t("result.painting")} />
        )}
      </div>
      <div class="actions">
        {now.state === "busy" && (
          <button type="button" onClick={stop}>
            {t("result.stop")}
          </button>
        )}
        {(now.state === "failed" || now.state === "stopped") && (
          <button type="button" onClick={again}>
            {t("result.again")}
          </button>
        )}
        <button
          type="button"
          title={t("undo")}
          aria-label={t("undo")}
          class="icon"
          disabled={!settings.canUndo.value}
          onClick={() => settings.undo()}
        >
          <Icon name="undo" />
        </button>
        <button
          type="button"
          title={t("redo")}
          aria-label={t("redo")}
          class="icon"
          disabled={!settings.canRedo.value}
          onClick={() => settings.redo()}
        >
          <Icon name="redo" />
        </button>
        <button
          type="button"
          class="icon"
          title={t("result.copy")}
          aria-label={t("result.copy")}
          disabled={!isCurrent}
          onClick={copy}
        >
          <Icon name="copy" />
        </button>
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
        <button type="button" class="main" disabled={!isCurrent} onClick={download}>
          <Icon name="download" />
          {t("result.download")}
        </button>
      </div>
    </div>
  );
}

async function download(): Promise<void> {
  try {
    const made = await fullSize();
    if (made === undefined) return;
    const ending = format.value === "jpeg" ? "jpg" : format.value;
    const name = `${made.photo.name.replace(/\.\w+$/, "")}, ${made.settings.paintings[0]}.${ending}`;
    saveFile(await encodePicture(made.painted, format.value), name);
    say(t("result.saved", { name }));
  } catch (error) {
    complain(error);
  }
}

async function copy(): Promise<void> {
  try {
    if (result.value) await copyPicture(result.value.painted);
    say(t("result.copied"));
  } catch (error) {
    complain(error);
  }
}

function Controls() {
  const { strength, stroke, rotate, color } = settings.value;
  const settle = () => settings.settle();
  const isDefault =
    strength === DEFAULTS.strength &&
    stroke === DEFAULTS.stroke &&
    rotate === DEFAULTS.rotate &&
    color === DEFAULTS.color;
  return (
    <section class="controls">
      <Strength />
      <Slider
        name="stroke"
        label={t("stroke.label")}
        value={Math.log2(stroke)}
        least={-1}
        most={1}
        step={0.1}
        shown={`${stroke.toFixed(2)} x`}
        onChange={(value) => settings.change({ stroke: Number((2 ** value).toFixed(3)) }, "stroke")}
        onSettle={settle}
      />
      <Slider
        name="rotate"
        label={t("rotate.label")}
        value={rotate}
        least={-180}
        most={180}
        step={5}
        shown={`${rotate}°`}
        onChange={(value) => settings.change({ rotate: value }, "rotate")}
        onSettle={settle}
      />
      <label class="field">
        <span>{t("color.label")}</span>
        <select
          name="color"
          value={color}
          onChange={(event) => {
            const value = event.currentTarget.value;
            if (value === "style" || value === "content" || value === "match") settings.change({ color: value });
          }}
        >
          <option value="style">{t("color.style")}</option>
          <option value="content">{t("color.content")}</option>
          <option value="match">{t("color.match")}</option>
        </select>
      </label>
      {!isDefault && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            const { strength, stroke, rotate, color } = DEFAULTS;
            settings.change({ strength, stroke, rotate, color });
          }}
        >
          {t("reset")}
        </button>
      )}
    </section>
  );
}

function Regions() {
  const { paintings: ids, regions } = settings.value;
  if (photo.value === undefined) return null;
  if (!isBrushing.value) {
    return (
      <section>
        <h2>{t("regions.title")}</h2>
        <p class="hint">{t("regions.hint")}</p>
        <div class="actions">
          <button
            type="button"
            onClick={() => {
              isBrushing.value = true;
              brush.value = { ...brush.value, painting: ids[0] ?? "" };
            }}
          >
            <Icon name="brush" />
            {t("regions.start")}
          </button>
          {regions !== undefined && (
            <button type="button" class="quiet" onClick={() => settings.change({ regions: undefined })}>
              {t("regions.clear")}
            </button>
          )}
        </div>
      </section>
    );
  }
  const choices = [...ids, ""];
  return (
    <section class="regions">
      <h2>{t("regions.title")}</h2>
      <p class="hint">{t("regions.hint")}</p>
      <fieldset>
        <legend class="hidden">{t("regions.title")}</legend>
        {choices.map((id, index) => {
          const title =
            id === "" ? t("regions.erase") : nameOf(id, paintings.value.find((one) => one.id === id)?.title);
          const colour = id === "" ? "transparent" : `rgb(${REGION_COLOURS[index]?.join(" ")})`;
          return (
            <label key={id} class="choice">
              <input
                type="radio"
                name="brush"
                value={id}
                checked={brush.value.painting === id}
                onChange={() => {
                  brush.value = { ...brush.value, painting: id };
                }}
              />
              <span class="swatch" style={{ background: colour }} />
              {title}
            </label>
          );
        })}
      </fieldset>
      <Slider
        name="brushSize"
        label={t("regions.size")}
        value={brush.value.radius}
        least={0.015}
        most={0.25}
        step={0.005}
        shown={`${Math.round(200 * brush.value.radius)} %`}
        onChange={(radius) => {
          brush.value = { ...brush.value, radius };
        }}
      />
      <div class="actions">
        <button
          type="button"
          class="main"
          onClick={() => {
            isBrushing.value = false;
          }}
        >
          {t("regions.done")}
        </button>
        <button
          type="button"
          class="quiet"
          disabled={regions === undefined}
          onClick={() => settings.change({ regions: undefined })}
        >
          {t("regions.clear")}
        </button>
      </div>
    </section>
  );
}
