/** `adaattn` in a browser: the root, and models that come over the network. */

export * from "./root.ts";
export { type LoadModelOptions, loadModel, type ModelAddress } from "./web/models.ts";
export { DrawablePicture, type PictureInput } from "./web/pictures.ts";
export { WebModel } from "./web/webModel.ts";
