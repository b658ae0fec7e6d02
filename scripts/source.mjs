// Lets Node run the TypeScript sources, in worker threads too (tsx alone looks after the main thread only):
//   node --conditions=@adaattn/source --import ./scripts/source.mjs FILE.ts
import { register } from "tsx/esm/api";

register();
