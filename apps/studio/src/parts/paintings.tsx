/** The paintings to choose from, with who made them. */

import { useSignal } from "@preact/signals";
import { GROUPS, type Group } from "../pictures/bundled.ts";
import { addPainting, choosePaintings, type Painting, paintings, settings, togglePainting } from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";
import { OpenButton } from "./controls.tsx";
import { Icon } from "./icon.tsx";

/** Who made a painting, and when; undefined for the user's own. */
function creditOf({ credit }: Painting): string | undefined {
  return credit && [nameOf(credit.artist), credit.year].filter(Boolean).join(", ");
}

/** @param canMix whether several may be chosen. */
export function Paintings({ canMix }: { readonly canMix: boolean }) {
  const chosen = settings.value.paintings;
  const isMixing = useSignal(chosen.length > 1);
  const group = useSignal<Group | "all">("all");
  const shown = paintings.value.filter(({ credit }) => group.value === "all" || credit?.group === group.value);
  const last = paintings.value.find(({ id }) => id === chosen.at(-1));
  return (
    <section class="paintings">
      <header>
        <h2>{t("paintings.title")}</h2>
        {canMix && (
          <label class="switch">
            <input
              type="checkbox"
              name="mix"
              checked={isMixing.value}
              onChange={(event) => {
                isMixing.value = event.currentTarget.checked;
                const [first = ""] = settings.value.paintings;
                if (!isMixing.value && settings.value.paintings.length > 1) choosePaintings([first]);
              }}
            />
            {t("mix.title")}
          </label>
        )}
      </header>
      {canMix && isMixing.value && <p class="hint">{t("paintings.hint")}</p>}
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
      <div class="thumbnails">
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
              title={[title, creditOf(painting)].filter(Boolean).join(", ")}
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
        >
          <Icon name="plus" />
          {t("paintings.add")}
        </OpenButton>
      </div>
      {last && (
        <p class="credit">
          <cite>{nameOf(last.id, last.title)}</cite> {creditOf(last) ?? t("paintings.own")}
        </p>
      )}
    </section>
  );
}
