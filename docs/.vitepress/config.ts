/**
 * The documentation site: the pages of docs/, and docs/reference, which scripts/docs.ts and typedoc
 * write before it is built.
 */

import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

/**
 * Where the site lies on its host, with a slash at both ends: `DOCS_BASE=/adaattn/` for
 * https://NAME.github.io/adaattn/.
 */
const base = process.env.DOCS_BASE ?? "/";
if (!/^\/(.+\/)?$/.test(base))
  throw new Error(`Expected a path with a slash at both ends for DOCS_BASE, such as /adaattn/, but received ${base}.`);

/**
 * The built studio, which becomes the folder studio/ of the site where it is there (`npm run
 * site`).
 */
const STUDIO = fileURLToPath(new URL("../../apps/studio/dist", import.meta.url));
const hasStudio = existsSync(join(STUDIO, "index.html"));

const REPOSITORY = "https://github.com/adaattn/adaattn";

/** The pages of the entries that can be imported, as scripts/docs.ts names them. */
const API = {
  "reference/adaattn": "adaattn",
  "reference/adaattn-node": "adaattn/node",
  "reference/adaattn-web": "adaattn/web",
  "reference/adaattn-network": "adaattn/network",
  "reference/adaattn-import": "adaattn/import",
  "reference/graph": "@adaattn/graph",
  "reference/train": "@adaattn/train",
  "reference/server": "@adaattn/server",
  "reference/client": "@adaattn/server/client",
};

const exists = (page: string) =>
  page === "in-browsers" || existsSync(fileURLToPath(new URL(`../${page}.md`, import.meta.url)));

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
  base,
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `${base}logo.svg` }]],
  cleanUrls: true,
  srcExclude: ["gallery/**"],
  // The studio itself lies at studio/.
  rewrites: { "studio.md": "in-browsers.md" },
  transformPageData({ relativePath, frontmatter }) {
    if (!hasStudio || relativePath !== "index.md") return;
    frontmatter.hero.actions.splice(1, 0, { theme: "alt", text: "Try it here", link: "/studio/", target: "_self" });
  },
  buildEnd({ outDir }) {
    if (hasStudio) cpSync(STUDIO, join(outDir, "studio"), { recursive: true });
  },
  // Telemetry, fonts or search services of others are not used: the site is files, and search runs
  // in the page.
  themeConfig: {
    search: { provider: "local" },
    logo: "/logo.svg",
    socialLinks: [{ icon: "github", link: REPOSITORY }],
    footer: { message: "Apache License 2.0" },
    nav: [
      { text: "Five minutes", link: "/start" },
      { text: "Gallery", link: "/gallery" },
      { text: "Reference", items: part("", { "reference/commands": "Commands", ...API }).items },
      ...(hasStudio ? [{ text: "Try it", link: "/studio/", target: "_self" }] : []),
    ],
    outline: [2, 3],
    sidebar: [
      part("Begin", {
        start: "Five minutes",
        gallery: "Gallery",
        failures: "Failures",
        "in-browsers": "Studio",
        screenshots: "Screenshots",
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
        quality: "Quality",
        benchmarks: "Benchmarks",
        comparison: "Other tools",
        "reference/models": "Model cards",
        security: "Security",
        dependencies: "Dependencies",
      }),
      part("Reference", {
        "reference/commands": "Commands",
        ...API,
        "reference/changelog": "Changelog",
        "reference/contributing": "Contributing",
      }),
    ],
  },
  markdown: {
    config(markdown) {
      // Indented blocks look like fenced ones: with a ground of their own, and scrolling where they
      // are wide.
      markdown.core.ruler.push("indented-as-fenced", ({ tokens }) => {
        for (const token of tokens) {
          if (token.type !== "code_block") continue;
          token.type = "fence";
          token.info = /^\s*(npm|npx|node|adaattn|python3|curl|git|docker|apt-get|cd|bash|[A-Z_]+=\S+) /m.test(
            token.content,
          )
            ? "sh"
            : "text";
        }
      });
      markdown.core.ruler.push("enlargeable", ({ tokens }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          if (token.type !== "image") continue;
          token.attrPush(["class", "enlargeable"]);
          token.attrPush(["tabindex", "0"]);
          token.attrPush(["role", "button"]);
        }
      });
      // Links to files of the repository have nothing to lead to on the site; their text stays.
      markdown.core.ruler.push("links-within", ({ tokens, env }) => {
        const depth = String(env.relativePath ?? "").split("/").length;
        const leaves = (link: string) =>
          link.startsWith("../".repeat(depth)) || /^(packages|models|bench|examples|scripts|assets)\//.test(link);
        for (const { children } of tokens) {
          let isWithin = true;
          for (const token of children ?? []) {
            const href = token.type === "link_open" ? token.attrGet("href") : null;
            if (href !== null) token.attrSet("href", href.replace(/(^|\/)studio\.md/, "$1in-browsers.md"));
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
