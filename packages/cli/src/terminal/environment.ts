/**
 * Options from the environment, for servers in containers: --max-size is ADAATTN_MAX_SIZE. What is
 * typed goes before it.
 */
import type { Command } from "commander";
import { gather } from "./usage.ts";

/**
 * Lets all options that a command has by now be set in the environment, those that may be given
 * several times with commas.
 */
export function heedEnvironment(command: Command): Command {
  for (const option of command.options) {
    const name = `ADAATTN_${option.name().replaceAll("-", "_").toUpperCase()}`;
    // For --help.
    option.env(name);
    const [key, isList] = [option.attributeName(), option.parseArg === gather];
    if (isList) {
      option.argParser<string[]>((text, before) =>
        gather(text, command.getOptionValueSource(key) === "env" ? undefined : before),
      );
    }
    // Compose files pass on variables that nobody set as nothing.
    const given = process.env[name] ?? "";
    if (given === "") continue;
    command.setOptionValueWithSource(key, isList ? given.split(",") : option.isBoolean() || given, "env");
  }
  return command;
}
