/**
 * A tour of the attention in three steps: what a point looks at, how the levels differ, and what
 * comes of it.
 */

import { signal } from "@preact/signals";
import { level, takeOver } from "../attention.ts";
import { t } from "../texts/texts.ts";

const STEPS = [1, 2, 3] as const;
type Step = (typeof STEPS)[number];

/** What each step shows. */
const LEVELS = { 1: 3, 2: 5, 3: 3 } as const;

const step = signal<Step | undefined>(undefined);

function go(to: Step | undefined): void {
  step.value = to;
  if (to === undefined) return;
  if (to > 1) takeOver();
  level.value = LEVELS[to];
}

export function Tour() {
  const now = step.value;
  if (now === undefined) {
    return (
      <button type="button" onClick={() => go(1)}>
        {t("tour.start")}
      </button>
    );
  }
  const last = now === STEPS.length;
  return (
    <div class="tour">
      <p aria-live="polite">
        <strong>
          {now} / {STEPS.length}
        </strong>{" "}
        {t(`tour.step${now}`)}
      </p>
      <div class="actions">
        {now > 1 && (
          <button type="button" onClick={() => go(STEPS[now - 2])}>
            {t("tour.back")}
          </button>
        )}
        <button type="button" class="main" onClick={() => go(last ? undefined : STEPS[now])}>
          {t(last ? "tour.end" : "tour.next")}
        </button>
      </div>
    </div>
  );
}
