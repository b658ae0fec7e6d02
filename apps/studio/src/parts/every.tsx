/** The photograph in every painting; choosing one leads back to the picture. */

import { isEvery, previews } from "../every.ts";
import { choosePaintings, type Photo, paintings, settings } from "../state.ts";
import { nameOf, t } from "../texts/texts.ts";
import { PictureCanvas, Progress } from "./controls.tsx";

export function Every({ photo }: { readonly photo: Photo }) {
  const made = previews.value;
  const { width, height } = photo.picture;
  return (
    <>
      <fieldset class="every">
        <legend class="hidden">{t("every.title")}</legend>
        {paintings.value.map(({ id, title, url }) => {
          const painted = made.get(id);
          return (
            <button
              key={id}
              type="button"
              aria-pressed={settings.value.paintings.includes(id)}
              data-preview={painted ? "painted" : "waiting"}
              onClick={() => {
                choosePaintings([id]);
                isEvery.value = false;
              }}
            >
              <span class="preview" style={{ aspectRatio: `${width} / ${height}` }}>
                {painted ? <PictureCanvas picture={painted} /> : <img src={url} alt="" loading="lazy" />}
              </span>
              {nameOf(id, title)}
            </button>
          );
        })}
      </fieldset>
      {made.size < paintings.value.length && (
        <Progress fraction={made.size / paintings.value.length} label={t("every.title")} />
      )}
    </>
  );
}
