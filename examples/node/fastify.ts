/**
 * An HTTP route that paints: curl --data-binary @photo.jpg -H content-type:image/jpeg
 * localhost:3000/starry-night -o out.jpg
 *
 *   tsx fastify.ts paintings 3000        every painting in the folder becomes a style by its name
 */

import { readdir } from "node:fs/promises";
import { join, parse } from "node:path";
import { encodePicture, loadModel, readPicture, type Style } from "adaattn/node";
import fastify from "fastify";

const [folder, port = "3000"] = process.argv.slice(2);
if (folder === undefined) throw new Error("Expected a folder of paintings.");

const model = await loadModel("small");
const styles = new Map<string, Style>();
for (const name of await readdir(folder)) {
  styles.set(parse(name).name, await model.style(await readPicture(join(folder, name))));
}

const app = fastify({ bodyLimit: 20 * 2 ** 20 });
app.addContentTypeParser(/^image\//, { parseAs: "buffer" }, (_request, body, done) => done(null, body));

app.post<{ Params: { style: string }; Body: Buffer }>("/:style", async (request, reply) => {
  const style = styles.get(request.params.style);
  if (style === undefined) return reply.code(404).send({ error: `Expected one of ${[...styles.keys()].join(", ")}.` });
  const gone = new AbortController();
  request.raw.socket.once("close", () => gone.abort());
  const { signal } = gone;
  const photo = await readPicture(request.body, {
    longestSide: 1024,
    mostPixels: 30e6,
    name: "the picture",
    signal,
  }).catch((error: Error) => error);
  if (photo instanceof Error) return reply.code(400).send({ error: photo.message });
  const result = await model.stylize(photo, style, { signal });
  return reply.type("image/jpeg").send(await encodePicture(result, "jpeg"));
});

console.log(await app.listen({ host: "127.0.0.1", port: Number(port) }));
process.once("SIGTERM", async () => {
  await app.close();
  await model.dispose();
});
