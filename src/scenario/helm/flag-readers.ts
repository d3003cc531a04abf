/**
 * Texts of `cilium-config` → values of settings, as the agent's flags read them: Go's forms of truth values, numbers and
 * durations, and the closed sets of words. A text that the agent would refuse gives undefined.
 */

import { MAGLEV_TABLE_SIZES } from "../../cilium/agent/maglev.js";
import { MONITOR_AGGREGATION, MONITOR_FLAGS_ALL, type CiliumSettings, type PortRange } from "../../cilium/agent/settings.js";
import { parseDuration, type Seconds, NS_PER_S } from "../../core/units.js";

/** Reads one flag; `expected` says what fits. */
export interface FlagReader<Value> {
  readonly expected: string;
  readonly read: (text: string) => Value | undefined;
}

const TRUE_WORDS = ["true", "True", "TRUE", "t", "T", "1"];
const FALSE_WORDS = ["false", "False", "FALSE", "f", "F", "0"];

const truth: FlagReader<boolean> = {
  expected: "true or false",
  read: (text) => (TRUE_WORDS.includes(text) ? true : FALSE_WORDS.includes(text) ? false : undefined),
};

function integer(min: number, max: number): FlagReader<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    read: (text) => {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
      return value !== undefined && value >= min && value <= max ? value : undefined;
    },
  };
}

const INT32_MAX = 2 ** 31 - 1;
/** Any number of entries: the agent's own bounds and their words are in `cilium/agent/map-size.ts`. */
const entries = integer(0, INT32_MAX);
/** The same, 0 for "not set". */
const entriesOrUnset: FlagReader<number | null> = {
  expected: entries.expected,
  read: (text) => {
    const value = entries.read(text);
    return value === 0 ? null : value;
  },
};

const fraction: FlagReader<number> = {
  expected: "a number",
  read: (text) => (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined),
};

const duration: FlagReader<CiliumSettings["conntrackGcInterval"]> = {
  expected: "a duration such as 30s, 5m or 2h13m20s",
  read: parseDuration,
};

const wholeSeconds: FlagReader<Seconds> = {
  expected: duration.expected,
  read: (text) => {
    const span = parseDuration(text);
    return span === undefined ? undefined : (Math.floor(span / NS_PER_S) as Seconds);
  },
};

function word<const Word extends string>(words: readonly Word[]): FlagReader<Word> {
  return { expected: `one of ${words.join(", ")}`, read: (text) => words.find((each) => each === text.toLowerCase()) };
}

const anyText: FlagReader<string> = { expected: "a text", read: (text) => text };
const textOrNull: FlagReader<string | null> = { expected: "a text", read: (text) => (text === "" ? null : text) };
const words: FlagReader<readonly string[]> = { expected: "words", read: (text) => text.split(/[\s]+/).filter((each) => each !== "") };

const PORT_MAX = 65_535;

/** `:9962` or `0.0.0.0:9962`. */
const listenPort: FlagReader<number> = {
  expected: "an address with a port such as :9962",
  read: (text) => {
    const port = /^.*:(\d{1,5})$/.exec(text)?.[1];
    return port !== undefined && Number(port) <= PORT_MAX ? Number(port) : undefined;
  },
};

const portRange: FlagReader<PortRange> = {
  expected: "two ports, the smaller first, such as 30000,32767",
  read: (text) => {
    const match = /^(\d{1,5})[,\s]\s*(\d{1,5})$/.exec(text.trim());
    if (match === null) return undefined;
    const [first, last] = [Number(match[1]), Number(match[2])];
    return first < last && last <= PORT_MAX ? { first, last } : undefined;
  },
};

/** Bits of the TCP flag byte by the names that `--monitor-aggregation-flags` takes. */
const TCP_FLAGS: Readonly<Record<string, number>> = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 };

const tcpFlags: FlagReader<number> = {
  expected: `all, none, or some of ${Object.keys(TCP_FLAGS).join(", ")}`,
  read: (text) => {
    const names = text
      .toLowerCase()
      .split(/[\s,]+/)
      .filter((each) => each !== "");
    if (names.length === 1 && names[0] === "all") return MONITOR_FLAGS_ALL;
    if (names.length === 1 && names[0] === "none") return 0;
    const bits = names.map((name) => (Object.hasOwn(TCP_FLAGS, name) ? TCP_FLAGS[name]! : Number.NaN));
    return bits.every((bit) => !Number.isNaN(bit)) ? bits.reduce((mask, bit) => mask | bit, 0) : undefined;
  },
};

/** The words of all releases; which one a release takes is the chart's check. */
const kubeProxyReplacement: FlagReader<boolean> = {
  expected: "true or false",
  read: (text) => {
    if (text === "true" || text === "strict") return true;
    return text === "false" || text === "partial" || text === "disabled" ? false : undefined;
  },
};

const maglevTableSize: FlagReader<number> = {
  expected: `one of ${MAGLEV_TABLE_SIZES.join(", ")}`,
  read: (text) => MAGLEV_TABLE_SIZES.find((each) => String(each) === text),
};

/** 12 bytes in base64 are 16 letters without padding. */
const maglevSeed: FlagReader<string> = {
  expected: "12 bytes in base64, such as the output of head -c12 /dev/urandom | base64 -w0",
  read: (text) => (/^[A-Za-z0-9+/]{16}$/.test(text) ? text : undefined),
};

