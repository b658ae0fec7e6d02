/**
 * In this repository: sources instead of packages, and weights from models/. In a project of your
 * own none of this is needed.
 */

import { defaultClientConditions, defineConfig } from "vite";

export default defineConfig({
  publicDir: new URL("../../models", import.meta.url).pathname,
  resolve: { conditions: ["@adaattn/source", ...defaultClientConditions] },
  build: {
    target: "es2022",
    rollupOptions: {
      input: ["page", "worker", "component"].map((name) => `${import.meta.dirname}/${name}/index.html`),
    },
  },
  worker: { format: "es" },
});
