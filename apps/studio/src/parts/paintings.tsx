/** The paintings to choose from, with who made them. */

import { useSignal } from "@preact/signals";
import { GROUPS, type Group } from "../pictures/bundled.ts";
import {
  addPainting,
  choosePaintings,
  type Painting,
  paintings,
  removePainting,
  settings,
  togglePainting,
} from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";
import { OpenButton, Switch } from "./controls.tsx";
import { CropPainting } from "./cropPainting.tsx";
import { Icon } from "./icon.tsx";

/** Who made a painting, and when; undefined for the user's own. */
function creditOf({ credit }: Painting): string | undefined {
  return credit && [nameOf(credit.artist), credit.year].filter(Boolean).join(t("comma"));
}

/** Another painting than those that are chosen. */
function surprise(): void {
  const others = paintings.peek().filter(({ id }) => !settings.value.paintings.includes(id));
  const drawn = others[Math.floor(Math.random() * others.length)];
  if (drawn !== undefined) choosePaintings([drawn.id]);
}

const STEPS: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowRight: (at, last) => Math.min(last, at + 1),
  ArrowLeft: (at) => Math.max(0, at - 1),
  Home: () => 0,
  End: (_, last) => last,
};

/**
 * The strip of paintings. It is one stop of the Tab key: arrow keys go from one to the next.
 *
 * @param canMix whether several may be chosen.
 */
export function Paintings({ canMix }: { readonly canMix: boolean }) {
  const chosen = settings.value.paintings;
  const isMixing = useSignal(chosen.length > 1);
  const group = useSignal<Group | "all">("all");
  const shown = paintings.value.filter(({ credit }) => group.value === "all" || credit?.group === group.value);
  const stop = (shown.find(({ id }) => chosen.includes(id)) ?? shown[0])?.id;
  const move = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    const step = STEPS[event.key];
    const buttons = [...event.currentTarget.querySelectorAll("button")];
    const at = buttons.findIndex((button) => button.matches(":focus"));
    if (step === undefined || at < 0) return;
    event.preventDefault();
    buttons[step(at, buttons.length - 1)]?.focus();
  };
  return (
    <section class="paintings">
      <div
        class="thumbnails"
        role="toolbar"
        aria-label={t("paintings.title")}
        aria-orientation="horizontal"
        onKeyDown={move}
      >
        {shown.map((painting) => {
          const { id, url } = painting;
          const title = nameOf(id, painting.title);
          const at = chosen.indexOf(id);
          const isChosen = canMix ? at >= 0 : at === 0;
          return (
            <button
              key={id}
              type="button"
              class="thumbnail"
              aria-pressed={isChosen}
              data-painting={id}
              tabIndex={id === stop ? 0 : -1}
              title={[title, creditOf(painting)].filter(Boolean).join(t("comma"))}
              onClick={() => togglePainting(id, canMix && isMixing.value)}
            >
              <img src={url} alt={title} loading="lazy" draggable={false} />
              {isChosen && (
                <span class="badge">
                  <Icon name="check" />
                </span>
              )}
            </button>
          );
        })}
        <OpenButton
          class="thumbnail add"
          name="painting"
          accept="image/*"
          onFile={(file) => addPainting(file, file.name)}
          tabIndex={stop === undefined ? 0 : -1}
        >
          <Icon name="plus" />
          {t("paintings.add")}
        </OpenButton>
      </div>
      <div class="tools">
        <fieldset class="filters">
          <legend class="hidden">{t("paintings.filter")}</legend>
          {(["all", ...GROUPS] as const).map((name) => (
            <button
              key={name}
              type="button"
              class="chip"
              aria-pressed={group.value === name}
              onClick={() => {
                group.value = name;
              }}
            >
              {t(`group.${name}`)}
            </button>
          ))}
        </fieldset>
        <button type="button" class="chip" onClick={surprise}>
          <Icon name="dice" />
          {t("paintings.surprise")}
        </button>
        {canMix && (
          <Switch
            name="mix"
            isOn={isMixing.value}
            hint={t("paintings.hint")}
            onToggle={(isOn) => {
              isMixing.value = isOn;
              const [first = ""] = settings.value.paintings;
              if (!isMixing.value && settings.value.paintings.length > 1) choosePaintings([first]);
            }}
          >
            {t("mix.title")}
          </Switch>
        )}
      </div>
    </section>
  );
}

/** The painting that was chosen last, and who made it. */
export function Chosen() {
  const last = paintings.value.find(({ id }) => id === settings.value.paintings.at(-1));
  const isCropping = useSignal(false);
  if (last === undefined) return null;
  return (
    <div class="credit">
      <cite>{nameOf(last.id, last.title)}</cite> {creditOf(last) ?? t("paintings.own")}{" "}
      <button
        type="button"
        class="quiet"
        onClick={() => {
          isCropping.value = true;
        }}
      >
        {t(settings.value.parts[last.id] ? "crop.painting.other" : "crop.painting.open")}
      </button>
      {last.credit === undefined && (
        <button type="button" class="quiet" title={t("paintings.kept")} onClick={() => removePainting(last.id)}>
          {t("paintings.remove")}
        </button>
      )}
      {isCropping.value && (
        <CropPainting
          painting={last}
          onClose={() => {
            isCropping.value = false;
          }}
        />
      )}
    </div>
  );
}
