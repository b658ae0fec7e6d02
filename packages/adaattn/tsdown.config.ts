import { defineConfig } from "tsdown";
import { base } from "../../tsdown.base.ts";

// Threads and processes are entries of their own: the files beside them start them by their paths.
const started = ["src/node/worker.ts", "src/node/probeProcess.ts"];
const offered = ["index.node", "index.web", "node", "web", "network", "import", "internal", "internalNode"];
export default defineConfig({
  ...base,
  entry: [...offered.map((name) => `src/${name}.ts`), ...started, "src/node/hugePages.ts"],
  // Symbol.asyncDispose is declared for those who compile for ES2022, too.
  banner: { dts: '/// <reference lib="esnext.disposable" />' },
});
