/** Conditions of a FlowFilter on the event: identity, type, verdict, protocol, flags, layer 7, node. */
import { RE2JS } from "re2js";
import { FilterError, usable, type FlowTest } from "./flow-test.js";
import { parsePlainSelector } from "./label-selector.js";
import { MESSAGE_TYPE } from "./names.js";
import { nodeNamePattern } from "./patterns.js";
import { Verdict, type EventTypeFilter, type Flow, type FlowFilter, type HTTP, type NetworkInterface, type TCPFlags } from "./proto/flow_pb.js";
import { requestPath } from "./request-uri.js";

/** One test for each field that is set. */
export function eventTests(filter: FlowFilter): FlowTest[] {
  const tests: FlowTest[] = [];
  const when = <Value>(values: readonly Value[], build: (values: readonly Value[]) => FlowTest): void => {
    if (values.length > 0) tests.push(build(values));
  };
  when(filter.uuid, (uuids) => (flow, present) => present && uuids.includes(flow.uuid));
  when(filter.eventType, (types) => (flow) => types.some((type) => isOfType(flow, type)));
  when(filter.verdict, (verdicts) => (flow, present) => present && verdicts.includes(flow.verdict));
  when(filter.dropReasonDesc, (reasons) => (flow, present) => present && reasons.includes(flow.dropReasonDesc));
  when(filter.reply, byReply);
  when(filter.encrypted, (values) => (flow, present) => present && values.includes(flow.IP?.encrypted ?? false));
  when(filter.protocol, byProtocol);
  when(filter.dnsQuery, byDnsQuery);
  when(filter.httpStatusCode, (codes) => httpTest(filter, "status code", () => byStatusCode(codes)));
  when(filter.httpMethod, (methods) => httpTest(filter, "method", () => byMethod(methods)));
  when(filter.httpPath, (paths) => httpTest(filter, "path", () => byPath(paths)));
  when(filter.httpUrl, (urls) => httpTest(filter, "url", () => byUrl(urls)));
  when(filter.httpHeader, (headers) => (flow) => {
    const found = httpOf(flow)?.headers ?? [];
    return headers.some(({ key, value }) => found.some((header) => header.key === key && header.value === value));
  });
  when(filter.tcpFlags, byTcpFlags);
  when(filter.nodeName, byNodeName);
  when(filter.nodeLabels, byNodeLabels);
  when(filter.interface, byInterface);
  when(filter.ipTraceId, (ids) => ({ ipTraceId }) => ids.includes(ipTraceId?.traceId ?? 0n));
  when(filter.ipVersion, (versions) => (flow, present) => present && versions.includes(flow.IP?.ipVersion ?? 0));
  when(filter.traceId, (ids) => (flow) => ids.includes(flow.traceContext?.parent?.traceId ?? ""));
  when(filter.trafficDirection, (directions) => (flow, present) => present && directions.includes(flow.trafficDirection));
  return tests;
}

function byNodeLabels(texts: readonly string[]): FlowTest {
  const selectors = texts.map((text) => {
    try {
      return parsePlainSelector(text);
    } catch (error) {
      throw new FilterError(`invalid node label filter: ${(error as Error).message}`);
    }
  });
  return ({ nodeLabels }) => selectors.some((selects) => selects(nodeLabels));
}

/** By index, name or both; what is not given is any. */
function byInterface(wanted: readonly NetworkInterface[]): FlowTest {
  return ({ interface: found }) =>
    found !== undefined && wanted.some(({ index, name }) => (index === 0 || index === found.index) && (name === "" || name === found.name));
}

/** Type 0 is any. */
function isOfType({ eventType }: Flow, { type, matchSubType, subType }: EventTypeFilter): boolean {
  if (eventType === undefined) return false;
  return (type === 0 || eventType.type === type) && (!matchSubType || eventType.subType === subType);
}

/** A drop whose direction is not known counts as none of a reply. */
function byReply(replies: readonly boolean[]): FlowTest {
  return ({ isReply, verdict }, present) =>
    present && (isReply !== undefined || verdict === Verdict.DROPPED) && replies.includes(isReply ?? false);
}

const LAYER_4: ReadonlyMap<string, readonly string[]> = new Map([
  ["icmp", ["ICMPv4", "ICMPv6"]],
  ["icmpv4", ["ICMPv4"]],
  ["icmpv6", ["ICMPv6"]],
  ["tcp", ["TCP"]],
  ["udp", ["UDP"]],
  ["sctp", ["SCTP"]],
]);
const LAYER_7: readonly string[] = ["dns", "http", "kafka"];

