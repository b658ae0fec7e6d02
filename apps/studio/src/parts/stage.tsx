/**
 * A picture that can be zoomed and moved: by Ctrl and the wheel, pinch and drag, and by keys. The
 * wheel alone scrolls the page. What lies on it are layers of its size. Where `onPoint` is given, a
 * single pointer points instead of moving.
 */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../texts/texts.ts";
import { IconButton } from "./icon.tsx";

const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-0.02, 0],
  ArrowRight: [0.02, 0],
  ArrowUp: [0, -0.02],
  ArrowDown: [0, 0.02],
};

/**
 * The place beside `place`, in shares of the sides from 0 to `most`, to which the arrow key `name`
 * goes; undefined for other keys.
 */
export function movedBy(name: string, { x, y }: { x: number; y: number }, most = 1) {
  const move = MOVES[name];
  if (move === undefined) return undefined;
  const inside = (value: number) => Math.min(most, Math.max(0, value));
  return { x: inside(x + move[0]), y: inside(y + move[1]) };
}

/** A place in the picture from 0 to 1, and what the pointer does there. */
export interface Pointed {
  readonly x: number;
  readonly y: number;
  readonly phase: "hover" | "down" | "drag" | "up" | "leave";
}

/** A press of one pointer, which is held once its timer has run out. */
interface Press {
  readonly x: number;
  readonly y: number;
  readonly timer: ReturnType<typeof setTimeout>;
  isHeld: boolean;
}

interface StageProps {
  readonly width: number;
  readonly height: number;
  readonly label: string;
  readonly name: string;
  readonly children: ComponentChildren;
  /**
   * A second picture over the first from a place of the frame on, which stays where it is when the
   * pictures are moved.
   */
  readonly over?: { readonly picture: ComponentChildren; readonly from: number } | undefined;
  /** What lies above the picture and does not move with it. */
  readonly above?: ComponentChildren;
  readonly onPoint?: ((pointed: Pointed) => void) | undefined;
  /** A press that stays where it is, or Space, is held, or let go of. */
  readonly onHold?: ((isHeld: boolean) => void) | undefined;
  /** Keys that the stage does not take itself; returns whether it was taken. */
  readonly onKey?: ((key: string) => boolean) | undefined;
}

const MOST_ZOOM = 12;
/**
 * After so many milliseconds a press is held, unless the pointer moved farther than so many pixels.
 */
const HOLD = { after: 160, within: 6 } as const;

