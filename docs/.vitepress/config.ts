/** The documentation site: the pages of docs/, and docs/reference, which scripts/docs.ts and typedoc write before it is built. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const exists = (page: string) => existsSync(fileURLToPath(new URL(`../${page}.md`, import.meta.url)));

/** A part of the sidebar; pages that are not there are left out. */
const part = (text: string, pages: Readonly<Record<string, string>>) => ({
  text,
  items: Object.entries(pages)
    .filter(([page]) => exists(page))
    .map(([page, title]) => ({ text: title, link: `/${page}` })),
});

export default defineConfig({
  title: "adaattn",
  description: "Photographs in the style of any painting, in TypeScript",
  lang: "en",
  cleanUrls: true,
  srcExclude: ["gallery/**"],
  // Telemetry, fonts or search services of others are not used: the site is files, and search runs in the page.
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    sidebar: [
      part("Begin", {
        start: "Five minutes",
        gallery: "Gallery",
        failures: "Failures",
        studio: "Studio",
        "reference/examples": "Examples",
      }),
      part("Use", {
        controls: "Controls",
        video: "Video",
        "large-pictures": "Large pictures",
        serving: "Serving",
        training: "Training",
        metrics: "Metrics",
        importing: "Importing weights",
        export: "Exporting ONNX",
      }),
      part("Understand", {
        method: "The method",
        architecture: "How it is built",
        parity: "Is it right?",
        benchmarks: "Benchmarks",
        comparison: "Other tools",
        "reference/models": "Model cards",
        security: "Security",
        dependencies: "Dependencies",
      }),
      part("Reference", {
        "reference/commands": "Commands",
        "reference/api/adaattn/src/index.node": "adaattn",
        "reference/api/adaattn/src/node": "adaattn/node",
        "reference/api/adaattn/src/web": "adaattn/web",
        "reference/api/adaattn/src/network": "adaattn/network",
        "reference/api/adaattn/src/import": "adaattn/import",
        "reference/api/graph/src": "@adaattn/graph",
        "reference/api/train/src": "@adaattn/train",
        "reference/api/server/src": "@adaattn/server",
        "reference/api/server/src/client": "@adaattn/server/client",
        "reference/changelog": "Changelog",
        "reference/contributing": "Contributing",
      }),
    ],
  },
  markdown: {
    config(markdown) {
      // Indented blocks look like fenced ones: with a ground of their own, and scrolling where they are wide.
      markdown.core.ruler.push("indented-as-fenced", ({ tokens }) => {
        for (const token of tokens) if (token.type === "code_block") token.type = "fence";
      });
      // Links to files of the repository have nothing to lead to on the site; their text stays.
      markdown.core.ruler.push("links-within", ({ tokens, env }) => {
        const depth = String(env.relativePath ?? "").split("/").length;
        const leaves = (link: string) =>
          link.startsWith("../".repeat(depth)) || /^(packages|models|bench|examples|scripts|assets)\//.test(link);
        for (const { children } of tokens) {
          let isWithin = true;
          for (const token of children ?? []) {
            if (token.type === "link_open") isWithin = !leaves(token.attrGet("href") ?? "");
            if (isWithin || (token.type !== "link_open" && token.type !== "link_close")) continue;
            token.type = "text";
            token.tag = "";
            token.attrs = null;
            token.content = "";
            token.nesting = 0;
          }
        }
      });
    },
  },
});
