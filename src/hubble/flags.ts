/** The flags of `hubble observe`, and command lines into them as Go's pflag reads them: in order, as filters need. */

import type { ClientRelease } from "./names.js";
import type { UnknownValue } from "./unknown-value.js";

/** What a flag takes: `switch` may be given as `--flag=false`, `optional` has a value when none is given. */
export type FlagKind = "text" | "number" | "switch" | "optional";

export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  readonly about: string;
  /** True for those that hubble 0.12.3 does not know. */
  readonly later?: true;
}

export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly Flag[];
}

const text = (name: string, about: string, short?: string): Flag => ({ name, kind: "text", about, ...(short === undefined ? {} : { short }) });
const toggle = (name: string, about: string, short?: string): Flag => ({ name, kind: "switch", about, ...(short === undefined ? {} : { short }) });
const optional = (name: string, about: string): Flag => ({ name, kind: "optional", about });

/** Three flags for the two ends of a flow: from, either, to. */
function sides(name: string, about: string, short?: string): readonly Flag[] {
  return [text(`from-${name}`, `${about}, at the source`), text(name, `${about}, at either end`, short), text(`to-${name}`, `${about}, at the destination`)];
}

export const FLAG_GROUPS: readonly FlagGroup[] = [
  {
    title: "Which part of the flows",
    flags: [
      toggle("all", "all flows"),
      { name: "last", kind: "number", about: "the last n flows that pass (20 when nothing else is said)" },
      { name: "first", kind: "number", about: "the first n flows that pass" },
      text("since", "from a time on: a duration back from now (5m), or a date (2025-07-29T03:24:00Z)"),
      text("until", "up to a time, as with --since"),
      toggle("follow", "keep reading while the file grows", "f"),
    ],
  },
  {
    title: "Filters: repeated flags are alternatives, different flags must all match, --not excludes what the next flag names",
    flags: [
      { name: "not", kind: "optional", about: "the next filter excludes" },
      text("uuid", "the flow with this identifier"),
      text("node-name", "nodes by pattern: node-*, cluster/node-1"),
      text("protocol", "tcp, udp, sctp, icmp, icmpv4, icmpv6, dns, http, kafka"),
      text("tcp-flags", "at least these TCP flags: syn, or syn,ack"),
      text("type", "event type TYPE[:SUBTYPE]: trace:to-stack, drop, 1:133", "t"),
      text("verdict", "FORWARDED, DROPPED, AUDIT, REDIRECTED, ERROR, TRACED, TRANSLATED"),
      text("http-status", "HTTP status: 404, or a prefix: 5+"),
      text("http-method", "HTTP method"),
      text("http-path", "regular expression for the path of an HTTP request"),
      text("trace-id", "trace identifier"),
      ...sides("fqdn", "DNS name: *.example.com"),
      ...sides("ip", "address or range: 10.0.0.0/8"),
      { name: "ipv4", short: "4", kind: "optional", about: "IPv4 only" },
      { name: "ipv6", short: "6", kind: "optional", about: "IPv6 only" },
      text("ip-version", "none, v4 or v6"),
      ...sides("pod", "pod by prefix: [namespace/]name, namespace/"),
      ...sides("namespace", "namespace", "n"),
      ...sides("label", "label selector: app=web, reserved:world, app in (a,b)", "l"),
      ...sides("service", "service by prefix: [namespace/]name"),
      ...sides("port", "port"),
      ...sides("workload", "workload: name, Kind/, Kind/name"),
      ...sides("identity", "security identity: a number, or world, host …"),
      text("traffic-direction", "ingress or egress"),
      text("allowlist", "FlowFilter objects as JSON"),
      text("denylist", "FlowFilter objects as JSON"),
    ],
  },
  {
    title: "Filters that came with later releases of the client",
    flags: [
      ...sides("cluster", "name of the cluster"),
      text("node-label", "label selector for the node: kubernetes.io/os=linux"),
      text("interface", "name of the network interface"),
      text("snat-ip", "address or range of the source after translation"),
      text("drop-reason-desc", "reason of a drop by its name in JSON: CT_MAP_INSERTION_FAILED"),
      text("http-url", "regular expression for the URL of an HTTP request"),
      text("http-header", "header of an HTTP request: name:value"),
      optional("encrypted", "encrypted packets only"),
      optional("unencrypted", "packets that are not encrypted only"),
    ].map((flag): Flag => ({ ...flag, later: true })),
  },
  {
    title: "How they are shown",
    flags: [
      text("output", "compact, dict, table, json, jsonpb", "o"),
      toggle("print-node-name", "the node, too"),
      text("time-format", "StampMilli, RFC3339, RFC3339Milli, RFC3339Micro, RFC3339Nano, RFC1123Z, YearMonthDay…"),
      toggle("numeric", "addresses instead of names"),
      toggle("ip-translation", "names instead of addresses; --ip-translation=false is --numeric"),
      text("color", "auto, always or never"),
      toggle("silent-errors", "nothing on stderr about nodes and skipped lines", "s"),
      toggle("print-raw-filters", "the filters as JSON in YAML, and nothing else"),
      toggle("debug", "status changes that only inform, too", "D"),
      text("input-file", "read this file, - for stdin"),
    ],
  },
];

