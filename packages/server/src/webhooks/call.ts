/** One call of an address: a message by POST, and whether it was taken. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { lookupPublic } from "./address.ts";

/** How long a call may take, in milliseconds. */
const PATIENCE = 15_000;

export interface Call {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isPrivateAllowed: boolean;
  readonly signal: AbortSignal;
}

/**
 * Resolves with the status of the answer, of which nothing else is read; a redirection is not
 * followed. @throws where there was none.
 */
export function call({ url, headers, body, isPrivateAllowed, signal }: Call): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
      method: "POST",
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
      headers: { ...headers, "content-length": Buffer.byteLength(body) },
      ...(!isPrivateAllowed && { lookup: lookupPublic }),
    });
    request.once("response", (answer) => {
      resolve(answer.statusCode ?? 0);
      answer.destroy();
    });
    request.on("error", reject);
    request.end(body);
  });
}
