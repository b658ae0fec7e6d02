/**
 * A part chosen on a picture: its inside moves it, its corners change it, by pointer and touch. By
 * keys, arrows move the part or the corner that has the focus.
 */

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { CORNERS, type Corner, movedPart, type Part, resizedPart } from "../parting.ts";
import { t } from "../texts/texts.ts";

const STEP = 0.02;
const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

interface CropperProps {
  readonly part: Part;
  readonly onChange: (part: Part) => void;
  /** Width over height of the picture. */
  readonly ratio: number;
  /** The picture, which fills the cropper. */
  readonly children: ComponentChildren;
}

export function Cropper({ part, onChange, ratio, children }: CropperProps) {
  const whole = useRef<HTMLDivElement>(null);
  /** Where in the picture the pointer was, and what it drags. */
  const drag = useRef<{ x: number; y: number; corner: Corner | undefined } | undefined>(undefined);
  const pointed = ({ clientX, clientY }: PointerEvent) => {
    const box = whole.current?.getBoundingClientRect();
    return box ? { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height } : { x: 0, y: 0 };
  };
  const down = (corner: Corner | undefined) => (event: PointerEvent & { currentTarget: HTMLElement }) => {
    event.stopPropagation();
    event.currentTarget.setPointerCapture(event.pointerId);
    drag.current = { ...pointed(event), corner };
  };
  const move = (event: PointerEvent) => {
    const from = drag.current;
    if (from === undefined) return;
    event.stopPropagation();
    const { x, y } = pointed(event);
    drag.current = { x, y, corner: from.corner };
    onChange(from.corner ? resizedPart(part, from.corner, x, y) : movedPart(part, x - from.x, y - from.y));
  };
  const up = () => {
    drag.current = undefined;
  };
  const key = (corner: Corner | undefined) => (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const [across, down] = step;
    if (corner === undefined) onChange(movedPart(part, across, down));
    else {
      const x = corner.endsWith("left") ? part.left : part.right;
      const y = corner.startsWith("top") ? part.top : part.bottom;
      onChange(resizedPart(part, corner, x + across, y + down));
    }
  };
  const percent = (share: number) => `${100 * share}%`;
  const place = {
    left: percent(part.left),
    top: percent(part.top),
    width: percent(part.right - part.left),
    height: percent(part.bottom - part.top),
  };
  return (
    <div class="cropper" ref={whole} style={{ "--ratio": ratio }}>
      <div class="shaded">
        {children}
        <div class="shade" style={place} />
      </div>
      <div
        class="part"
        role="application"
        aria-label={t("crop.part")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the part is moved by keys.
        tabIndex={0}
        style={place}
        onPointerDown={down(undefined)}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
        onKeyDown={key(undefined)}
      >
        {CORNERS.map((corner) => (
          <button
            key={corner}
            type="button"
            class="corner"
            data-corner={corner}
            aria-label={t("crop.corner")}
            onPointerDown={down(corner)}
            onPointerMove={move}
            onPointerUp={up}
            onPointerCancel={up}
            onKeyDown={key(corner)}
          />
        ))}
      </div>
    </div>
  );
}
