/**
 * Which flows a request asks for: allow and deny lists of FlowFilter. Within a filter every field that is set must match,
 * within a field any value; a flow passes that matches any allow filter (or there is none) and no deny filter. Stands for
 * pkg/hubble/filters of Cilium 1.14 with later fields; what a response without a flow is to a filter is as there: most
 * fields do not match it.
 */
import { create } from "@bufbuild/protobuf";
import { endpointTests } from "./filter-endpoints.js";
import { eventTests } from "./filter-events.js";
import { FilterError } from "./flow-test.js";
import { FlowSchema, type Flow, type FlowFilter } from "./proto/flow_pb.js";

const NO_FLOW = create(FlowSchema);

/** Fields of FlowFilter that are not honoured: whoever would ignore one showed too much. */
const NOT_HONOURED = ["experimental"] as const;

/** True for the flow of a response that the lists let through; undefined for a response without a flow. */
export type FlowFilters = (flow: Flow | undefined) => boolean;

/** Builds the lists of a request; throws FilterError for a filter that can't be used. */
export function flowFilters(allow: readonly FlowFilter[], deny: readonly FlowFilter[]): FlowFilters {
  const allowed = allow.map(flowFilter);
  const denied = deny.map(flowFilter);
  return (flow) =>
    (allowed.length === 0 || allowed.some((matches) => matches(flow))) && (denied.length === 0 || !denied.some((matches) => matches(flow)));
}

function flowFilter(filter: FlowFilter): FlowFilters {
  for (const field of NOT_HONOURED) {
    const value = filter[field];
    if (value !== undefined && (!Array.isArray(value) || value.length > 0)) throw new FilterError(`filter field ${field} is not supported`);
  }
  const tests = [...eventTests(filter), ...endpointTests(filter)];
  return (flow) => {
    const present = flow !== undefined;
    for (const test of tests) if (!test(flow ?? NO_FLOW, present)) return false;
    return true;
  };
}
