/**
 * Hubble's metrics of what proxies tell: pkg/hubble/metrics/dns and http. `query` adds the name to the labels of `dns`,
 * `ignoreAAAA` leaves such questions out; `httpV2` counts at the answer, and names the ends as the request had them.
 */
import { FLOW_DIRECTION, FLOW_VERDICT, type FlowRow } from "../flow-row.js";
import { answerTypes, HTTP_PROTOCOL, type DnsRecord, type HttpRecord } from "../layer7.js";
import type { MetricFamily } from "./metric-store.js";

export type Labels = readonly (readonly [name: string, value: string])[];

/** A plugin's family: how often a flow counts in it, and with which labels of its own. */
export interface Handler {
  readonly family: MetricFamily;
  /** One set of labels for each time that the flow counts. */
  readonly labelsOf: (row: FlowRow) => readonly Labels[];
  /** Of a histogram: what is observed, s. */
  readonly secondsOf?: (row: FlowRow) => number;
  /** Source and destination change places in the labels of context. */
  readonly inverted?: true;
}

/** Upper bounds of a histogram's buckets: Prometheus' defaults, s. */
export const DURATION_BOUNDS_S: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const NS_PER_S = 1e9;

const counter = (name: string, help: string): MetricFamily => ({ name: `hubble_${name}`, type: "counter", help });

/** Names of response codes: pkg/hubble/metrics/dns/rcode.go. */
const RCODE_NAMES: Readonly<Record<number, string>> = {
  0: "No Error", 1: "Format Error", 2: "Server Failure", 3: "Non-Existent Domain", 4: "Not Implemented", 5: "Query Refused",
};

/** `flags`: the options, in small letters. */
export function dnsHandlers(flags: readonly string[]): readonly Handler[] {
  const withQuery = (labels: Labels, { query }: DnsRecord): Labels => (flags.includes("query") ? [...labels, ["query", query]] : labels);
  const read = (row: FlowRow): DnsRecord | null => {
    const record = row.layer7?.record;
    return record?.kind !== "dns" || (flags.includes("ignoreaaaa") && record.qtype === "AAAA") ? null : record;
  };
  const counted = (record: DnsRecord, rcode: string): Labels => {
    const ips = record.answer?.ips.length ?? 0;
    return withQuery([["rcode", rcode], ["qtypes", record.qtype], ["ips_returned", String(ips)]], record);
  };
  const isDenied = ({ verdict }: FlowRow): boolean => verdict === FLOW_VERDICT.dropped;
  const answered = (row: FlowRow): DnsRecord | null => (isDenied(row) ? null : read(row));
  return [
    {
      family: counter("dns_queries", "Number of DNS queries observed"),
      labelsOf: (row) => {
        const record = read(row);
        if (record === null || (record.answer !== null && !isDenied(row))) return [];
        return [counted(record, isDenied(row) ? "Policy denied" : "")];
      },
    },
    {
      family: counter("dns_responses", "Number of DNS queries observed"),
      labelsOf: (row) => {
        const record = answered(row);
        return record === null || record.answer === null ? [] : [counted(record, RCODE_NAMES[record.answer.rcode] ?? "")];
      },
    },
    {
      family: counter("dns_response_types", "Number of DNS queries observed"),
      labelsOf: (row) => {
        const record = answered(row);
        if (record === null || record.answer === null) return [];
        return answerTypes(record.qtype, record.answer).map((type) => withQuery([["type", type], ["qtypes", record.qtype]], record));
      },
    },
  ];
}

function httpOf(row: FlowRow, type: "REQUEST" | "RESPONSE"): HttpRecord | null {
  const { layer7 } = row;
  return layer7 === null || layer7.type !== type || layer7.record.kind !== "http" ? null : layer7.record;
}

function reporterOf({ direction }: FlowRow): string {
  if (direction === FLOW_DIRECTION.egress) return "client";
  return direction === FLOW_DIRECTION.ingress ? "server" : "unknown";
}

const spoken = ({ method }: HttpRecord): Labels => [["method", method], ["protocol", HTTP_PROTOCOL]];
const withStatus = (record: HttpRecord): Labels => [...spoken(record), ["status", String(record.code)]];

const REQUESTS = counter("http_requests", "Count of HTTP requests");

const DURATION: Handler = {
  family: { name: "hubble_http_request_duration_seconds", type: "histogram", help: "Quantiles of HTTP request duration in seconds" },
  labelsOf: (row) => {
    const record = httpOf(row, "RESPONSE");
    return record === null ? [] : [[["method", record.method], ["reporter", reporterOf(row)]]];
  },
  secondsOf: ({ layer7 }) => layer7!.latencyNs / NS_PER_S,
};

function countedAt(family: MetricFamily, type: "REQUEST" | "RESPONSE", labels: (record: HttpRecord) => Labels): Handler {
  return {
    family,
    labelsOf: (row) => {
      const record = httpOf(row, type);
      return record === null ? [] : [[...labels(record), ["reporter", reporterOf(row)]]];
    },
  };
}

export const HTTP_HANDLERS: readonly Handler[] = [
  countedAt(REQUESTS, "REQUEST", spoken),
  countedAt(counter("http_responses", "Count of HTTP responses"), "RESPONSE", withStatus),
  DURATION,
];

export const HTTP_V2_HANDLERS: readonly Handler[] = [
  { ...countedAt(REQUESTS, "RESPONSE", withStatus), inverted: true },
  { ...DURATION, inverted: true },
];
