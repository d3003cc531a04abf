/**
 * Filter flags into allow and deny lists. Undirected flags (`--pod`, `--port` …) make two filters, one for each side, and all
 * of them go to the same side in each; directed ones go to both. Stands for hubble 0.12.3's cmd/observe/flows_filter.go.
 */
import { clone, create, equals } from "@bufbuild/protobuf";
import {
  AGENT_EVENT_NAMES,
  MESSAGE_TYPE,
  MESSAGE_TYPE_NAMES,
  parseIdentity,
  reservedIdentityNames,
  tracePointNames,
  type ClientRelease,
} from "./names.js";
import {
  DropReason,
  EventTypeFilterSchema,
  FlowFilterSchema,
  HTTPHeaderSchema,
  IPVersion,
  NetworkInterfaceSchema,
  TCPFlagsSchema,
  TrafficDirection,
  Verdict,
  WorkloadSchema,
  type EventTypeFilter,
  type FlowFilter,
  type TCPFlags,
  type Workload,
} from "./proto/flow_pb.js";
import { UnknownValueError } from "./unknown-value.js";

type Update = (filter: FlowFilter) => void;

/** Updates of the two filters that a list's undirected flags make. */
interface Updates {
  readonly left: Update;
  readonly right: Update;
}

const both = (update: Update): Updates => ({ left: update, right: update });

/** Fields for each end; what `--x`, `--from-x` and `--to-x` append to. */
function sided(flag: string, source: Update, destination: Update): Updates {
  if (flag.startsWith("from-")) return both(source);
  if (flag.startsWith("to-")) return both(destination);
  return { left: source, right: destination };
}

/** Flags that exclude one another within a list. */
const CONFLICTS: readonly (readonly string[])[] = [
  ["from-fqdn", "from-ip", "from-namespace", "from-pod", "fqdn", "ip", "namespace", "pod"],
  ["to-fqdn", "to-ip", "to-namespace", "to-pod", "fqdn", "ip", "namespace", "pod"],
  ["label", "from-label"],
  ["label", "to-label"],
  ["service", "from-service"],
  ["service", "to-service"],
  ["port", "to-port"],
  ["port", "from-port"],
  ["identity", "to-identity"],
  ["identity", "from-identity"],
  ["workload", "to-workload"],
  ["workload", "from-workload"],
  ["encrypted", "unencrypted"],
];

class FilterList {
  readonly #used: string[] = [];
  #left: FlowFilter | undefined;
  #right: FlowFilter | undefined;

