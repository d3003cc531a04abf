/** The labels of a pod's identity, as the agent knows them. */
import type { Pod } from "./topology.js";

/** Cluster name in labels and node names; a chart's default. */
export const CLUSTER = "default";

/** With source prefix, sorted. */
export function labelsOf({ workload, namespace }: Pod): readonly string[] {
  return [
    `k8s:app=${workload}`,
    `k8s:io.cilium.k8s.policy.cluster=${CLUSTER}`,
    `k8s:io.kubernetes.pod.namespace=${namespace}`,
  ].sort();
}
