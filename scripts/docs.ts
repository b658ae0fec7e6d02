/**
 * Writes the pages of the documentation that come from elsewhere into docs/reference: commands from the command's own definitions,
 * examples, model cards, the changelog. `npm run docs` runs it after typedoc and before
 * the site is built.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
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
  const notes = `models/${name}/NOTES.md`;
  const told = existsSync(join(root, notes)) ? withoutLinks(read(notes)).replace(/^#/gm, "##") : "";
  return `## ${name}\n\n|  |  |\n|---|---|\n${facts.join("\n")}\n\n${told}`;
}

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
  // typedoc has named its pages after files; a reader knows what is imported.
  for (const page of readdirSync(join(target, "api"), { recursive: true, encoding: "utf8" })) {
    const path = join(target, "api", page);
    if (!path.endsWith(".md")) continue;
    const named = (_: string, name: string) => `# ${name === "adaattn" ? name : `@adaattn/${name}`}`;
    writeFileSync(path, readFileSync(path, "utf8").replace(/^# ([a-z]+)\/src(?:\/index\.node$)?/m, named));
  }
}
