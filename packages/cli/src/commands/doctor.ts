/**
 * `adaattn doctor`: what this machine offers, for the person who wonders and for reports of
 * problems.
 */
import { engineInfo, hasHugePages } from "adaattn/internal/node";
import { listModels } from "adaattn/node";

/** The options of `adaattn doctor`. */
export interface DoctorOptions {
  /** The version of this command. */
  readonly version: string;
  readonly json: boolean;
  /** Whether to try the GPU again where the answer is remembered. */
  readonly probe: boolean;
}

/**
 * Prints versions, engines and bundled models on stdout, as lines to read or as one JSON object.
 */
export async function doctor({ version, json, probe }: DoctorOptions): Promise<void> {
  const { versions, devices } = await engineInfo({ renew: probe });
  const facts = {
    versions: { adaattn: version, node: process.versions.node, ...versions },
    platform: `${process.platform} ${process.arch}`,
    hugePages: hasHugePages(),
    devices,
    models: listModels(),
  };
  if (json) {
    process.stdout.write(`${JSON.stringify(facts)}\n`);
    return;
  }
  const rows: [string, string][] = [
    ...Object.entries(facts.versions),
    ["platform", facts.platform],
    ...devices.map(({ device, available, detail }): [string, string] => [
      device,
      available ? detail : `not available: ${detail}`,
    ]),
    ["memory", facts.hugePages ? "in huge pages" : "kept between pictures (no huge pages)"],
    ["models", facts.models.join(", ") || "none bundled"],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(width)}  ${value}\n`);
}
