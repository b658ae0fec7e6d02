/** `/v1/styles`: paintings that the server keeps, each for the API key that it came with. */
import { z } from "zod";
import type { Api } from "../http/api.ts";
import { readUpload } from "../http/upload.ts";
import { checkLook } from "../inputs.ts";
import { Problem, parse } from "../problem.ts";
import { styleInfo, styleLook, styleName } from "../schemas.ts";
import type { Services } from "../services.ts";
import { describeStyle } from "../styles.ts";
import { explainPainting } from "./stylize.ts";

const named = z.strictObject({ name: styleName });

/** How many styles are kept. */
const MOST_KEPT = 1000;

export function addStyles(api: Api, services: Services): void {
  const { styles, limits, quotas, pool, scratch, slots, ending } = services;
  api.add(
    {
      method: "GET",
      url: "/v1/styles",
      id: "listStyles",
      summary: "List the kept styles",
      answers: { 200: { description: "The kept styles.", body: z.array(styleInfo) } },
    },
    (request) => styles.list(request.owner),
  );
  api.add(
    {
      method: "GET",
      url: "/v1/styles/:name",
      id: "getStyle",
      summary: "Describe a kept style",
      params: named,
      answers: { 200: { description: "The style.", body: styleInfo } },
      problems: ["invalid-options", "not-found"],
    },
    async ({ owner }, __, { params: { name = "" } }) => describeStyle(name, await styles.get(owner, name)),
  );
  api.add(
    {
      method: "PUT",
      url: "/v1/styles/:name",
      id: "putStyle",
      summary: "Keep a painting as a style",
      description:
        "Replaces a style of the same name. Jobs that were submitted before keep the painting that they had.",
      params: named,
      upload: {
        parts: {
          painting: { description: "The painting.", isRequired: true },
          mask: { description: "The part of the painting that is a source: white where it is." },
        },
        options: styleLook,
      },
      answers: {
        200: { description: "The style was replaced.", body: styleInfo },
        201: { description: "The style is new.", body: styleInfo },
      },
      problems: [
        "bad-request",
        "invalid-options",
        "slow-upload",
        "too-large",
        "unsupported-type",
        "unreadable",
        "conflict",
        "quota",
        "no-space",
      ],
    },
    async (request, reply, { params: { name = "" } }) => {
      const file = { most: 1, bytes: limits.pictureBytes };
      await using upload = await readUpload(request, {
        scratch,
        limits,
        slots,
        bytes: limits.uploadBytes,
        parts: { painting: file, mask: file },
      });
      const look = parse(styleLook, upload.options, "the options");
      checkLook(look, "the style", limits);
      const painting = upload.file("painting");
      const [mask] = upload.files("mask");
      const inspect = (path: string, what: string) =>
        pool.inspect({ kind: "inspect", file: path, name: what, pixels: limits.pixels }, ending).catch(explainPainting);
      const { width, height } = await inspect(painting.path, "the painting");
      if (mask) await inspect(mask.path, "the mask");
      const { owner } = request;
      if ((await styles.find(owner, name)) === undefined && (await styles.usage(owner)).styles >= MOST_KEPT) {
        throw new Problem("conflict", `Expected at most ${MOST_KEPT} kept styles. Delete one first.`);
      }
      await quotas.checkBytes(owner, painting.bytes + (mask?.bytes ?? 0));
      const { style, isNew } = await styles.put(owner, name, { painting, mask, look, width, height });
      return reply.code(isNew ? 201 : 200).send(describeStyle(name, style));
    },
  );
  api.add(
    {
      method: "DELETE",
      url: "/v1/styles/:name",
      id: "deleteStyle",
      summary: "Forget a kept style",
      params: named,
      answers: { 204: { description: "It is gone." } },
      problems: ["invalid-options", "not-found"],
    },
    async ({ owner }, reply, { params: { name = "" } }) => {
      await styles.remove(owner, name);
      return reply.code(204).send();
    },
  );
}
