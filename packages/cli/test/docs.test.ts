/**
 * The documentation held against what it describes: its programs compile, its commands are
 * understood, its links lead somewhere.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import { describeCommands, documentedProgram } from "../../../scripts/docs.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const markdown = (folder: string) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(ROOT, folder, name));
const PAGES = [
  ...["", "docs", "bench", "examples"].flatMap(markdown),
  ...["adaattn", "graph", "train", "server"].flatMap((name) => markdown(`packages/${name}`)),
].map((path) => ({ name: relative(ROOT, path), path, text: readFileSync(path, "utf8") }));

/**
 * What stands in fenced blocks of TypeScript, for Node or for browsers. A comment before one says
 * what it takes for granted, `<!-- given: declare const photo: Blob; -->`, and that it is for a
 * browser, `<!-- in a browser, given: ... -->`.
 */
const programs = (text: string, isForBrowser: boolean) =>
  [...text.matchAll(/(?:^<!-- (in a browser)?(?:, )?(?:given: (.*?))? -->\n+)?^```ts\n(.*?)^```/gms)]
    .filter(([, browser]) => (browser !== undefined) === isForBrowser)
    .map(([, , given = "", code = ""]) => `export {};\n${given}\n${code}`);

test.each([
  { place: "Node", least: 5, conditions: ["@adaattn/source"], types: ["node"] },
  { place: "browsers", least: 3, conditions: ["@adaattn/source", "browser"], types: ["node", "vite/client"] },
])(
  "every block of TypeScript for $place compiles",
  ({ place, least, conditions, types }) => {
    const blocks = new Map(
      PAGES.flatMap(({ name, text }) =>
        programs(text, place === "browsers").map((code, at): [string, string] => [
          join(ROOT, `${name}.${place}.${at}.ts`),
          code,
        ]),
      ),
    );
    expect(blocks.size).toBeGreaterThanOrEqual(least);
    const { options, errors } = ts.convertCompilerOptionsFromJson(
      {
        ...(ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile).config as { compilerOptions: object })
          .compilerOptions,
        lib: ["ES2023", "ESNext.Disposable", "DOM", "DOM.Iterable"],
        module: "ESNext",
        moduleResolution: "Bundler",
        customConditions: conditions,
        // Not a package of the workspace: scripts/pack.ts makes it of the same files.
        paths: { "@adaattn/web": ["./packages/adaattn/src/web.ts"] },
        types,
      },
      ROOT,
    );
    expect(errors).toEqual([]);
    const host = ts.createCompilerHost(options);
    const { fileExists, readFile, getSourceFile } = host;
    host.fileExists = (path) => blocks.has(path) || fileExists(path);
    host.readFile = (path) => blocks.get(path) ?? readFile(path);
    host.getSourceFile = (path, target, ...rest) => {
      const code = blocks.get(path);
      return code === undefined ? getSourceFile(path, target, ...rest) : ts.createSourceFile(path, code, target);
    };
    const program = ts.createProgram([...blocks.keys()], options, host);
    const found = [...blocks.keys()].flatMap((path) => {
      const source = program.getSourceFile(path);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText }) => `${relative(ROOT, path)}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
      );
    });
    expect(found).toEqual([]);
  },
  240_000,
);

describe("commands", () => {
  const program = documentedProgram();

  /** Every line that a reader may type, with what it goes on with and without its comment. */
  const typed = [...PAGES, { name: "--help", text: describeCommands(documentedProgram()) }].flatMap(({ name, text }) =>
    [...text.replaceAll(/\\\n\s*/g, " ").matchAll(/^(?: {4,}| +\$ )(?:npx )?(adaattn [a-z].*)$/gm)].map(
      ([, line = ""]) => ({
        name,
        line: line.replace(/ #.*| {2,}.*/, "").trim(),
      }),
    ),
  );

  test("are all understood, with what they need", () => {
    expect(typed.length).toBeGreaterThan(60);
    const refused: string[] = [];
    for (const { name, line } of typed) {
      // What one line was given must not stay for the next.
      const fresh = documentedProgram().configureOutput({ writeErr: () => undefined });
      for (const command of fresh.commands) {
        command.exitOverride().configureOutput({ writeErr: () => undefined });
        command.action(() => undefined);
      }
      try {
        // Brackets are around what may be left out.
        fresh.parse(line.replaceAll(/[[\]]/g, "").split(/\s+/).slice(1), { from: "user" });
      } catch (error) {
        refused.push(`${name}: ${line}: ${String(error)}`);
      }
    }
    expect(refused).toEqual([]);
  });

  test("are listed with every option", () => {
    const text = describeCommands(documentedProgram());
    for (const command of program.commands) {
      expect(text).toContain(`\n## ${command.name()}\n`);
      for (const { flags, hidden } of command.options) {
        if (!hidden) expect(text).toContain(`\`${flags.replaceAll("|", "\\|")}\``);
      }
    }
  });

  test("of npm are there", () => {
    const folders = [
      "",
      ...["packages", "apps"].flatMap((kind) => readdirSync(join(ROOT, kind)).map((name) => `${kind}/${name}`)),
    ];
    const scripts = folders.flatMap((folder) => {
      const path = join(ROOT, folder, "package.json");
      return existsSync(path)
        ? Object.keys((JSON.parse(readFileSync(path, "utf8")) as { scripts?: object }).scripts ?? {})
        : [];
    });
    const named = PAGES.flatMap(({ text }) =>
      [...text.matchAll(/npm run ([a-z]\w*(?:[:-]\w+)*)/g)].map(([, name = ""]) => name),
    );
    expect([...new Set(named)].filter((name) => !scripts.includes(name))).toEqual([]);
  });
});

