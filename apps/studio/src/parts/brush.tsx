/** The photograph to paint regions on: by pointer, or by arrow keys and space. */

import { signal, useComputed, useSignal } from "@preact/signals";
import { resizePicture } from "adaattn/web";
import { useEffect, useRef } from "preact/hooks";
import { dab, drawRegions, emptyRegions, fill, type Regions } from "../regions.ts";
import { type Photo, settings } from "../state.ts";
import { t } from "../texts/texts.ts";
import { PictureCanvas } from "./controls.tsx";
import { movedBy, type Pointed, Stage } from "./stage.tsx";

/** What the brush paints: a painting's region, or "" to erase; and how large it is. */
export const brush = signal<{ readonly painting: string; readonly radius: number }>({ painting: "", radius: 0.06 });

/** Whether a click takes all that is alike around it, instead of what is under the brush. */
export const isFilling = signal(false);

/** Whether regions are being painted. */
export const isBrushing = signal(false);

export function BrushStage({ photo }: { readonly photo: Photo }) {
  const { width, height } = photo.picture;
  const at = useSignal({ x: 0.5, y: 0.5 });
  const stroke = useRef<{ regions: Regions; last: readonly [number, number] } | undefined>(undefined);
  const shown = useSignal<Regions | undefined>(undefined);
  const regions = shown.value ?? settings.value.regions ?? emptyRegions(photo.picture);
  const chosen = settings.value.paintings;

  // A brush for a painting that is no longer chosen paints the first.
  useEffect(() => {
    const { painting, radius } = brush.value;
    if (painting !== "" && !chosen.includes(painting)) brush.value = { painting: chosen[0] ?? "", radius };
  }, [chosen]);

  const paint = (to: readonly [number, number]) => {
    const from = stroke.current?.last ?? to;
    const { painting, radius } = brush.value;
    const begun = stroke.current?.regions ?? settings.value.regions ?? emptyRegions(photo.picture);
    const next = dab(begun, { painting: painting === "" ? undefined : painting, radius }, from, to);
    stroke.current = { regions: next, last: to };
    shown.value = next;
  };
  /** The photograph as large as the regions are, made when it is first needed. */
  const small = useComputed(() => resizePicture(photo.picture, emptyRegions(photo.picture)));
  const take = (at: readonly [number, number]) => {
    const { painting } = brush.value;
    const before = settings.value.regions ?? emptyRegions(photo.picture);
    const done = fill(before, small.value, painting === "" ? undefined : painting, at);
    settings.change({ regions: Object.keys(done.planes).length > 0 ? done : undefined });
  };
  const end = () => {
    if (stroke.current === undefined) return;
    const done = stroke.current.regions;
    stroke.current = undefined;
    shown.value = undefined;
    settings.change({ regions: Object.keys(done.planes).length > 0 ? done : undefined });
  };
  const point = ({ x, y, phase }: Pointed) => {
    at.value = { x, y };
    if (isFilling.value) {
      if (phase === "up") take([x, y]);
      return;
    }
    if (phase === "down" || phase === "drag") paint([x, y]);
    if (phase === "up") end();
  };
  const key = (name: string) => {
    const moved = movedBy(name, at.value);
    if (moved !== undefined) {
      at.value = moved;
      return true;
    }
    if (name !== " ") return false;
    if (isFilling.value) {
      take([at.value.x, at.value.y]);
      return true;
    }
    paint([at.value.x, at.value.y]);
    end();
    return true;
  };

  const radius = isFilling.value ? 0.01 : brush.value.radius;
  const diameter = (200 * radius * Math.max(width, height)) / width;
  return (
    <Stage width={width} height={height} name="brush" label={t("regions.stage")} onPoint={point} onKey={key}>
      <PictureCanvas picture={photo.picture} />
      <PictureCanvas picture={drawRegions(regions, chosen)} class="over smooth" />
      <div class="brush" style={{ left: `${100 * at.value.x}%`, top: `${100 * at.value.y}%`, width: `${diameter}%` }} />
    </Stage>
  );
}