export function Stage(props: StageProps) {
  const { width, height, label, name, children, over, above, onPoint, onHold, onKey } = props;
  const frame = useRef<HTMLDivElement>(null);
  const place = useSignal({ zoom: 1, x: 0, y: 0 });
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const isPointing = useRef(false);
  const press = useRef<Press | undefined>(undefined);

  // Another picture is shown whole.
  useEffect(() => {
    place.value = { zoom: 1, x: 0, y: 0 };
  }, [width / height]);

  /**
   * Zooms about a point given in pixels from the frame's middle, and keeps the picture from leaving
   * the frame.
   */
  const zoomTo = (zoom: number, about = { x: 0, y: 0 }, move = { x: 0, y: 0 }) => {
    const now = place.value;
    const next = Math.min(MOST_ZOOM, Math.max(1, zoom));
    const box = frame.current?.getBoundingClientRect();
    const limit = (side: number) => (side * (next - 1)) / 2;
    const clamp = (value: number, most: number) => Math.min(most, Math.max(-most, value));
    const ratio = next / now.zoom;
    place.value = {
      zoom: next,
      x: clamp(about.x + (now.x - about.x) * ratio + move.x, limit(box?.width ?? 0)),
      y: clamp(about.y + (now.y - about.y) * ratio + move.y, limit(box?.height ?? 0)),
    };
  };
  const fromMiddle = (event: { clientX: number; clientY: number }) => {
    const box = frame.current?.getBoundingClientRect() ?? new DOMRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  };
  const point = (event: PointerEvent, phase: Pointed["phase"]) => {
    const box = frame.current?.getBoundingClientRect() ?? new DOMRect(0, 0, 1, 1);
    const { x, y } = fromMiddle(event);
    const { zoom, x: left, y: top } = place.value;
    const inside = (value: number) => Math.min(0.99999, Math.max(0, value));
    onPoint?.({
      x: inside((x - left) / (box.width * zoom) + 0.5),
      y: inside((y - top) / (box.height * zoom) + 0.5),
      phase,
    });
  };

  const release = () => {
    clearTimeout(press.current?.timer);
    if (press.current?.isHeld) onHold?.(false);
    press.current = undefined;
  };
  const begin = ({ clientX: x, clientY: y }: PointerEvent) => {
    release();
    const timer = setTimeout(() => {
      if (press.current === undefined) return;
      press.current.isHeld = true;
      onHold?.(true);
    }, HOLD.after);
    press.current = { x, y, timer, isHeld: false };
  };

  const down = (event: PointerEvent) => {
    if (event.button > 1) return;
    if (onHold && event.button === 0 && pointers.current.size === 0) begin(event);
    else release();
    pointers.current.set(event.pointerId, fromMiddle(event));
    frame.current?.setPointerCapture(event.pointerId);
    isPointing.current = onPoint !== undefined && event.button === 0 && pointers.current.size === 1;
    if (isPointing.current) point(event, "down");
  };
  const move = (event: PointerEvent) => {
    const before = pointers.current.get(event.pointerId);
    const now = fromMiddle(event);
    if (before === undefined) {
      if (event.pointerType !== "touch") point(event, "hover");
      return;
    }
    if (isPointing.current) {
      point(event, "drag");
      return;
    }
    if (press.current?.isHeld) return;
    if (press.current && Math.hypot(event.clientX - press.current.x, event.clientY - press.current.y) > HOLD.within) {
      release();
    }
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    if (other === undefined) zoomTo(place.value.zoom, undefined, { x: now.x - before.x, y: now.y - before.y });
    else {
      const length = (a: { x: number; y: number }) => Math.hypot(a.x - other.x, a.y - other.y);
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      zoomTo((place.value.zoom * length(now)) / Math.max(1, length(before)), middle);
    }
    pointers.current.set(event.pointerId, now);
  };
  const up = (event: PointerEvent) => {
    release();
    if (!pointers.current.delete(event.pointerId)) return;
    if (isPointing.current) point(event, "up");
    isPointing.current = false;
  };
  const key = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const moves: Record<string, () => void> = {
      "+": () => zoomTo(place.value.zoom * 1.4),
      "=": () => zoomTo(place.value.zoom * 1.4),
      "-": () => zoomTo(place.value.zoom / 1.4),
      "0": () => zoomTo(1),
      ArrowLeft: () => zoomTo(place.value.zoom, undefined, { x: step, y: 0 }),
      ArrowRight: () => zoomTo(place.value.zoom, undefined, { x: -step, y: 0 }),
      ArrowUp: () => zoomTo(place.value.zoom, undefined, { x: 0, y: step }),
      ArrowDown: () => zoomTo(place.value.zoom, undefined, { x: 0, y: -step }),
    };
    if (onHold && event.key === " ") {
      if (!event.repeat) onHold(true);
      event.preventDefault();
    } else if (onKey?.(event.key)) event.preventDefault();
    else if (moves[event.key] !== undefined) {
      moves[event.key]?.();
      event.preventDefault();
    }
  };

  // Preact's own handler would be passive, and the page would scroll.
  useEffect(() => {
    const wheel = (event: WheelEvent) => {
      // A pinch on a touchpad comes as a wheel with Ctrl.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomTo(place.value.zoom * Math.exp(-event.deltaY / 400), fromMiddle(event));
    };
    const element = frame.current;
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  }, []);

  const { zoom, x, y } = place.value;
  return (
    <div class="stage" data-stage={name} style={{ "--ratio": width / height }}>
      <div
        class={`frame ${onPoint ? "pointing" : zoom > 1 ? "moving" : ""}`}
        ref={frame}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the picture is zoomed, moved and pointed at by keys.
        tabIndex={0}
        role="application"
        aria-label={label}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
        onPointerLeave={(event) => pointers.current.size === 0 && point(event, "leave")}
        onKeyDown={key}
        onKeyUp={(event) => event.key === " " && onHold?.(false)}
        onBlur={() => onHold?.(false)}
        // A long press must not bring up the browser's menu.
        onContextMenu={(event) => press.current?.isHeld && event.preventDefault()}
      >
        <div class="layers" style={{ transform: `translate(${x}px, ${y}px) scale(${zoom})` }}>
          {children}
        </div>
        {over && (
          <div class="after" style={{ clipPath: `inset(0 0 0 ${100 * over.from}%)` }}>
            <div class="layers" style={{ transform: `translate(${x}px, ${y}px) scale(${zoom})` }}>
              {over.picture}
            </div>
          </div>
        )}
        {above}
      </div>
      <div class="zoom">
        <IconButton icon="minus" label={t("zoom.out")} isDisabled={zoom === 1} onClick={() => zoomTo(zoom / 1.5)} />
        <IconButton
          icon="plus"
          label={t("zoom.in")}
          isDisabled={zoom >= MOST_ZOOM}
          onClick={() => zoomTo(zoom * 1.5)}
        />
        {zoom > 1 && (
          <button type="button" class="quiet" onClick={() => zoomTo(1)}>
            {t("zoom.fit")} <span class="number">{Math.round(zoom * 100)} %</span>
          </button>
        )}
      </div>
    </div>
  );
}
