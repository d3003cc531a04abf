/**
 * What a proxy of the node tells the agent about a request or an answer, and how a flow shows it: pkg/proxy/accesslog
 * (`LogRecord`), pkg/hubble/parser/seven (`decodeDNS`, `decodeHTTP`, `dnsSummary`, `httpSummary`).
 */
import { goString } from "./flow-text.js";

/** Types of questions, as gopacket names them. */
export type DnsType = "A" | "AAAA";

export interface DnsRecord {
  readonly kind: "dns";
  /** Lower case, with its last dot. */
  readonly query: string;
  readonly qtype: DnsType;
  /** Null in a question. */
  readonly answer: DnsAnswer | null;
}

export interface DnsAnswer {
  /** 0 no error, 3 no such name. */
  readonly rcode: number;
  readonly ips: readonly string[];
  /** The least of all records, s; without any the greatest that fits 32 bits (`ExtractMsgDetails`). */
  readonly ttlS: number;
}

export interface HttpRecord {
  readonly kind: "http";
  readonly method: string;
  readonly url: string;
  /** 0 in a request. */
  readonly code: number;
  /** `X-Request-Id`, which Envoy gives each request: the header of both records that Envoy's log is sure to have. */
  readonly requestId: string;
}

export interface Layer7 {
  readonly type: "REQUEST" | "RESPONSE";
  /** From the request's record to the answer's, known of HTTP only; 0 in requests. */
  readonly latencyNs: number;
  readonly record: DnsRecord | HttpRecord;
}

/** `TTL` of an answer without records. */
export const NO_TTL_S = 0xffffffff;
/** What Envoy's HTTP connection manager reads. */
export const HTTP_PROTOCOL = "HTTP/1.1";
const NS_PER_MS = 1e6;
/** gopacket's `DNSResponseCode`. */
const RCODE_TEXTS: Readonly<Record<number, string>> = { 1: "Format Error", 2: "Server Failure", 3: "Non-Existent Domain", 4: "Not Implemented", 5: "Query Refused" };

/** How metrics name what the record is about. */
export function layer7Protocol({ record }: Layer7): "DNS" | "HTTP" {
  return record.kind === "dns" ? "DNS" : "HTTP";
}

/** JSON of `flow.Layer7`. */
export function layer7Json({ type, latencyNs, record }: Layer7): string {
  const latency = latencyNs === 0 ? "" : `,"latency_ns":"${latencyNs}"`;
  return `{"type":"${type}"${latency},${record.kind === "dns" ? `"dns":${dnsJson(record)}` : `"http":${httpJson(record)}`}}`;
}

function dnsJson({ query, qtype, answer }: DnsRecord): string {
  const ips = answer === null || answer.ips.length === 0 ? "" : `,"ips":[${answer.ips.map(goString).join(",")}]`;
  const ttl = answer === null || answer.ttlS === 0 ? "" : `,"ttl":${answer.ttlS}`;
  const rcode = answer === null || answer.rcode === 0 ? "" : `,"rcode":${answer.rcode}`;
  const types = answer === null ? [] : answerTypes(qtype, answer);
  const rrtypes = types.length === 0 ? "" : `,"rrtypes":[${types.map(goString).join(",")}]`;
  return `{"query":${goString(query)}${ips}${ttl},"observation_source":"proxy"${rcode},"qtypes":["${qtype}"]${rrtypes}}`;
}

/** Types of an answer's records, one for each. */
export function answerTypes(qtype: DnsType, { ips }: DnsAnswer): readonly string[] {
  return ips.map(() => qtype);
}

function httpJson({ code, method, url, requestId }: HttpRecord): string {
  return (
    `{${code === 0 ? "" : `"code":${code},`}"method":${goString(method)},"url":${goString(url)},"protocol":"${HTTP_PROTOCOL}",` +
    `"headers":[{"key":"X-Request-Id","value":"${requestId}"}]}`
  );
}

/** Text of `Summary`, as a JSON string. */
export function layer7Summary({ type, latencyNs, record }: Layer7): string {
  return goString(record.kind === "dns" ? dnsSummary(record) : httpSummary(type, latencyNs, record));
}

function dnsSummary({ query, qtype, answer }: DnsRecord): string {
  if (answer === null) return `DNS Query ${query} ${qtype}`;
  const { rcode, ips, ttlS } = answer;
  const text = rcode === 0 ? (ips.length === 0 ? "" : `"${ips.join(",")}"`) : `RCode: ${RCODE_TEXTS[rcode] ?? String(rcode)}`;
  return `DNS Answer ${text} TTL: ${ttlS} (Proxy ${query} ${qtype})`;
}

function httpSummary(type: Layer7["type"], latencyNs: number, { method, url, code }: HttpRecord): string {
  if (type === "REQUEST") return `${HTTP_PROTOCOL} ${method} ${url}`;
  return `${HTTP_PROTOCOL} ${code} ${Math.floor(latencyNs / NS_PER_MS)}ms (${method} ${url})`;
}
