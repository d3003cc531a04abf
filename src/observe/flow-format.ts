/** Which fields of a flow an agent of a release fills. */

/** Which fields the agent's version knows; nothing that its readers would warn about is written. */
export interface FlowFormat {
  /** `trace_reason`, from 1.16 on. */
  readonly traceReason: boolean;
  /** `IP.source_xlated`, from 1.16 on; before it only the address before translation is shown. */
  readonly sourceXlated: boolean;
  /** `node_labels` and an endpoint's `cluster_name`, from 1.16 on. */
  readonly nodeLabels: boolean;
  readonly clusterName: boolean;
  /** `egress_allowed_by` and its twin, from 1.15 on; `egress_denied_by` and its twin from 1.16 on; `Policy.kind` from 1.17 on. */
  readonly allowedBy: boolean;
  readonly deniedBy: boolean;
  readonly policyKind: boolean;
  /** Version in `emitter`, from 1.19 on; null before. */
  readonly emitterVersion: string | null;
}

/** Fields of Cilium 1.14. */
export const FLOW_FORMAT_114: FlowFormat = flowFormat([], "");

/**
 * The format of a version. `fields`: what flow.proto has gained since 1.14, in the profile's form
 * (`Flow.trace_reason=36`); `version`: the agent's, without `v`.
 */
export function flowFormat(fields: readonly string[], version: string): FlowFormat {
  const has = (name: string): boolean => fields.some((field) => field.startsWith(`${name}=`));
  return {
    traceReason: has("Flow.trace_reason"),
    sourceXlated: has("IP.source_xlated"),
    nodeLabels: has("Flow.node_labels"),
    clusterName: has("Endpoint.cluster_name"),
    allowedBy: has("Flow.egress_allowed_by"),
    deniedBy: has("Flow.egress_denied_by"),
    policyKind: has("Policy.kind"),
    emitterVersion: has("Flow.emitter") ? version : null,
  };
}
