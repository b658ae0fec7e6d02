/**
 * How the studio is built: a folder of static files for any host, which needs no server of ours.
 */

import { defaultClientConditions, defineConfig } from "vite";
import { linkPreview } from "./scripts/preview.ts";
import { EXAMPLE, gatherFiles, ISOLATED, listForServiceWorker } from "./scripts/staticFiles.ts";

export default defineConfig({
  root: import.meta.dirname,
  // Relative addresses, so that the folder may lie anywhere on a host.
  base: "./",
  publicDir: ".static",
  resolve: {
    // The engine's WebAssembly comes from our own files, with progress and checks, instead of from
    // inside the bundle.
    conditions: ["@adaattn/source", "onnxruntime-web-use-extern-wasm", ...defaultClientConditions],
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0, chunkSizeWarningLimit: 600 },
  worker: { format: "es" },
  server: { headers: ISOLATED },
  preview: { headers: ISOLATED, host: "127.0.0.1", port: 4173 },
  define: { STUDIO_FILES: JSON.stringify(await gatherFiles()) },
  plugins: [linkPreview(EXAMPLE.photo, EXAMPLE.painted), listForServiceWorker()],
});
