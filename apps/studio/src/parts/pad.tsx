/** The mixing pad: the chosen paintings around a square, and a marker between them. */

import { useRef } from "preact/hooks";
import { padCorners, padWeights } from "../mixing.ts";
import { paintings, settings } from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";

export function MixingPad() {
  const square = useRef<HTMLDivElement>(null);
  const { paintings: ids, pad } = settings.value;
  const chosen = ids.map((id) => paintings.value.find((painting) => painting.id === id));
  const weights = padWeights(pad, ids.length);
  const set = (x: number, y: number) => {
    const inside = (value: number) => Math.min(1, Math.max(0, value));
    settings.change({ pad: { x: inside(x), y: inside(y) } }, "pad");
  };
  const drag = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (event.type === "pointerdown") event.currentTarget.setPointerCapture(event.pointerId);
    else if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = square.current?.getBoundingClientRect();
    if (box) set((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  const key = (event: KeyboardEvent) => {
    const step = 0.05;
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    set(pad.x + move[0], pad.y + move[1]);
  };
  const percent = (weight: number) => `${Math.round(100 * weight)} %`;
  const told = chosen
    .map((painting, index) => `${painting && nameOf(painting.id, painting.title)} ${percent(weights[index] ?? 0)}`)
    .join(t("comma"));
  return (
    <div class="pad">
      <div
        class="square"
        ref={square}
        role="application"
        aria-label={t("mix.label", { weights: told })}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the marker is moved by keys.
        tabIndex={0}
        onPointerDown={drag}
        onPointerMove={drag}
        onPointerUp={() => settings.settle()}
        onKeyDown={key}
      >
        {padCorners(ids.length).map((corner, index) => (
          <img
            key={ids[index]}
            src={chosen[index]?.url}
            alt=""
            draggable={false}
            style={{
              left: `${100 * corner.x}%`,
              top: `${100 * corner.y}%`,
              translate: `${-100 * corner.x}% ${-100 * corner.y}%`,
              opacity: 0.35 + 0.65 * (weights[index] ?? 0),
            }}
          />
        ))}
        <span class="marker" style={{ left: `${100 * pad.x}%`, top: `${100 * pad.y}%` }} />
      </div>
      <ul aria-hidden="true">
        {chosen.map((painting, index) => (
          <li key={painting?.id}>
            {painting && nameOf(painting.id, painting.title)} <output>{percent(weights[index] ?? 0)}</output>
          </li>
        ))}
      </ul>
    </div>
  );
}
