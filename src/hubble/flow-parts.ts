/**
 * The parts of a printed flow: hosts with ports, identities, type, verdict, summary. Stands for hubble 0.12.3's
 * pkg/printer: GetHostNames, GetFlowType, getVerdict, getSummary.
 */
import type { DescEnum } from "@bufbuild/protobuf";
import type { Colors } from "./color.js";
import { joinHostPort, joinPath } from "./go-text.js";
import { MESSAGE_TYPE, dropTypeText, identityText, policyMatchText, tracePointText, type ClientRelease } from "./names.js";
import {
  AuthType,
  AuthTypeSchema,
  DebugCapturePointSchema,
  L7FlowTypeSchema,
  SocketTranslationPointSchema,
  TrafficDirectionSchema,
  Verdict,
  VerdictSchema,
  type Endpoint,
  type Flow,
  type Layer7,
  type Service,
} from "./proto/flow_pb.js";

export interface PartOptions {
  readonly release: ClientRelease;
  readonly colors: Colors;
  /** Names instead of addresses. */
  readonly ipTranslation: boolean;
}

/** Source first. */
export type Pair = readonly [source: string, destination: string];

const NOBODY: Pair = ["", ""];

/** Whom the flow is between: pod, service, DNS names or address, with the port; MAC addresses when it has no IP. */
export function hostNames(flow: Flow, options: PartOptions): Pair {
  const { IP: ip, ethernet } = flow;
  const { host } = options.colors;
  if (ip === undefined) return ethernet === undefined ? NOBODY : [host(ethernet.source), host(ethernet.destination)];
  const [sourcePort, destinationPort] = portsOf(flow);
  return [
    host(hostName(options, ip.source, sourcePort, flow.source, flow.sourceService, flow.sourceNames)),
    host(hostName(options, ip.destination, destinationPort, flow.destination, flow.destinationService, flow.destinationNames)),
  ];
}

function hostName(
  { ipTranslation, colors }: PartOptions,
  address: string,
  port: number,
  endpoint: Endpoint | undefined,
  service: Service | undefined,
  names: readonly string[],
): string {
  let host = address;
  if (ipTranslation) {
    // A service's namespace hides the pod's.
    const namespace = service?.namespace ?? endpoint?.namespace ?? "";
    const pod = endpoint?.podName ?? "";
    const serviceName = service?.name ?? "";
    if (pod !== "") host = joinPath(namespace, pod);
    else if (serviceName !== "") host = joinPath(namespace, serviceName);
    else if (names.length > 0) host = names.join(",");
  }
  return port === 0 ? host : joinHostPort(host, colors.port(String(port)));
}

/** 0 for protocols without ports. */
function portsOf({ l4 }: Flow): readonly [number, number] {
  switch (l4?.protocol.case) {
    case "TCP":
    case "UDP":
    case "SCTP":
      return [l4.protocol.value.sourcePort, l4.protocol.value.destinationPort];
    default:
      return [0, 0];
  }
}

/** Security identities in brackets; an endpoint that is missing has identity 0. */
export function identities(flow: Flow, { release, colors }: PartOptions): Pair {
  const text = (endpoint: Endpoint | undefined): string => colors.identity(identityText(release, endpoint?.identity ?? 0));
  return [text(flow.source), text(flow.destination)];
}

/** The name of an enum's value, its number when it has none. */
export function enumText(desc: DescEnum, value: number): string {
  return desc.value[value]?.name ?? String(value);
}

const SOCKET_POINTS = [undefined, "pre-xlate-fwd", "post-xlate-fwd", "pre-xlate-rev", "post-xlate-rev"] as const;

/** What kind of event: L7 record, observation point, drop reason, policy match … */
export function flowType(flow: Flow, release: ClientRelease): string {
  if (flow.l7 !== undefined) return layer7Type(flow.l7);
  const subType = flow.eventType?.subType ?? 0;
  switch (flow.eventType?.type) {
    case MESSAGE_TYPE.trace:
      return tracePointText(release, subType);
    case MESSAGE_TYPE.drop:
      return dropTypeText(release, subType);
    case MESSAGE_TYPE.policyVerdict:
      return `policy-verdict:${policyMatchText(flow.policyMatchType)} ${enumText(TrafficDirectionSchema, flow.trafficDirection)}`;
    case MESSAGE_TYPE.capture:
      return enumText(DebugCapturePointSchema, flow.debugCapturePoint);
    case MESSAGE_TYPE.traceSock:
      return SOCKET_POINTS[flow.sockXlatePoint] ?? enumText(SocketTranslationPointSchema, flow.sockXlatePoint);
    default:
      return "UNKNOWN";
  }
}

function layer7Type({ type, record }: Layer7): string {
  const kind = enumText(L7FlowTypeSchema, type).toLowerCase();
  // The blank stays when the source of a DNS record is not known.
  return record.case === "dns" ? `dns-${kind} ${record.value.observationSource}` : `${record.case ?? "l7"}-${kind}`;
}

/** Forwarded, dropped …; policy verdicts are allowed or denied. */
export function verdictText({ verdict, eventType }: Flow, colors: Colors): string {
  const isPolicy = eventType?.type === MESSAGE_TYPE.policyVerdict;
  const name = enumText(VerdictSchema, verdict);
  switch (verdict) {
    case Verdict.FORWARDED:
    case Verdict.REDIRECTED:
      return colors.forwarded(isPolicy ? "ALLOWED" : name);
    case Verdict.DROPPED:
    case Verdict.ERROR:
      return colors.dropped(isPolicy ? "DENIED" : name);
    case Verdict.AUDIT:
      return colors.noted(isPolicy ? "AUDITED" : name);
    case Verdict.TRACED:
    case Verdict.TRANSLATED:
      return colors.noted(name);
    default:
      return name;
  }
}

/** The agent's summary, with the way of authentication if there was one. */
export function summaryText({ Summary, authType }: Flow, colors: Colors): string {
  if (authType === AuthType.DISABLED) return Summary;
  const name = enumText(AuthTypeSchema, authType);
  return `${Summary}; Auth: ${authType === AuthType.TEST_ALWAYS_FAIL ? colors.dropped(name) : colors.forwarded(name)}`;
}
