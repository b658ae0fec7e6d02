/**
 * <adaattn-image src="photo.jpg" style-src="painting.jpg" strength="0.8" size="512" alt="A lake">:
 * the photograph, painted.
 *
 * The photograph is shown until the painted one is there, and stays where painting fails. Elements
 * share one model, whose folder is at `model` of the first of them ("/small" by default). Events:
 * `painted` and `error`.
 */

import { loadModel, type WebModel } from "adaattn";
import { readPicture } from "../pictures.ts";

let model: Promise<WebModel> | undefined;

export class AdaattnImage extends HTMLElement {
  static readonly observedAttributes = ["src", "style-src", "strength", "size", "alt"];
  readonly #image = document.createElement("img");
  readonly #canvas = document.createElement("canvas");
  #painting: AbortController | undefined;

  connectedCallback(): void {
    this.#canvas.setAttribute("role", "img");
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    shadow.replaceChildren(this.#image, this.#canvas);
    this.#begin();
  }

  disconnectedCallback(): void {
    this.#painting?.abort();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#begin();
  }

  /** Shows the photograph and paints it anew; what was being painted is given up. */
  #begin(): void {
    this.#painting?.abort();
    this.#painting = new AbortController();
    const [src, styleSrc] = [this.getAttribute("src"), this.getAttribute("style-src")];
    const alt = this.getAttribute("alt") ?? "";
    this.#image.alt = alt;
    this.#canvas.setAttribute("aria-label", alt);
    this.#reveal(this.#image);
    if (src === null) return;
    // Given again, a photograph would be loaded again, and nothing shown meanwhile.
    if (this.#image.getAttribute("src") !== src) this.#image.src = src;
    if (styleSrc !== null) void this.#paint(src, styleSrc, this.#painting.signal);
  }

  async #paint(src: string, styleSrc: string, signal: AbortSignal): Promise<void> {
    try {
      model ??= loadModel(this.getAttribute("model") ?? "/small");
      const loaded = await model;
      const size = Number(this.getAttribute("size") ?? 512);
      using style = await loaded.style(styleSrc, { signal });
      const strength = Number(this.getAttribute("strength") ?? 1);
      const painted = await loaded.stylize(await readPicture(src, size), style, { strength, signal });
      if (signal.aborted) return;
      painted.draw(this.#canvas);
      this.#reveal(this.#canvas);
      this.dispatchEvent(new CustomEvent("painted"));
    } catch (error) {
      if (!signal.aborted) this.dispatchEvent(new ErrorEvent("error", { error, message: String(error) }));
    }
  }

  #reveal(shown: HTMLElement): void {
    for (const element of [this.#image, this.#canvas]) element.hidden = element !== shown;
  }
}

customElements.define("adaattn-image", AdaattnImage);
