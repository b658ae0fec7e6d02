/**
 * What the site adds to VitePress's theme: the picture before and after on the first page, and
 * pictures that a click enlarges.
 */

import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { h } from "vue";
import { BeforeAfter } from "./beforeAfter.ts";
import { enlargePictures } from "./enlarge.ts";
import "./style.css";

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { "home-hero-image": () => h(BeforeAfter) }),
  enhanceApp() {
    // Pages are rendered in Node first, where there is no document.
    if (typeof document !== "undefined") enlargePictures(document);
  },
} satisfies Theme;