test("links within the repository lead to files", () => {
  const dead = PAGES.flatMap(({ name, path, text }) =>
    [...text.replaceAll(/`[^`\n]*`/g, "").matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)]
      .map(([, link, source]) => (link ?? source ?? "").replace(/#.*/, ""))
      // docs/reference is written when the site is built, and its links are checked then.
      .filter((link) => link !== "" && !/^[a-z]+:|^reference\//.test(link) && !link.startsWith("/"))
      .filter((link) => !existsSync(join(dirname(path), decodeURI(link))))
      .map((link) => `${name}: ${link}`),
  );
  expect(dead).toEqual([]);
});

describe("the site", () => {
  const SITE = join(ROOT, "docs/.vitepress/dist");
  const pages = new Map<string, string>();

  beforeAll(() => {
    rmSync(SITE, { recursive: true, force: true });
    // The build itself fails on a link to a page that is not there.
    execFileSync("npm", ["run", "docs"], { cwd: ROOT, stdio: "pipe", env: { ...process.env, DOCS_BASE: "/below/" } });
    for (const file of readdirSync(SITE, { recursive: true, encoding: "utf8" })) {
      if (file.endsWith(".html") && !file.startsWith("studio"))
        pages.set(file.replace(/\.html$/, ""), readFileSync(join(SITE, file), "utf8"));
    }
  }, 240_000);

  test("highlights indented blocks and lets them scroll, as fenced ones", () => {
    const page = pages.get("benchmarks") ?? "";
    const blocks = [...page.matchAll(/<div class="language-sh[^"]*"[^>]*>.*?<\/pre>/gs)].map(([block]) => block);
    expect(blocks.map((block) => block.replaceAll(/<[^>]+>/g, "")).join("\n")).toContain("npm run bench -- --list");
    expect(blocks.join()).toContain("--shiki-light");
    expect(page).not.toMatch(/<pre><code>/);
  });

  test("has a page for each entry at a short address, and all links to parts of pages lead there", () => {
    for (const name of ["adaattn", "adaattn-node", "adaattn-web", "adaattn-network", "adaattn-import"])
      expect(pages.keys()).toContain(`reference/${name}`);
    const ids = new Map([...pages].map(([name, text]) => [name, new Set(text.match(/(?<=\sid=")[^"]+/g))]));
    const decode = (text: string) => decodeURIComponent(text.replaceAll("&amp;", "&"));
    const links = [...pages].flatMap(([name, text]) =>
      [...text.matchAll(/<a [^>]*href="([^"#:]*)#([^"]+)"/g)].map(([, path = "", part = ""]) => ({
        name,
        page:
          path === ""
            ? name
            : decode(relative("/below", join("/below", dirname(name), path).replace(/^.*\/below\//, "/below/"))),
        part: decode(part),
      })),
    );
    expect(links.length).toBeGreaterThan(500);
    expect(links.filter(({ page, part }) => !ids.get(page)?.has(part))).toEqual([]);
  });

  test("lies below the address that it was built for", () => {
    const page = pages.get("index") ?? "";
    const paths = [...page.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path = ""]) => path);
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !path.startsWith("/below/"))).toEqual([]);
    expect(page).toContain('href="/below/logo.svg"');
  });
});
