/** Names that the cluster's own name is part of: labels of a pod's identity, and the node's name. */
import type { Pod, Topology } from "./topology.js";

/** A cluster of this name is left out of names of nodes. */
const DEFAULT_CLUSTER = "default";

/** Labels as the agent knows them: with source prefix, sorted. */
export function labelsOf({ workload, namespace }: Pod, cluster: string): readonly string[] {
  return [
    `k8s:app=${workload}`,
    `k8s:io.cilium.k8s.policy.cluster=${cluster}`,
    `k8s:io.kubernetes.pod.namespace=${namespace}`,
  ].sort();
}

/** `cluster/node`, or the bare name in the cluster `default`: pkg/node/types `GetAbsoluteNodeName`. */
export function fullNodeName({ nodeName }: Topology, cluster: string): string {
  return cluster === DEFAULT_CLUSTER ? nodeName : `${cluster}/${nodeName}`;
}
