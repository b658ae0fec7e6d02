/** What tells one model from another: a digest of its architecture and of every weight. */

import { type Architecture, parametersOf } from "../network/architecture.ts";
import { flatten, type WeightValues } from "../network/parameters.ts";

/** SHA-256 in 64 hexadecimal digits. */
export async function fingerprintOf(architecture: Architecture, weights: WeightValues): Promise<string> {
  const description = new TextEncoder().encode(JSON.stringify(architecture));
  const values = new Uint8Array(flatten(parametersOf(architecture), weights).buffer);
  const bytes = new Uint8Array(description.length + values.length);
  bytes.set(description);
  bytes.set(values, description.length);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
