/** Everything of `adaattn` in Node: the root export and what needs files, threads and the native engine. */

export { NodeEngine, type NodeEngineOptions } from "./engine/node.ts";
export * from "./index.ts";
export * from "./node/download.ts";
export * from "./node/files.ts";
export * from "./node/importing.ts";
export * from "./node/models.ts";
export * from "./node/pictures.ts";
