/**
 * The attention: a photograph to point at, and the painting that lights up where the point looks.
 */

import { useComputed } from "@preact/signals";
import { drawHeat, drawSources } from "adaattn";
import {
  attentionFile,
  isByScore,
  isLooking,
  isMapped,
  LEVELS,
  level,
  looked,
  MOST_PINS,
  map,
  mapping,
  PIN_COLORS,
  PROBE_COLOR,
  pins,
  probe,
  takeOver,
} from "../attention.ts";
import { PictureCanvas, Progress, Switch } from "../parts/controls.tsx";
import { fractionOfLoading, toldOfLoading } from "../parts/engineState.tsx";
import { Layout } from "../parts/layout.tsx";
import { OpenPhoto, Samples } from "../parts/openPhoto.tsx";
import { Chosen, Paintings } from "../parts/paintings.tsx";
import { movedBy, type Pointed, Stage } from "../parts/stage.tsx";
import { Tour } from "../parts/tour.tsx";
import { paintingUrl } from "../pictures/bundled.ts";
import { saveFile } from "../pictures/save.ts";
import { result } from "../result.ts";
import { type Photo, paintings, photo, settings } from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";

export function AttentionView() {
  const opened = photo.value;
  return (
    <Layout
      paintings={<Paintings canMix={false} />}
      board={
        opened === undefined ? (
          <div class="empty">
            <p>{t("attention.need")}</p>
            <OpenPhoto isMain />
          </div>
        ) : (
          <>
            <div class="pair">
              <PhotoSide opened={opened} />
              <PaintingSide />
              <ResultSide opened={opened} />
            </div>
            <Told />
          </>
        )
      }
      panel={
        <>
          <How />
          <section>
            <Chosen />
          </section>
          <Samples />
        </>
      }
      tabs={{ attention: <How />, photo: <Samples /> }}
    />
  );
}

/** How it sees: in words, and what can be set. */
function How() {
  return (
    <>
      <section>
        <h2>{t("attention.title")}</h2>
        <p>{t("attention.intro")}</p>
        {photo.value && <Tour />}
        <fieldset class="segments">
          <legend>{t("attention.level")}</legend>
          {LEVELS.map((one) => (
            <label key={one}>
              <input
                type="radio"
                name="level"
                value={one}
                checked={level.value === one}
                onChange={() => {
                  level.value = one;
                }}
              />
              <span>{t(`attention.level${one}`)}</span>
            </label>
          ))}
        </fieldset>
        <p class="hint">{t(`attention.level${level.value}.text`)}</p>
        <Switch
          name="scores"
          isOn={isByScore.value}
          onToggle={(isOn) => {
            isByScore.value = isOn;
          }}
        >
          {t("attention.scores")}
        </Switch>
        <p class="hint">{t("attention.scores.text")}</p>
      </section>
      <section>
        <Switch
          name="best"
          isOn={isMapped.value}
          onToggle={(isOn) => {
            isMapped.value = isOn;
          }}
        >
          <strong>{t("attention.best")}</strong>
        </Switch>
        <p class="hint">{t("attention.best.text")}</p>
        {mapping.value !== undefined && <Progress fraction={mapping.value} label={t("attention.best")} />}
      </section>
    </>
  );
}

