import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@adaattn/source"] },
  ssr: { resolve: { conditions: ["@adaattn/source"] } },
  test: {
    include: [
      "bench/test/*.test.ts",
      "apps/*/test/**/*.test.ts",
      "examples/test/*.test.ts",
      "packages/*/test/**/*.test.ts",
    ],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    // Worker threads that the code under test starts run TypeScript sources too.
    execArgv: ["--conditions=@adaattn/source", "--import", new URL("./scripts/source.mjs", import.meta.url).href],
  },
});