function byProtocol(protocols: readonly string[]): FlowTest {
  const layer4 = new Set<string>();
  const layer7 = new Set<string>();
  for (const protocol of protocols) {
    const name = protocol.toLowerCase();
    const members = LAYER_4.get(name);
    if (members !== undefined) members.forEach((each) => layer4.add(each));
    else if (LAYER_7.includes(name)) layer7.add(name);
    else {
      const names = [...LAYER_4.keys(), ...LAYER_7];
      throw new FilterError(`invalid protocol filter: unknown protocol: "${protocol}"`, { written: protocol, names });
    }
  }
  return ({ l4, l7 }) => layer4.has(l4?.protocol.case ?? "") || layer7.has(l7?.record.case ?? "");
}

function byDnsQuery(patterns: readonly string[]): FlowTest {
  const expressions = patterns.map((pattern) => compiled(pattern, (reason) => `invalid DNS query filter: failed to compile regexp: ${reason}`));
  return ({ l7 }) => {
    const record = l7?.record;
    return record?.case === "dns" && expressions.some((expression) => expression.matcher(record.value.query).find());
  };
}

function compiled(pattern: string, describe: (reason: string) => string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new FilterError(describe((error as Error).message));
  }
}

function httpOf({ l7 }: Flow): HTTP | undefined {
  return l7?.record.case === "http" ? l7.record.value : undefined;
}

/** HTTP conditions need event types that HTTP records can have. */
function httpTest({ eventType }: FlowFilter, what: string, build: () => FlowTest): FlowTest {
  if (eventType.length > 0 && !eventType.some(({ type }) => type === MESSAGE_TYPE.l7)) {
    throw new FilterError(`filtering by http ${what} requires the event type filter to only match 'l7' events`);
  }
  return build();
}

const STATUS = /^[1-5][0-9]{2}$/;
const STATUS_PREFIX = /^[1-5][0-9]?\+$/;

function byStatusCode(codes: readonly string[]): FlowTest {
  const invalid = codes.find((code) => !STATUS.test(code) && !STATUS_PREFIX.test(code));
  if (invalid !== undefined) throw new FilterError(`invalid http status code filter: invalid status code prefix: "${invalid}"`);
  const prefixes = codes.filter((code) => code.endsWith("+")).map((code) => code.slice(0, -1));
  return (flow) => {
    const code = httpOf(flow)?.code ?? 0;
    // A request has no status.
    if (code === 0) return false;
    const text = String(code).padStart(3, "0");
    return codes.includes(text) || prefixes.some((prefix) => text.startsWith(prefix));
  };
}

function byMethod(methods: readonly string[]): FlowTest {
  const wanted = methods.map((method) => method.toLowerCase());
  return (flow) => {
    const method = httpOf(flow)?.method ?? "";
    return method !== "" && wanted.includes(method.toLowerCase());
  };
}

function byPath(patterns: readonly string[]): FlowTest {
  const expressions = patterns.map((pattern) => compiled(pattern, (reason) => `invalid http path filter: ${pattern}: ${reason}`));
  return (flow) => {
    const path = requestPath(httpOf(flow)?.url ?? "");
    return path !== undefined && expressions.some((expression) => expression.matcher(path).find());
  };
}

function byUrl(patterns: readonly string[]): FlowTest {
  const expressions = patterns.map((pattern) => compiled(pattern, (reason) => `invalid http url filter: ${pattern}: ${reason}`));
  return (flow) => {
    const url = httpOf(flow)?.url ?? "";
    return url !== "" && expressions.some((expression) => expression.matcher(url).find());
  };
}

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "NS"] as const;

/** At least the flags of any of the filter's sets. */
function byTcpFlags(sets: readonly TCPFlags[]): FlowTest {
  const wanted = sets.map((set) => FLAGS.filter((flag) => set[flag]));
  return ({ l4 }) => {
    const flags = l4?.protocol.case === "TCP" ? l4.protocol.value.flags : undefined;
    return flags !== undefined && wanted.some((set) => set.every((flag) => flags[flag]));
  };
}

/** A node without a cluster is of the cluster `default`. */
function byNodeName(patterns: readonly string[]): FlowTest {
  const pattern = usable(() => nodeNamePattern(patterns));
  return ({ nodeName }) => nodeName !== "" && pattern.test(nodeName.includes("/") ? nodeName : `default/${nodeName}`);
}