function PhotoSide({ opened }: { readonly opened: Photo }) {
  const { width, height } = opened.picture;
  const mapped = map.value;
  const pin = () => {
    const point = probe.value;
    if (point !== undefined) pins.value = [...pins.value, point].slice(-MOST_PINS);
  };
  const point = ({ x, y, phase }: Pointed) => {
    // What was pointed at last stays, so that its numbers can be reached.
    if (phase === "leave") return;
    takeOver();
    probe.value = { x, y };
    if (phase === "up") pin();
  };
  const key = (name: string) => {
    const moved = movedBy(name, probe.value ?? { x: 0.5, y: 0.5 }, 0.999);
    if (moved !== undefined || name === "Enter") takeOver();
    if (moved !== undefined) {
      probe.value = moved;
      return true;
    }
    if (name === "Enter") pin();
    return name === "Enter";
  };
  return (
    <Stage width={width} height={height} name="photo" label={t("attention.photo")} onPoint={point} onKey={key}>
      <PictureCanvas picture={opened.picture} />
      {isMapped.value && mapped && (
        <PictureCanvas
          class="over"
          picture={drawSources(mapped.painting, mapped.found, mapped.photo)}
          label={t("attention.best")}
        />
      )}
      {pins.value.map(({ x, y }, index) => (
        <Pin key={index} x={x} y={y} color={PIN_COLORS[index]} />
      ))}
      {probe.value && <Pin {...probe.value} color={PROBE_COLOR} />}
    </Stage>
  );
}

/** What comes of it, once it is painted. */
function ResultSide({ opened }: { readonly opened: Photo }) {
  const made = result.value;
  if (made?.photo !== opened) return null;
  return (
    <figure class="painting">
      <PictureCanvas picture={made.painted} class="smooth" label={t("attention.result")} />
    </figure>
  );
}

function Pin({ x, y, color = PROBE_COLOR }: { x: number; y: number; color?: Color | undefined }) {
  return (
    <span class="pin" style={{ left: `${100 * x}%`, top: `${100 * y}%`, borderColor: `rgb(${color.join(" ")})` }} />
  );
}

type Color = readonly [number, number, number];

/** The colors of the rows that are shown: those of the pins, then that of the point. */
function rowColors(rows: number): Color[] {
  const isPinned = (index: number) => index < Math.min(rows, pins.value.length);
  return Array.from({ length: rows }, (_, index) => (isPinned(index) && PIN_COLORS[index]) || PROBE_COLOR);
}

function PaintingSide() {
  const heat = useComputed(() => {
    const now = looked.value;
    if (now === undefined) return undefined;
    const scale = isByScore.value ? "scores" : "probabilities";
    return drawHeat(now.painting, now.found, { scale, colors: rowColors(now.found.rows.length) });
  }).value;
  const chosen = paintings.value.find(({ id }) => id === settings.value.paintings[0]);
  if (heat === undefined) {
    return (
      <figure class="painting">
        <img
          src={chosen?.credit ? paintingUrl(chosen.id) : chosen?.url}
          alt={chosen && nameOf(chosen.id, chosen.title)}
          draggable={false}
        />
      </figure>
    );
  }
  return (
    <figure class="painting">
      <PictureCanvas picture={heat} class="smooth" label={t("attention.painting")} />
    </figure>
  );
}

function Told() {
  const row = looked.value?.found.rows.at(-1);
  const file = () => {
    const blob = attentionFile();
    if (blob) saveFile(blob, "attention.json");
  };
  // A quick answer needs no note; while something is loaded it is said.
  const isWaiting = isLooking.value && (row === undefined || toldOfLoading() !== undefined);
  const told = () => {
    if (isWaiting) return toldOfLoading() ?? t("attention.looking");
    if (row === undefined) return t("attention.pin");
    const places = Math.max(1, Math.round(Math.exp(row.entropy)));
    const share = Math.round(100 * (row.probabilities[row.best] ?? 0));
    return places === 1 ? t("attention.one") : t("attention.few", { places, share });
  };
  return (
    <div class="below">
      <div class="status" data-attention={row === undefined ? "none" : "shown"}>
        <p aria-live="polite">{told()}</p>
        {isWaiting && <Progress fraction={fractionOfLoading()} label={t("attention.looking")} />}
      </div>
      <div class="actions">
        {pins.value.length > 0 && (
          <button
            type="button"
            onClick={() => {
              pins.value = [];
            }}
          >
            {t("attention.unpin")}
          </button>
        )}
        <button type="button" class="quiet" disabled={row === undefined} onClick={file}>
          {t("attention.save")}
        </button>
      </div>
    </div>
  );
}
