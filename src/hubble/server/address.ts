/** Addresses that a server listens at: `HOST:PORT`, `[ADDRESS]:PORT`, `unix:PATH`. */
import { isIP } from "node:net";

export interface ListenAddress {
  /** As gRPC takes it. */
  readonly target: string;
  readonly host: string;
  readonly port: number;
  /** Nobody on another machine can reach it. */
  readonly loopback: boolean;
}

const PORT_MAX = 65_535;

/** Undefined when the text is no address. */
export function listenAddress(text: string): ListenAddress | undefined {
  const path = /^unix:(?:\/\/)?(.+)$/.exec(text);
  if (path !== null) return { target: `unix:${path[1]!}`, host: path[1]!, port: 0, loopback: true };
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > PORT_MAX) return undefined;
  const host = match[1] ?? match[2]!;
  if (match[1] !== undefined && isIP(host) !== 6) return undefined;
  // As in Go, no host means every address of the machine.
  const bound = host === "" ? "[::]" : match[1] === undefined ? host : `[${host}]`;
  return { target: `${bound}:${match[3]!}`, host, port: Number(match[3]), loopback: isLoopback(host) };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
