/** What kind of dump a text is, by its content: nobody should have to say. */
import { DUMP_KIND, type DumpKind } from "./dump-kind.js";

const TUPLE = String.raw`^\S+ (?:IN|OUT|SVC) \S+:\d+ -> \S+:\d+ `;
/** Lines of text forms. */
const LINES: readonly (readonly [DumpKind, RegExp])[] = [
  [DUMP_KIND.conntrack, new RegExp(`${TUPLE}.*\\bexpires=`)],
  [DUMP_KIND.nat, new RegExp(`${TUPLE}.*\\bXLATE_(?:SRC|DST) `)],
  [DUMP_KIND.natRetries, /^\d+:\t\d+$/],
  [DUMP_KIND.status, /^(?:KVStore|ContainerRuntime|Kubernetes|Kubernetes APIs|KubeProxyReplacement|Cilium|NodeMonitor|Controller Status|BPF Maps|IPAM):\s/],
  [DUMP_KIND.metrics, /^(?:# (?:HELP|TYPE|UNIT) |Metric\s+Labels\s+Value\s*$|[a-zA-Z_:](?:[\w:]*\w)?(?:\{.*\})?\s+(?:[-+]?(?:\d|\.\d|Inf)|NaN))/],
  [DUMP_KIND.flows, /^\{"?(?:flow|node_status|lost_events|nodeStatus|lostEvents|agent_event|debug_event)?"?.*"(?:time|nodeName|node_name)"/],
];
/** A key of a YAML file at its left margin. */
const YAML_KEY = /^["']?[A-Za-z][\w.-]*["']?:(?:\s|$)/;
/** Names in JSON that only one kind has. */
const JSON_MARKS: readonly (readonly [DumpKind, RegExp])[] = [
  [DUMP_KIND.conntrack, /"Key"\s*:[\s\S]*"Lifetime"\s*:/],
  [DUMP_KIND.nat, /"Key"\s*:[\s\S]*"Created"\s*:/],
  [DUMP_KIND.natRetries, /^\s*\[\s*\{\s*"Key"\s*:\s*\{\s*"Key"\s*:/],
  [DUMP_KIND.status, /"(?:bpf-maps|kube-proxy-replacement|nodeMonitor)"\s*:/],
  [DUMP_KIND.metrics, /^\s*\{\s*"status"\s*:\s*"success"\s*,[\s\S]*"(?:resultType|result)"\s*:/],
  [DUMP_KIND.metrics, /^\s*\[\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\}/],
];
/** What files of empty maps are called, in bug reports too (`cilium-bpf-ct-list-global.md`), and those of no flows. */
const NAMES: readonly (readonly [DumpKind, RegExp])[] = [
  [DUMP_KIND.natRetries, /\bnat[-_]?retries/],
  [DUMP_KIND.nat, /\bnat\b|\bnat_/],
  [DUMP_KIND.conntrack, /\bct\b|\bct_|conntrack/],
  [DUMP_KIND.flows, /\.jsonl\b/],
];

/** The kind that an empty file has by its name: empty maps print nothing but line ends. */
export function kindOfName(name: string): DumpKind | undefined {
  return NAMES.find(([, form]) => form.test(name.toLowerCase()))?.[0];
}

/** Enough of a file. Dumps can begin with a few lines of the shell they were taken in. */
const LINES_LOOKED_AT = 200;

/** Where a line begins with a bracket or brace, or -1: no text form has such lines. */
export function beginOfJson(text: string): number {
  return text.search(/^[[{]/m);
}

/** The kind of a file that begins with this text; undefined when it looks like none. */
export function kindOf(text: string): DumpKind | undefined {
  const lines = text.split("\n", LINES_LOOKED_AT).map((line) => line.trimEnd()).filter((line) => line !== "");
  const votes = LINES.map(([kind, form]) => ({ kind, count: lines.filter((line) => form.test(line)).length }));
  const most = votes.reduce((best, each) => (each.count > best.count ? each : best));
  if (most.count > 0) return most.kind;
  const json = beginOfJson(text);
  if (json >= 0) return JSON_MARKS.find(([, mark]) => mark.test(text.slice(json)))?.[0];
  return lines.some((line) => YAML_KEY.test(line)) ? DUMP_KIND.helmValues : undefined;
}
