import { defineConfig } from "tsdown";
import { base } from "../../tsdown.base.ts";

// What package.json's imports name is looked up when the command runs: where the package lies
// decides what it is.
export default defineConfig({ ...base, entry: ["src/start.ts"], external: [/^#/], dts: false });