const BUFFER_MAX = 65_535;

/** pkg/hubble/container: one less than a power of two. */
const ringCapacity: FlagReader<number> = {
  expected: "one less than a power of two, 1 to 65535 (4095, 8191 …)",
  read: (text) => {
    const value = integer(1, BUFFER_MAX).read(text);
    return value !== undefined && Number.isInteger(Math.log2(value + 1)) ? value : undefined;
  },
};

/** How each setting reads its flag. */
export const FLAG_READERS: { readonly [Field in keyof CiliumSettings]: FlagReader<CiliumSettings[Field]> } = {
  enableIpv4: truth,
  enableIpv6: truth,
  ctTcpMax: entriesOrUnset,
  ctAnyMax: entriesOrUnset,
  natMax: entriesOrUnset,
  neighMax: entriesOrUnset,
  sockRevMax: entriesOrUnset,
  policyMapMax: entries,
  policyStatsMapMax: entries,
  lbMapMax: integer(1, INT32_MAX),
  lbServiceMapMax: entriesOrUnset,
  lbBackendMapMax: entriesOrUnset,
  lbRevNatMapMax: entriesOrUnset,
  lbAffinityMapMax: entriesOrUnset,
  lbSourceRangeMapMax: entriesOrUnset,
  lbMaglevMapMax: entriesOrUnset,
  fragmentsMapMax: entries,
  authMapMax: entries,
  nodeMapMax: entries,
  egressGatewayPolicyMapMax: entries,
  mapDynamicSizeRatio: fraction,
  distributedLru: truth,
  preallocateMaps: truth,
  ctTimeoutRegularTcp: wholeSeconds,
  ctTimeoutRegularAny: wholeSeconds,
  ctTimeoutServiceTcp: wholeSeconds,
  ctTimeoutServiceTcpGrace: wholeSeconds,
  ctTimeoutServiceAny: wholeSeconds,
  ctTimeoutSyn: wholeSeconds,
  ctTimeoutFin: wholeSeconds,
  ctAccounting: truth,
  conntrackGcInterval: duration,
  conntrackGcMaxInterval: duration,
  enableBpfClockProbe: truth,
  monitorAggregation: word(MONITOR_AGGREGATION),
  monitorAggregationInterval: duration,
  monitorAggregationFlags: tcpFlags,
  eventsDropEnabled: truth,
  eventsPolicyVerdictEnabled: truth,
  eventsTraceEnabled: truth,
  eventsDefaultRateLimit: integer(0, INT32_MAX),
  eventsDefaultBurstLimit: integer(0, INT32_MAX),
  enableHubble: truth,
  hubbleEventBufferCapacity: ringCapacity,
  hubbleEventQueueSize: entriesOrUnset,
  hubbleMetrics: words,
  metrics: words,
  prometheusPort: listenPort,
  hubbleMetricsPort: listenPort,
  hubbleExportFilePath: textOrNull,
  hubbleDropEvents: truth,
  natMapStatsInterval: duration,
  policyMapPressureThreshold: fraction,
  routingMode: word(["tunnel", "native"]),
  tunnelProtocol: word(["vxlan", "geneve"]),
  tunnelPort: integer(1, PORT_MAX),
  ipv4NativeRoutingCidr: textOrNull,
  ipam: anyText,
  autoDirectNodeRoutes: truth,
  enableIpv4Masquerade: truth,
  enableIpv6Masquerade: truth,
  enableBpfMasquerade: truth,
  enableIpMasqAgent: truth,
  enableHostLegacyRouting: truth,
  enableEndpointRoutes: truth,
  cniChainingMode: anyText,
  installNoConntrackIptablesRules: truth,
  datapathMode: word(["veth", "netkit", "netkit-l2", "lb-only"]),
  enableTcx: truth,
  enableEgressGateway: truth,
  enableBandwidthManager: truth,
  enableWireguard: truth,
  enableIpsec: truth,
  enablePmtuDiscovery: truth,
  enableIpv4FragmentTracking: truth,
  kubeProxyReplacement,
  socketLb: truth,
  socketLbHostNamespaceOnly: truth,
  traceSockets: truth,
  enableNodePort: truth,
  enableHostPort: truth,
  enableExternalIps: truth,
  nodePortRange: portRange,
  autoProtectNodePortRange: truth,
  lbMode: word(["snat", "dsr", "hybrid"]),
  lbAlgorithm: word(["random", "maglev"]),
  lbAcceleration: word(["disabled", "native", "best-effort", "generic"]),
  dsrDispatch: word(["opt", "ipip", "geneve"]),
  lbModeAnnotation: truth,
  lbAlgorithmAnnotation: truth,
  lbExternalClusterIp: truth,
  lbProtoDiff: truth,
  maglevTableSize,
  maglevHashSeed: maglevSeed,
  enableSessionAffinity: truth,
  enableSvcSourceRangeCheck: truth,
  enableServiceTopology: truth,
  serviceNoBackendResponse: word(["reject", "drop"]),
  enableSctp: truth,
  policyEnforcement: word(["default", "always", "never"]),
  policyAuditMode: truth,
  allowIcmpFragNeeded: truth,
  enableIcmpRules: truth,
  enableL7Proxy: truth,
  enableHostFirewall: truth,
};
