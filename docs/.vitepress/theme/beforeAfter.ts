/**
 * A photograph over what `small` makes of it with its default settings; a slider says how much of
 * it is seen.
 */

import { defineComponent, h, ref } from "vue";
import photograph from "../../../assets/contents/castle.jpg";
import painted from "../../gallery/castle-van-gogh-starry-night.jpg";

export const BeforeAfter = defineComponent(() => {
  const share = ref(50);
  const slide = ({ target }: Event) => {
    if (target instanceof HTMLInputElement) share.value = target.valueAsNumber;
  };
  return () =>
    h("figure", { class: "before-after", style: { "--share": `${share.value}%` } }, [
      h("img", {
        src: painted,
        alt: "Neuschwanstein Castle in the style of The Starry Night",
        width: 512,
        height: 341,
      }),
      h("img", { src: photograph, alt: "The photograph of the castle", class: "before" }),
      h("input", {
        type: "range",
        min: 0,
        max: 100,
        value: share.value,
        "aria-label": "How much of the photograph is seen, in percent",
        onInput: slide,
      }),
    ]);
});
