/**
 * The result, and the photograph under it: seen while one presses and holds, or beside a divider.
 */

import { signal, useSignal } from "@preact/signals";
import type { Size } from "adaattn";
import type { ComponentChildren } from "preact";
import { t } from "../texts/texts.ts";
import { Icon } from "./icon.tsx";
import { Stage } from "./stage.tsx";

interface CompareProps extends Size {
  readonly before: ComponentChildren;
  /** The result; without, the photograph is shown alone. */
  readonly after: ComponentChildren | undefined;
  readonly isExample?: boolean;
}

/** Whether the divider is shown; undefined before the user has said so. */
export const isSplit = signal<boolean | undefined>(undefined);

/** @param isExample whether the divider is shown by default. */
export function Compare({ width, height, before, after, isExample = false }: CompareProps) {
  const isHeld = useSignal(false);
  const hasDivider = isSplit.value ?? isExample;
  /** How much of the photograph is shown, from the left, from 0 to 1. */
  const shown = useSignal(0.32);
  const set = (value: number) => {
    shown.value = Math.min(1, Math.max(0, value));
  };
  const drag = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    event.stopPropagation();
    if (event.type === "pointerdown") event.currentTarget.setPointerCapture(event.pointerId);
    else if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = event.currentTarget.parentElement?.getBoundingClientRect();
    if (box) set((event.clientX - box.left) / box.width);
  };
  const key = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(shown.value + step);
  };
  const percent = `${100 * shown.value}%`;
  const divider = after !== undefined && hasDivider && (
    <div
      class="divider"
      role="slider"
      tabIndex={0}
      aria-label={t("compare.label")}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(100 * shown.value)}
      style={{ left: percent }}
      onPointerDown={drag}
      onPointerMove={drag}
      onKeyDown={key}
    >
      <span>
        <Icon name="split" />
      </span>
    </div>
  );
  return (
    <Stage
      width={width}
      height={height}
      name="compare"
      label={t("compare.stage")}
      over={after === undefined ? undefined : { picture: after, from: isHeld.value ? 1 : hasDivider ? shown.value : 0 }}
      onHold={(held) => {
        isHeld.value = held;
      }}
      above={divider}
    >
      {before}
    </Stage>
  );
}
