import { defineConfig } from "tsdown";
import { base } from "../../tsdown.base.ts";

// The worker is an entry of its own: the dataset beside it starts it by its path.
export default defineConfig({ ...base, entry: ["src/index.ts", "src/run/settings.ts", "src/data/cropWorker.ts"] });
