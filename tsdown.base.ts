/** How every package is built; packages/NAME/tsdown.config.ts adds its entries. */

import type { UserConfig } from "tsdown";

export const base: UserConfig = {
  platform: "node",
  target: "es2022",
  tsconfig: "../../tsconfig.json",
  // One file for each source file: stack traces and bundlers see the modules as they were written.
  unbundle: true,
  // .js and .d.ts, as package.json's exports say; "type": "module" makes them ES modules.
  fixedExtension: false,
  dts: true,
  logLevel: "warn",
  checks: { pluginTimings: false },
};
