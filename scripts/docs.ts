/**
 * Writes the pages of the documentation that come from elsewhere into docs/reference: commands from
 * the command's own definitions, examples, model cards, the changelog. `npm run docs` runs it after
 * typedoc and before the site is built.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { extname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command, Option } from "commander";
import { createProgram } from "../packages/cli/src/program.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The program as it is, for its definitions only. */
export function documentedProgram(): Command {
  const idle = {
    signal: new AbortController().signal,
    wait: () => undefined,
    onHangup: () => undefined,
    end: () => undefined,
  };
  return createProgram(idle, () => undefined);
}

/** Every command with its options and examples. */
export function describeCommands(program: Command): string {
  const intro = `# Commands\n\n\`adaattn --help\` and \`adaattn COMMAND --help\` print the same.\n`;
  return [intro, ...program.commands.map(describeCommand)].join("\n");
}

function describeCommand(command: Command): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
  const row = ({ flags, description, mandatory, defaultValue }: Option) => {
    const isDefault = defaultValue !== undefined && defaultValue !== false && !description.includes("(default");
    const note =
      mandatory && defaultValue === undefined ? " (required)" : isDefault ? ` (default: ${defaultValue})` : "";
    return `| \`${flags.replaceAll("|", "\\|")}\` | ${cell(description + note)} |`;
  };
  const options = command.options.filter(({ hidden }) => !hidden);
  const rows = [
    ...command.registeredArguments.map(
      (one) =>
        `| \`${(one.variadic ? `${one.name()}...` : one.name()).replaceAll("|", "\\|")}\` | ${cell(one.description)} |`,
    ),
    ...options.map(row),
  ];
  const more = helpAfter(command);
  return [
    `## ${command.name()}\n`,
    `${command.description().replaceAll("<", "&lt;")}\n`,
    "| argument or option | meaning |\n|---|---|",
    ...rows,
    ...(more === "" ? [] : [`\n\`\`\`text\n${more}\n\`\`\``]),
    "",
  ].join("\n");
}

/** What a command's help says after its options: examples, exit codes. */
function helpAfter(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text.slice(command.helpInformation().length).trim();
}

/** Every example with its code. */
function describeExamples(): string {
  const [intro = ""] = read("examples/README.md").replaceAll("](../docs/", "](../").split("\n| example");
  const files = ["node", "browser/page", "browser/worker", "browser/component"].flatMap((folder) =>
    readdirSync(join(root, "examples", folder))
      .sort()
      .map((name) => `${folder}/${name}`),
  );
  const blocks = ["browser/pictures.ts", ...files].map(
    (file) => `## ${file}\n\n\`\`\`${extname(file).slice(1)}\n${read(`examples/${file}`).trim()}\n\`\`\`\n`,
  );
  return [intro, ...blocks].join("\n");
}

/** A card for each model that comes with the package. */
function describeModels(): string {
  const names = readdirSync(join(root, "models")).filter((name) =>
    existsSync(join(root, "models", name, "model.json")),
  );
  return ["# Model cards\n", ...names.map(describeModel)].join("\n");
}

function describeModel(name: string): string {
  const card = JSON.parse(read(`models/${name}/model.json`)) as Record<string, unknown>;
  const facts = Object.entries(card).flatMap(([key, value]): string[] => {
    if (typeof value === "string" || typeof value === "number") return [`| ${key} | ${value} |`];
    const entries = key === "data" && value !== null ? Object.entries(value as object) : [];
    return entries.map(([what, text]) => `| ${key}: ${what} | ${text} |`);
  });
  const told = ["README.md", "NOTES.md"].map((file) => sectionOf(read(`models/${name}/${file}`)));
  return [...told, `### Record of \`${name}\`\n\n|  |  |\n|---|---|\n${facts.join("\n")}\n`].join("\n");
}

/**
 * The entries that can be imported: typedoc's page of each, named after a file, and what a reader
 * knows it by.
 */
const API: Readonly<Record<string, { readonly name: string; readonly title: string }>> = {
  "adaattn/src/index.node": { name: "adaattn", title: "adaattn" },
  "adaattn/src/node": { name: "adaattn-node", title: "adaattn/node" },
  "adaattn/src/web": { name: "adaattn-web", title: "adaattn/web" },
  "adaattn/src/network": { name: "adaattn-network", title: "adaattn/network" },
  "adaattn/src/import": { name: "adaattn-import", title: "adaattn/import" },
  "graph/src": { name: "graph", title: "@adaattn/graph" },
  "train/src": { name: "train", title: "@adaattn/train" },
  "server/src": { name: "server", title: "@adaattn/server" },
  "server/src/client": { name: "client", title: "@adaattn/server/client" },
};

/**
 * The page of an entry under its own name, its links to other entries and to its own headings
 * leading there.
 */
export function describeEntry(page: string, title: string, text: string): string {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => slugOf(heading));
  return text
    .replace(/^# .+$/m, `# ${title}`)
    .replace(/\]\(([^)#\s]+)\.md(?=[)#])/g, (link, path: string) => {
      const entry = API[posix.join(posix.dirname(page), path)];
      return entry === undefined ? link : `](${entry.name}.md`;
    })
    .replace(/\]\(#([\w-]+?)-(\d+)\)/g, (link, slug: string, count: string) =>
      // typedoc numbers a heading that it has written once already on another page.
      headings.filter((heading) => heading === slug).length > Number(count) ? link : `](#${slug})`,
    );
}

const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

/**
 * A file's text as a section of a page: without what stands before its first heading, and its
 * headings one level down.
 */
const sectionOf = (text: string) =>
  withoutLinks(text.replace(/^---\n.*?\n---\n/s, "").replace(/^!\[.*\n/gm, "")).replace(/^#/gm, "##");

/** Text whose links to files of the repository have become plain. */
const withoutLinks = (text: string) => text.replace(/\[([^\]]+)\]\((?!https?:)[^)]*\)/g, "$1");

/** A page of the repository's root; its links count from there. */
const rootPage = (path: string) => read(path).replaceAll("](docs/", "](../");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = join(root, "docs/reference");
  mkdirSync(target, { recursive: true });
  const pages = {
    commands: describeCommands(documentedProgram()),
    examples: describeExamples(),
    models: describeModels(),
    changelog: rootPage("CHANGELOG.md"),
    contributing: rootPage("CONTRIBUTING.md"),
  };
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(target, `${name}.md`), text);
  for (const [page, { name, title }] of Object.entries(API)) {
    const text = describeEntry(page, title, readFileSync(join(target, "api", `${page}.md`), "utf8"));
    writeFileSync(join(target, `${name}.md`), text);
  }
  rmSync(join(target, "api"), { recursive: true });
}
