/**
 * Where a server may call: only hosts that its operator names, and of those no address of a private
 * network unless he allows it. A request must not reach, through the server, what its sender cannot
 * reach himself (server-side request forgery).
 */
import { type LookupAddress, lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { Problem } from "../problem.ts";

/** Whom a server may call. */
export interface CallRules {
  /** Names of hosts; one that begins with a dot stands for all below it. */
  readonly hosts: readonly string[];
  /**
   * Whether they may have private addresses and be called by http; else it is https and public
   * addresses alone.
   */
  readonly isPrivateAllowed: boolean;
}

/**
 * The address to call. @throws Problem where that is not allowed; what the host's name leads to is
 * looked at with each call.
 */
export function checkCallback(text: string, { hosts, isPrivateAllowed }: CallRules): URL {
  if (hosts.length === 0) {
    throw wrong("Expected no callback, for this server calls nobody. Its --webhook-hosts says whom it may call.");
  }
  const schemes = isPrivateAllowed ? ["https:", "http:"] : ["https:"];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !schemes.includes(url.protocol) || url.username !== "" || url.password !== "") {
    throw wrong(`Expected an address such as https://${hosts[0]}/done for the callback, without a name and password.`);
  }
  const name = url.hostname.toLowerCase();
  if (
    !hosts.some((host) => name === host.toLowerCase() || (host.startsWith(".") && name.endsWith(host.toLowerCase())))
  ) {
    throw wrong(`Expected a callback to ${hosts.join(" or ")} but received one to ${name.slice(0, 80)}.`);
  }
  if (!isPrivateAllowed && ipaddr.isValid(bare(name)) && !isPublic(bare(name))) {
    throw wrong(`Expected a callback to a public address but received one to ${name}.`);
  }
  return url;
}

function wrong(detail: string): Problem {
  return new Problem("invalid-options", detail, { errors: [{ pointer: "#/callback", detail }] });
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Whether an address is one of the open internet. */
export function isPublic(address: string): boolean {
  // An IPv4 address within an IPv6 one is what counts.
  return ipaddr.process(address).range() === "unicast";
}

/** Looks names up for a call, which then goes to the very address that was looked at. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const hidden = addresses?.find(({ address }) => !isPublic(address));
    const problem = error ?? (hidden && new Error(`${hostname} leads to ${hidden.address}, which is not public`));
    if (problem) callback(problem, "");
    else if (options.all) callback(null, addresses);
    else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
  });
};
