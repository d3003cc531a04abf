/**
 * Hubble's API over gRPC for whoever brings nodes: `observer.Observer`, `peer.Peer` and gRPC's health service, as Hubble Relay
 * offers them. Plain text, or TLS with the given certificates.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { Health } from "../proto/health_pb.js";
import { Observer } from "../proto/observer_pb.js";
import { Peer } from "../proto/peer_pb.js";
import type { ListenAddress } from "./address.js";
import type { FlowHub } from "./flow-hub.js";
import { healthService } from "./health-service.js";
import { observerService } from "./observer-service.js";
import { peerService } from "./peer-service.js";
import { serviceDefinition } from "./service.js";

/** PEM. With `clientCa` clients must show a certificate that it has signed. */
export interface ServerTls {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | null;
}

export interface HubbleServerOptions {
  readonly hub: FlowHub;
  readonly version: string;
  readonly listen: ListenAddress;
  readonly tls: ServerTls | null;
}

export interface HubbleServer {
  /** Where it listens, with the port that it got. */
  readonly address: string;
  /** Ends streams, then the server; what does not end in time is cut off. */
  close(): Promise<void>;
}

/** How long streams may take to end, ms. */
const GRACE_MS = 1000;

/** Rejects when the address can't be had, or the certificates don't fit. */
export async function serveHubble({ hub, version, listen, tls }: HubbleServerOptions): Promise<HubbleServer> {
  const server = new Server();
  const ending = new AbortController();
  let address = listen.target;
  const options = { hub, version, address: () => address, tls: tls !== null, ending: ending.signal };
  server.addService(serviceDefinition(Observer), observerService(options));
  server.addService(serviceDefinition(Peer), peerService(hub, options.address, ending.signal));
  server.addService(serviceDefinition(Health), healthService(ending.signal));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(listen.target, credentials(tls), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  if (!listen.target.startsWith("unix:")) address = listen.target.replace(/:\d+$/, `:${port}`);
  return { address, close: () => close(server, ending) };
}

function credentials(tls: ServerTls | null): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(tls.clientCa, [{ cert_chain: tls.certificate, private_key: tls.key }], tls.clientCa !== null);
}

async function close(server: Server, ending: AbortController): Promise<void> {
  ending.abort();
  await new Promise<void>((resolve) => {
    const impatient = setTimeout(() => server.forceShutdown(), GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(impatient);
      resolve();
    });
  });
}
