import { defineConfig } from "tsdown";
import { base } from "../../tsdown.base.ts";

// The child is an entry of its own: the pool beside it starts it by its path.
export default defineConfig({ ...base, entry: ["src/index.ts", "src/client.ts", "src/painters/child.ts"] });
