/**
 * What other pages show of a link to the studio: a title, a sentence and a picture (the Open Graph
 * protocol, ogp.me). Whoever reads the tags wants a whole address, which only the host knows: the
 * build takes it from STUDIO_URL.
 */

import sharp from "sharp";
import type { HtmlTagDescriptor, Plugin } from "vite";

const NAME = "preview.jpg";
const [WIDTH, HEIGHT] = [1200, 630];

/** The left third of the photograph beside what was made of it. */
export async function previewPicture(photo: string, painted: string): Promise<Buffer> {
  const size = { width: WIDTH, height: HEIGHT };
  const before = await sharp(photo)
    .resize(size)
    .extract({ left: 0, top: 0, width: WIDTH / 3, height: HEIGHT })
    .toBuffer();
  const line = { create: { width: 4, height: HEIGHT, channels: 3 as const, background: "#fffdf9" } };
  return sharp(painted)
    .resize(size)
    .composite([
      { input: before, left: 0, top: 0 },
      { input: line, left: WIDTH / 3 - 2, top: 0 },
    ])
    .jpeg({ quality: 80, mozjpeg: true })
    .toBuffer();
}

/** @param address of the page; the picture's is relative without. */
export function previewTags(address: string | undefined): HtmlTagDescriptor[] {
  const base = address === undefined ? undefined : new URL(address.endsWith("/") ? address : `${address}/`).href;
  const contents = {
    "og:type": "website",
    "og:title": "adaattn studio",
    "og:description": "Paint a photo in the style of any painting, in your browser, on your own GPU.",
    "og:image": `${base ?? ""}${NAME}`,
    "og:image:width": String(WIDTH),
    "og:image:height": String(HEIGHT),
    "og:image:alt": "Neuschwanstein Castle, a third of it as a photograph, the rest in the style of The Starry Night",
    ...(base === undefined ? {} : { "og:url": base }),
  };
  const tags = Object.entries(contents).map(([property, content]) => ({ tag: "meta", attrs: { property, content } }));
  return [...tags, { tag: "meta", attrs: { name: "twitter:card", content: "summary_large_image" } }];
}

/** Puts the tags into the page, and the picture beside it. */
export function linkPreview(photo: string, painted: string): Plugin {
  return {
    name: "link-preview",
    apply: "build",
    transformIndexHtml: () => previewTags(process.env.STUDIO_URL),
    async generateBundle() {
      this.emitFile({ type: "asset", fileName: NAME, source: await previewPicture(photo, painted) });
    },
  };
}
