/**
 * ctlab as a library: the maps as the kernel behaves, a scenario from file to figures, and the verifiers.
 * Arbitraries for property tests are a package of their own: `ctlab/arbitraries`.
 */
export { createMap } from "./bpf/create.js";
export { Errno, errnoName } from "./bpf/errno.js";
export { jhash } from "./bpf/jhash.js";
export type { BpfMap } from "./bpf/map.js";
export { kernelMemory } from "./bpf/memory.js";
export { MapFlag, MapType, UpdateFlag } from "./bpf/spec.js";
export type { MapHost, MapSpec } from "./bpf/spec.js";
export { EndpointLifecycle } from "./cilium/agent/endpoints.js";
export { LoadBalancer } from "./cilium/agent/load-balancer.js";
export { DatapathContext } from "./cilium/datapath/context.js";
export { WalkTrace } from "./cilium/datapath/trace/walk-trace.js";
export type { WalkStep, WalkStepKind } from "./cilium/datapath/trace/walk-trace.js";
export { VERSION } from "./core/version.js";
export { runExperiment } from "./lab/experiment.js";
export type { FinishedRun, RunOptions, RunProgress } from "./lab/experiment.js";
export { simulateVariant } from "./lab/simulate.js";
export type { SimulatedVariant, SimulateOptions } from "./lab/simulate.js";
export { resolveFiles } from "./resolve/resolve-files.js";
export { parseTraceRequest } from "./lab/trace/request.js";
export type { TraceRequest } from "./lab/trace/request.js";
export type { ConnectionTrace, TracedConnection, TraceRecord } from "./lab/trace/result.js";
export { traceText } from "./lab/trace/text.js";
export { VECTOR_KINDS, isVectorKind, verifyFiles } from "./lab/verify/index.js";
export type { FileReport, VectorKind } from "./lab/verify/index.js";
export type * from "./observe/result.js";
export { OutputError } from "./report/output-error.js";
export { InputError } from "./scenario/diagnostics.js";
export type { Diagnostic } from "./scenario/diagnostics.js";
export { loadScenario } from "./scenario/load.js";
export type { Scenario, ScenarioFile } from "./scenario/types.js";
