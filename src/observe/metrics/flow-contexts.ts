/**
 * How a flow's ends are named on Hubble's metrics: pkg/hubble/metrics/api/context.go.
 */
import { FLOW_DIRECTION, type FlowRow, ROW_DESTINATION, ROW_ORIGINAL, ROW_SOURCE } from "../flow-row.js";
import { type FlowTables, NOBODY } from "../flow-tables.js";
import { namesOfEnd } from "../hubble-flow.js";

type FlowContext = "identity" | "namespace" | "pod" | "pod-name" | "dns" | "ip" | "reserved-identity" | "workload" | "workload-name" | "app";

type EndLabel = "ip" | "pod" | "namespace" | "workload" | "workload_kind" | "app";
type ContextLabel = `source_${EndLabel}` | `destination_${EndLabel}` | "traffic_direction";

/** Contexts of one end; those of a direction replace the others for flows of that direction. */
export interface EndContexts {
  readonly any: readonly FlowContext[];
  readonly egress: readonly FlowContext[] | null;
  readonly ingress: readonly FlowContext[] | null;
}

/** What a metric wants to know of a flow's ends. */
export interface MetricContexts {
  readonly source: EndContexts;
  readonly destination: EndContexts;
  /** In the order in which they stand on a series. */
  readonly labels: readonly ContextLabel[];
}

/** Whether series depend on addresses, not only on whose they are. */
export function needsAddresses({ source, destination, labels }: MetricContexts): boolean {
  const lists = [source, destination].flatMap(({ any, egress, ingress }) => [any, egress ?? [], ingress ?? []]);
  return labels.some((label) => label.endsWith("_ip")) || lists.some((list) => list.includes("ip"));
}

/** Whether series depend on the names under which addresses were looked up. */
export function needsNames({ source, destination }: MetricContexts): boolean {
  return [source, destination].some(({ any, egress, ingress }) => [any, egress ?? [], ingress ?? []].some((list) => list.includes("dns")));
}

/** Whether series depend on a flow's ends at all. */
export function needsEnds({ source, destination, labels }: MetricContexts): boolean {
  const lists = [source, destination].flatMap(({ any, egress, ingress }) => [any, egress ?? [], ingress ?? []]);
  return labels.length > 0 || lists.some((list) => list.length > 0);
}

/**
 * Labels that a flow adds to a series: those of `labelsContext`, then `source` and `destination`. `inverted`: each end's under
 * the name of the other (`GetLabelValuesInvertSourceDestination`).
 */
export function contextLabels(contexts: MetricContexts, row: FlowRow, tables: FlowTables, inverted = false): (readonly [name: string, value: string])[] {
  const source = endOf(row, "source", tables);
  const destination = endOf(row, "destination", tables);
  const bySource = nameOf(contexts.source, source, row);
  const byDestination = nameOf(contexts.destination, destination, row);
  return [
    ...contexts.labels.map((label) => [label, inverted ? labelValue(label, destination, source, row) : labelValue(label, source, destination, row)] as const),
    ...(isUsed(contexts.source) ? [["source", inverted ? byDestination : bySource] as const] : []),
    ...(isUsed(contexts.destination) ? [["destination", inverted ? bySource : byDestination] as const] : []),
  ];
}

/** One end of a flow, as the event shows it. */
interface End {
  readonly ip: string;
  readonly names: readonly string[];
  readonly namespace: string;
  readonly pod: string;
  readonly workload: string;
  readonly workloadKind: string;
  readonly labels: readonly string[];
}

function endOf(row: FlowRow, which: "source" | "destination", tables: FlowTables): End {
  const isSource = which === "source";
  const index = isSource ? row.sourceEndpoint : row.destinationEndpoint;
  const endpoint = index === NOBODY ? undefined : tables.endpoint(index);
  const at = !isSource ? ROW_DESTINATION : row.translated === 1 ? ROW_ORIGINAL : ROW_SOURCE;
  const workload = endpoint?.workloads?.[0];
  return {
    ip: tables.addressText(row.addresses, at, row.family),
    names: tables.knowsNames ? namesOfEnd(row, which, tables) : [],
    namespace: endpoint?.namespace ?? "",
    pod: endpoint?.podName ?? "",
    workload: workload?.name ?? "",
    workloadKind: workload?.kind ?? "",
    labels: tables.labelsSeen(index, isSource ? row.sourceIdentity : row.destinationIdentity),
  };
}

function isUsed({ any, egress, ingress }: EndContexts): boolean {
  return any.length > 0 || egress !== null || ingress !== null;
}

/** The first context that names the end. */
function nameOf({ any, egress, ingress }: EndContexts, end: End, row: FlowRow): string {
  const own = row.direction === FLOW_DIRECTION.egress ? egress : row.direction === FLOW_DIRECTION.ingress ? ingress : null;
  return (own ?? any).map((context) => contextValue(context, end)).find((value) => value !== "") ?? "";
}

function contextValue(context: FlowContext, end: End): string {
  switch (context) {
    case "identity":
      return end.labels.join(",");
    case "namespace":
      return end.namespace;
    case "pod":
      return withNamespace(end, end.pod);
    case "pod-name":
      return end.pod;
    case "dns":
      return end.names.join(",");
    case "ip":
      return end.ip;
    case "reserved-identity":
      return reservedLabel(end.labels);
    case "workload":
      return end.workload === "" ? "" : withNamespace(end, end.workload);
    case "workload-name":
      return end.workload;
    case "app":
      return appOf(end.labels);
  }
}

function labelValue(label: ContextLabel, source: End, destination: End, row: FlowRow): string {
  if (label === "traffic_direction") {
    if (row.direction === FLOW_DIRECTION.egress) return "egress";
    return row.direction === FLOW_DIRECTION.ingress ? "ingress" : "unknown";
  }
  const end = label.startsWith("source_") ? source : destination;
  switch (label.slice(label.indexOf("_") + 1) as EndLabel) {
    case "ip":
      return end.ip;
    case "pod":
      return end.pod;
    case "namespace":
      return end.namespace;
    case "workload":
      return end.workload;
    case "workload_kind":
      return end.workloadKind;
    case "app":
      return appOf(end.labels);
  }
}

function withNamespace({ namespace }: End, name: string): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

/** `reserved:kube-apiserver` before any other reserved label. */
function reservedLabel(labels: readonly string[]): string {
  return labels.find((label) => label === "reserved:kube-apiserver") ?? labels.find((label) => label.startsWith("reserved:")) ?? "";
}

const APP_LABELS = ["k8s:app.kubernetes.io/name=", "k8s:k8s-app=", "k8s:app="];

/** The first label that names an app. */
function appOf(labels: readonly string[]): string {
  for (const label of labels) {
    const start = APP_LABELS.find((each) => label.startsWith(each) && label.length > each.length);
    if (start !== undefined) return label.slice(start.length);
  }
  return "";
}
