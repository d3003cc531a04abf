/**
 * What a workload's requests and questions say to whoever reads them: HTTP's request line and status, names that are looked up.
 *
 * Where the scenario does not say it: a GET of `/` from the service by its full name in the cluster (or the address that is
 * called), answered with 200; and names made of the workload's name under `example.`, which nobody has (RFC 6761), with an
 * address of a block for documentation (RFC 5737).
 */
import type { DnsAnswer, DnsType } from "../../observe/layer7.js";
import { NO_TTL_S } from "../../observe/layer7.js";
import type { HttpShape, QueryWorkload, Scenario, Workload } from "../../scenario/types.js";
import type { Topology } from "../topology.js";

/** Seconds that CoreDNS's answers hold: `ttl 30` of kubeadm's Corefile. */
const TTL_S = 30;
const NO_SUCH_NAME = 3;
const HTTP_PORT = 80;
/** 198.51.100.0/24 is TEST-NET-2. */
const PLACEHOLDER_ADDRESS = "198.51.100.1";
/** Namespace of clients that are in none. */
const DEFAULT_NAMESPACE = "default";

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly status: number;
}

/** A question about one of the names that a resolver tries. */
export interface Question {
  /** Which of them, in the order in which they are tried, from 0. */
  readonly candidate: number;
  readonly qtype: DnsType;
  readonly exists: boolean;
}

/** `server`: address and port as the request has them. */
export function httpRequest(workload: Workload, topology: Topology, server: { readonly address: string; readonly port: number }): HttpRequest {
  const { method, path, host, status } = httpShape(workload);
  const where = host ?? hostOf(workload, topology, server);
  return { method, url: `http://${where}${path}`, status };
}

export function httpShape(workload: Workload): HttpShape {
  if (workload.kind === "arrivals") return workload.connection.http;
  if (workload.kind === "pool") return workload.request.http;
  throw new Error(`workload ${workload.name} makes no requests`);
}

function hostOf({ to }: Workload, topology: Topology, server: { readonly address: string; readonly port: number }): string {
  if (to.kind !== "service") return withPort(server.address, server.port);
  const { name, namespace, port } = topology.services[to.service]!;
  return withPort(`${name}.${namespace}.svc.cluster.local`, port);
}

function withPort(host: string, port: number): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === HTTP_PORT ? name : `${name}:${port}`;
}

/** The name of a candidate, with its last dot. Plain exchanges ask for the one name. */
export function candidateName(workload: QueryWorkload, candidate: number): string {
  const { dns } = workload;
  const name = dns?.name ?? placeholderName(workload);
  if (dns === null) return `${name}.`;
  const domain = dns.dots >= dns.ndots ? candidate : candidate + 1;
  return domain === 0 || domain > dns.search ? `${name}.` : `${name}.${searchDomain(workload, domain)}.`;
}

function placeholderName({ name, dns }: QueryWorkload): string {
  const own = name.toLowerCase().replace(/[^a-z0-9-]/g, "-");
  const dots = dns?.dots ?? 1;
  return dots === 0 ? own : `${own}${".sub".repeat(dots - 1)}.example`;
}

/** Search domains of a pod, from 1: its namespace's, the cluster's two, then those of the node, which nobody names. */
function searchDomain({ from }: QueryWorkload, nth: number): string {
  const namespace = from.kind === "pod" || from.kind === "remote" ? from.workload.split("/")[0]! : DEFAULT_NAMESPACE;
  return [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"][nth - 1] ?? `node${nth - 3}.example`;
}

/** What the name server says: of an existing name its IPv4 address, and no other record. */
export function answerTo({ dns }: QueryWorkload, { qtype, exists }: Question): DnsAnswer {
  if (!exists) return { rcode: NO_SUCH_NAME, ips: [], ttlS: NO_TTL_S };
  if (qtype === "AAAA") return { rcode: 0, ips: [], ttlS: NO_TTL_S };
  return { rcode: 0, ips: [dns?.address ?? PLACEHOLDER_ADDRESS], ttlS: TTL_S };
}

/** Workloads of the node's pods whose questions name what no scenario has named. */
export function placeholders({ workloads }: Scenario): readonly string[] {
  const silent = workloads.filter((workload) => workload.kind === "queries" && workload.from.kind === "pod" && (workload.dns?.name ?? null) === null);
  return silent.map(({ name }) => name);
}