  add(flag: string, { left, right }: Updates): void {
    left((this.#left ??= create(FlowFilterSchema)));
    right((this.#right ??= create(FlowFilterSchema)));
    this.#used.push(flag);
  }

  /** Throws when the flag can't stand beside those before it. */
  checkConflict(flag: string): void {
    const used = [...this.#used, flag];
    for (const group of CONFLICTS) {
      const [first, second] = group.filter((each) => used.includes(each));
      if (first !== undefined && second !== undefined) throw new Error(`filters --${first} and --${second} cannot be combined`);
    }
  }

  filters(): FlowFilter[] {
    if (this.#left === undefined || this.#right === undefined) return [];
    return equals(FlowFilterSchema, this.#left, this.#right) ? [this.#left] : [this.#left, this.#right];
  }
}

/** The filter flags of a command line, in their order. */
export class FlagFilters {
  readonly #release: ClientRelease;
  readonly #allow = new FilterList();
  readonly #deny = new FilterList();
  #denying = false;

  constructor(release: ClientRelease) {
    this.#release = release;
  }

  /** Takes one flag; throws an Error in the client's words. */
  add(flag: string, value: string): void {
    if (flag === "not") {
      if (this.#denying) throw new Error("consecutive --not statements");
      this.#denying = true;
      return;
    }
    const list = this.#denying ? this.#deny : this.#allow;
    this.#denying = false;
    list.checkConflict(flag);
    list.add(flag, updatesOf(flag, value, this.#release));
  }

  /** Throws when `--not` came last. */
  lists(): { readonly allow: FlowFilter[]; readonly deny: FlowFilter[] } {
    if (this.#denying) throw new Error("trailing --not found in the arguments");
    return { allow: this.#allow.filters(), deny: this.#deny.filters() };
  }
}

/** Names of the flags that `FlagFilters` takes, each directed form by itself. */
export function isFilterFlag(flag: string): boolean {
  return flag === "not" || Object.hasOwn(FLAGS, flag.replace(/^(?:from|to)-/, "")) || Object.hasOwn(FLAGS, flag);
}

type Builder = (flag: string, value: string, release: ClientRelease) => Updates;

/** By the flag's name without its direction. */
const FLAGS: Readonly<Record<string, Builder>> = {
  uuid: (_flag, value) => both((filter) => filter.uuid.push(value)),
  fqdn: (flag, value) => sided(flag, (filter) => filter.sourceFqdn.push(value), (filter) => filter.destinationFqdn.push(value)),
  pod: (flag, value) => sided(flag, (filter) => filter.sourcePod.push(value), (filter) => filter.destinationPod.push(value)),
  namespace: (flag, value) => sided(flag, (filter) => filter.sourcePod.push(`${value}/`), (filter) => filter.destinationPod.push(`${value}/`)),
  ip: (flag, value) => sided(flag, (filter) => filter.sourceIp.push(value), (filter) => filter.destinationIp.push(value)),
  label: (flag, value) => sided(flag, (filter) => filter.sourceLabel.push(value), (filter) => filter.destinationLabel.push(value)),
  service: (flag, value) => sided(flag, (filter) => filter.sourceService.push(value), (filter) => filter.destinationService.push(value)),
  port: (flag, value) => sided(flag, (filter) => filter.sourcePort.push(value), (filter) => filter.destinationPort.push(value)),
  workload: (flag, value) => {
    const workload = parseWorkload(value);
    const copy = (): Workload => clone(WorkloadSchema, workload);
    return sided(flag, (filter) => filter.sourceWorkload.push(copy()), (filter) => filter.destinationWorkload.push(copy()));
  },
  identity: (flag, value, release) => {
    const identity = parseIdentity(release, value);
    if (identity === undefined) {
      const names = reservedIdentityNames(release);
      throw new UnknownValueError(`invalid security identity, expected one of [${names.join(" ")}] or a numeric value`, { written: value, names });
    }
    return sided(flag, (filter) => filter.sourceIdentity.push(identity), (filter) => filter.destinationIdentity.push(identity));
  },
  ipv4: () => both((filter) => filter.ipVersion.push(IPVersion.IPv4)),
  ipv6: () => both((filter) => filter.ipVersion.push(IPVersion.IPv6)),
  "ip-version": (_flag, value) => both((filter) => filter.ipVersion.push(ipVersion(value))),
  "trace-id": (_flag, value) => both((filter) => filter.traceId.push(value)),
  verdict: (_flag, value) => {
    const verdict = memberOf(Verdict, value, "verdict");
    return both((filter) => filter.verdict.push(verdict));
  },
  "http-status": (_flag, value) => both((filter) => filter.httpStatusCode.push(value)),
  "http-method": (_flag, value) => both((filter) => filter.httpMethod.push(value)),
  "http-path": (_flag, value) => both((filter) => filter.httpPath.push(value)),
  type: (_flag, value, release) => {
    const type = parseEventType(value, release);
    return both((filter) => filter.eventType.push(clone(EventTypeFilterSchema, type)));
  },
  protocol: (_flag, value) => both((filter) => filter.protocol.push(value)),
  "node-name": (_flag, value) => both((filter) => filter.nodeName.push(value)),
  "tcp-flags": (_flag, value) => {
    const flags = parseTcpFlags(value);
    return both((filter) => filter.tcpFlags.push(clone(TCPFlagsSchema, flags)));
  },
  cluster: (flag, value) => sided(flag, (filter) => filter.sourceClusterName.push(value), (filter) => filter.destinationClusterName.push(value)),
  "node-label": (_flag, value) => both((filter) => filter.nodeLabels.push(value)),
  interface: (_flag, value) => both((filter) => filter.interface.push(create(NetworkInterfaceSchema, { name: value }))),
  "snat-ip": (_flag, value) => both((filter) => filter.sourceIpXlated.push(value)),
  "drop-reason-desc": (_flag, value) => {
    if (value === "") throw new Error("empty --drop-reason-desc value");
    const reason = memberOf(DropReason, value, "drop-reason-desc");
    return both((filter) => filter.dropReasonDesc.push(reason));
  },
  "http-url": (_flag, value) => both((filter) => filter.httpUrl.push(value)),
  "http-header": (_flag, value) => {
    const colon = value.indexOf(":");
    if (colon < 0) throw new Error(`invalid http-header value ${JSON.stringify(value)}, expected name:value`);
    return both((filter) => filter.httpHeader.push(create(HTTPHeaderSchema, { key: value.slice(0, colon), value: value.slice(colon + 1) })));
  },
  encrypted: () => both((filter) => filter.encrypted.push(true)),
  unencrypted: () => both((filter) => filter.encrypted.push(false)),
  "traffic-direction": (_flag, value) => {
    const written = value.toLowerCase();
    const direction = DIRECTIONS[written];
    if (direction === undefined) {
      throw new UnknownValueError(`${written}: invalid traffic direction, expected ingress or egress`, { written, names: Object.keys(DIRECTIONS) });
    }
    return both((filter) => filter.trafficDirection.push(direction));
  },
};

function updatesOf(flag: string, value: string, release: ClientRelease): Updates {
  const builder = FLAGS[flag] ?? FLAGS[flag.replace(/^(?:from|to)-/, "")];
  if (builder === undefined) throw new Error(`unknown flag: --${flag}`);
  return builder(flag, value, release);
}

const DIRECTIONS: Readonly<Record<string, TrafficDirection>> = { ingress: TrafficDirection.INGRESS, egress: TrafficDirection.EGRESS };

/** A member of an enumeration of the API by its name there. */
function memberOf<Enumeration extends Readonly<Record<string | number, string | number>>>(
  members: Enumeration,
  value: string,
  flag: string,
): Enumeration[keyof Enumeration] & number {
  if (Object.hasOwn(members, value)) return members[value] as Enumeration[keyof Enumeration] & number;
  const names = Object.keys(members).filter((name) => !/^\d+$/.test(name));
  throw new UnknownValueError(`invalid --${flag} value: ${value}`, { written: value, names });
}

function ipVersion(value: string): IPVersion {
  if (/^(?:v|ipv?)?4$/i.test(value)) return IPVersion.IPv4;
  return /^(?:v|ipv?)?6$/i.test(value) ? IPVersion.IPv6 : IPVersion.IP_NOT_USED;
}

/** `Kind/name`, `Kind/` or `name`. */
function parseWorkload(value: string): Workload {
  const slash = value.indexOf("/");
  return create(WorkloadSchema, slash < 0 ? { name: value } : { kind: value.slice(0, slash), name: value.slice(slash + 1) });
}

const TCP_FLAGS = ["SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "NS"] as const;

function parseTcpFlags(value: string): TCPFlags {
  const flags = create(TCPFlagsSchema);
  for (const name of value.split(",")) {
    const flag = TCP_FLAGS.find((each) => each === name.toUpperCase());
    if (flag === undefined) throw new UnknownValueError(`unknown tcp flag: ${name}`, { written: name, names: TCP_FLAGS });
    flags[flag] = true;
  }
  return flags;
}

/** `TYPE`, `TYPE:SUBTYPE`; both by name or number. */
function parseEventType(value: string, release: ClientRelease): EventTypeFilter {
  const colon = value.indexOf(":");
  const [typeName, subName] = colon < 0 ? [value, undefined] : [value.slice(0, colon), value.slice(colon + 1)];
  const named = MESSAGE_TYPE_NAMES.get(typeName);
  const unknownType = `unable to parse type '${typeName}', not a known type name and unable to parse as numeric value`;
  const type = named ?? parseUint32(typeName, unknownType, [...MESSAGE_TYPE_NAMES.keys()]);
  if (subName === undefined) return create(EventTypeFilterSchema, { type });
  // Names of sub types go with names of types only.
  const subTypes: readonly string[] = named === MESSAGE_TYPE.trace ? tracePointNames(release) : named === MESSAGE_TYPE.agent ? AGENT_EVENT_NAMES : [];
  const byName = subTypes.indexOf(subName);
  const problem = `unable to parse event sub-type '${subName}', not a known sub-type name and unable to parse as numeric value`;
  return create(EventTypeFilterSchema, { type, matchSubType: true, subType: byName >= 0 ? byName : parseUint32(subName, problem, subTypes) });
}

const UINT32_MAX = 0xffff_ffff;

/** As an int32, which is what the message holds. `names`: what could have stood there instead. */
function parseUint32(text: string, problem: string, names: readonly string[]): number {
  const syntax = /^\d+$/.test(text);
  if (!syntax || Number(text) > UINT32_MAX) {
    const reason = `${problem}: strconv.ParseUint: parsing "${text}": ${syntax ? "value out of range" : "invalid syntax"}`;
    throw new UnknownValueError(reason, { written: text, names });
  }
  return Number(text) | 0;
}
