/**
 * `hubble.metrics.enabled`: which metrics Hubble counts, and which context each carries. Stands for
 * pkg/hubble/metrics/api (`ParseStaticMetricsConfig`, `ParseContextOptions`); an agent that is given anything else does not start.
 *
 *     drop:sourceContext=pod|reserved-identity;labelsContext=source_namespace,destination_namespace
 */
import type { Diagnostics } from "./diagnostics.js";
import type { Place } from "./source.js";

export const HUBBLE_METRICS = [
  "dns", "drop", "flow", "flows-to-world", "http", "httpV2", "icmp", "kafka", "policy", "port-distribution", "tcp",
] as const;
export type HubbleMetricName = (typeof HUBBLE_METRICS)[number];

/** Ways to name an end of a flow. */
export const FLOW_CONTEXTS = [
  "identity", "namespace", "pod", "pod-name", "dns", "ip", "reserved-identity", "workload", "workload-name", "app",
] as const;
export type FlowContext = (typeof FLOW_CONTEXTS)[number];

/** Labels of `labelsContext`, in the order in which they stand on a series. */
export const CONTEXT_LABELS = [
  "source_ip", "source_pod", "source_namespace", "source_workload", "source_workload_kind", "source_app",
  "destination_ip", "destination_pod", "destination_namespace", "destination_workload", "destination_workload_kind", "destination_app",
  "traffic_direction",
] as const;
export type ContextLabel = (typeof CONTEXT_LABELS)[number];

/** Contexts of one end: the first that names it wins. Those of a direction replace the others for flows of that direction. */
export interface EndContexts {
  readonly any: readonly FlowContext[];
  readonly egress: readonly FlowContext[] | null;
  readonly ingress: readonly FlowContext[] | null;
}

export interface HubbleMetric {
  readonly name: HubbleMetricName;
  readonly source: EndContexts;
  readonly destination: EndContexts;
  readonly labels: readonly ContextLabel[];
  /** Other options in small letters: `any-drop`, `port`, `syn-only`, `query`, `ignoreaaaa`. */
  readonly flags: readonly string[];
}

const NO_CONTEXTS: EndContexts = { any: [], egress: null, ingress: null };

const END_OPTIONS: Readonly<Record<string, readonly [end: "source" | "destination", when: keyof EndContexts]>> = {
  sourcecontext: ["source", "any"],
  sourceegresscontext: ["source", "egress"],
  sourceingresscontext: ["source", "ingress"],
  destinationcontext: ["destination", "any"],
  destinationegresscontext: ["destination", "egress"],
  destinationingresscontext: ["destination", "ingress"],
};

/** Mistakes are reported at `at`, where the list stands. */
export function readHubbleMetrics(specs: readonly string[], at: Place | undefined, found: Diagnostics): readonly HubbleMetric[] {
  const refuse: Refuse = (message, written, valid) => {
    if (at !== undefined) found.error(at, message, { expected: valid.join(", "), names: { written, valid } });
    return undefined;
  };
  const read = specs.flatMap((spec) => readOne(spec, refuse) ?? []);
  const names = read.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) refuse(`Hubble's metric "${twice}" is listed twice`, twice, ["each metric once"]);
  if (names.includes("http") && names.includes("httpV2")) refuse("http and httpV2 register the same metrics: the agent does not start", "http", ["one of them"]);
  return read;
}

type Refuse = (message: string, written: string, valid: readonly string[]) => undefined;

function readOne(spec: string, refuse: Refuse): HubbleMetric | undefined {
  const colon = spec.indexOf(":");
  const name = colon === -1 ? spec : spec.slice(0, colon);
  if (!isOneOf(name, HUBBLE_METRICS)) return refuse(`Hubble has no metric "${name}"`, name, HUBBLE_METRICS);
  let metric: HubbleMetric = { name, source: NO_CONTEXTS, destination: NO_CONTEXTS, labels: [], flags: [] };
  for (const option of colon === -1 ? [] : spec.slice(colon + 1).split(";")) {
    const [key, value] = option.includes("=") ? [option.slice(0, option.indexOf("=")), option.slice(option.indexOf("=") + 1)] : [option, ""];
    const end = END_OPTIONS[key.toLowerCase()];
    if (end !== undefined) {
      const contexts = value.split("|").map((each) => each.toLowerCase());
      const wrong = contexts.find((each) => !isOneOf(each, FLOW_CONTEXTS));
      if (wrong !== undefined) return refuse(`${name}: "${wrong}" is no context of a flow`, wrong, FLOW_CONTEXTS);
      metric = { ...metric, [end[0]]: { ...metric[end[0]], [end[1]]: contexts } };
    } else if (key.toLowerCase() === "labelscontext") {
      const labels = value.split(",");
      const wrong = labels.find((each) => !isOneOf(each, CONTEXT_LABELS));
      if (wrong !== undefined) return refuse(`${name}: "${wrong}" is no label of labelsContext`, wrong, CONTEXT_LABELS);
      metric = { ...metric, labels: CONTEXT_LABELS.filter((label) => labels.includes(label)) };
    } else if (key !== "") metric = { ...metric, flags: [...metric.flags, key.toLowerCase()] };
  }
  return metric;
}

function isOneOf<Name extends string>(text: string, names: readonly Name[]): text is Name {
  return (names as readonly string[]).includes(text);
}
