import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@adaattn/source"] },
  ssr: { resolve: { conditions: ["@adaattn/source"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // Worker threads that the code under test starts run TypeScript sources too.
    execArgv: ["--conditions=@adaattn/source", "--import", new URL("./scripts/source.mjs", import.meta.url).href],
  },
});