const FLAGS: readonly Flag[] = FLAG_GROUPS.flatMap(({ flags }) => flags);
const BY_NAME: ReadonlyMap<string, Flag> = new Map(FLAGS.map((flag) => [flag.name, flag]));
const BY_SHORT: ReadonlyMap<string, Flag> = new Map(FLAGS.flatMap((flag) => (flag.short === undefined ? [] : [[flag.short, flag]])));

export const FLAG_NAMES: readonly string[] = FLAGS.map(({ name }) => name);

/** A flag can't be read; `flag` is the name when it is unknown, `value` its value when that is. */
export class FlagError extends Error {
  override readonly name = "FlagError";
  readonly flag: string | undefined;
  readonly value: UnknownValue | undefined;

  constructor(message: string, flag?: string, value?: UnknownValue) {
    super(message);
    this.flag = flag;
    this.value = value;
  }
}

/** A value as it stands on the command line. */
export interface SetFlag {
  readonly flag: Flag;
  readonly value: string;
}

export interface ParsedFlags {
  readonly set: readonly SetFlag[];
  readonly operands: readonly string[];
}

/** Reads a command line; operands may stand between flags, `--` ends them. */
export function parseFlags(args: readonly string[], release: ClientRelease): ParsedFlags {
  const set: SetFlag[] = [];
  const operands: string[] = [];
  const rest = [...args];
  while (rest.length > 0) {
    const arg = rest.shift()!;
    if (arg === "--") operands.push(...rest.splice(0));
    else if (arg.startsWith("--")) set.push(longFlag(arg, rest, release));
    else if (arg.startsWith("-") && arg.length > 1) set.push(...shortFlags(arg, rest));
    else operands.push(arg);
  }
  return { set, operands };
}

/** Without a value these mean what they say. */
const IMPLIED: Readonly<Record<string, string>> = { not: "true", encrypted: "true", unencrypted: "true", ipv4: "v4", ipv6: "v6" };

function impliedValue({ name, kind }: Flag): string | undefined {
  return kind === "switch" ? "true" : IMPLIED[name];
}

function longFlag(arg: string, rest: string[], release: ClientRelease): SetFlag {
  if (/^--[-=]/.test(arg)) throw new FlagError(`bad flag syntax: ${arg}`);
  const equals = arg.indexOf("=");
  const name = arg.slice(2, equals < 0 ? undefined : equals);
  const flag = BY_NAME.get(name);
  if (flag === undefined || (flag.later === true && release === "0.12.3")) throw new FlagError(`unknown flag: --${name}`, name);
  const value = equals < 0 ? (impliedValue(flag) ?? rest.shift()) : arg.slice(equals + 1);
  if (value === undefined) throw new FlagError(`flag needs an argument: ${arg}`);
  return { flag, value };
}

/** `-f`, `-ojson`, `-o json`, `-o=json`, `-4f`. */
function shortFlags(arg: string, rest: string[]): readonly SetFlag[] {
  const set: SetFlag[] = [];
  for (let letters = arg.slice(1); letters !== ""; ) {
    const letter = letters[0]!;
    const flag = BY_SHORT.get(letter);
    if (flag === undefined) throw new FlagError(`unknown shorthand flag: '${letter}' in -${letters}`);
    const implied = impliedValue(flag);
    if (letters[1] === "=" && letters.length > 2) return [...set, { flag, value: letters.slice(2) }];
    if (implied !== undefined) {
      set.push({ flag, value: implied });
      letters = letters.slice(1);
      continue;
    }
    const value = letters.length > 1 ? letters.slice(1) : rest.shift();
    if (value === undefined) throw new FlagError(`flag needs an argument: '${letter}' in -${letters}`);
    return [...set, { flag, value }];
  }
  return set;
}

/** A refused value, in pflag's words. */
export function invalidValue({ flag, value }: SetFlag, reason: string, unknown?: UnknownValue): FlagError {
  const name = flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
  return new FlagError(`invalid argument ${JSON.stringify(value)} for "${name}" flag: ${reason}`, undefined, unknown);
}
