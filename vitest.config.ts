import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@adaattn/source"] },
  ssr: { resolve: { conditions: ["@adaattn/source"] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          include: [
            "bench/test/*.test.ts",
            "apps/*/test/*.test.ts",
            "examples/test/*.test.ts",
            "packages/*/test/**/*.test.ts",
            "scripts/test/*.test.ts",
            "training/*/test/*.test.ts",
          ],
        },
      },
      {
        extends: true,
        test: {
          name: "studio",
          include: ["apps/studio/test/browser/*.test.ts"],
          globalSetup: "apps/studio/test/browser/setup.ts",
        },
      },
    ],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    // Worker threads that the code under test starts run TypeScript sources too.
    execArgv: ["--conditions=@adaattn/source", "--import", new URL("./scripts/source.mjs", import.meta.url).href],
  },
});
