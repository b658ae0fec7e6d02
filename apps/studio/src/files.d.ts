/** What scripts/staticFiles.ts found when the page was built; Vite puts it in place of the name. */
declare const STUDIO_FILES: {
  readonly engine: Readonly<
    Record<"jspi" | "asyncify" | "plain", { bytes: number; sha256: string; script: string; wasm: string }>
  >;
  readonly models: Readonly<Record<string, { bytes: number; sha256: string } | undefined>>;
  /** The table of assets/paintings. */
  readonly paintings: readonly Readonly<Record<"id" | "title" | "artist" | "year" | "group", string>>[];
};
