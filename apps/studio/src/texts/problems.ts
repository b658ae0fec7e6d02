/** What went wrong, in the user's language where it is known what it is. */

import { EngineFailure } from "../engine/client.ts";
import type { Failure } from "../engine/protocol.ts";
import { t } from "./texts.ts";

/** A sentence for the user; of a failure that has no text of its own, the engine's in English. */
export function sentenceOf(error: unknown): string {
  if (error instanceof EngineFailure) return sentenceOfFailure({ code: error.code, sentence: error.message });
  return error instanceof Error ? error.message : String(error);
}

export function sentenceOfFailure({ code, sentence }: Failure): string {
  return t(`failure.${code}`, { sentence });
}
