/** `adaattn` in Node: the root, models by name or folder, and picture files. */

export { type LoadModelOptions, loadModel } from "./node/models.ts";
export { NodeModel, type PictureInput, SavablePicture, type SaveOptions } from "./node/nodeModel.ts";
export { readPicture, writePicture } from "./node/pictures.ts";
export * from "./root.ts";
