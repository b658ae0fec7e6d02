import { defineConfig } from "tsdown";
import { base } from "../../tsdown.base.ts";

// Threads and processes are entries of their own: the files beside them start them by their paths.
const started = ["src/node/worker.ts", "src/node/probeProcess.ts"];
export default defineConfig({ ...base, entry: ["src/index.ts", "src/node.ts", "src/web.ts", ...started] });
