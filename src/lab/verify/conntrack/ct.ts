/** Kinds `ct` and `ct-report`: single conntrack lookups, creates and refreshes. */

import {
  CT_EGRESS,
  CT_ENTRY_ANY,
  CT_ENTRY_DSR,
  CT_ENTRY_NODEPORT,
  CT_ENTRY_SVC,
  CT_INGRESS,
  CT_SERVICE,
  ctCreate,
  ctLazyLookup,
  ctUpdateTimeout,
  SCOPE_BIDIR,
  SCOPE_FORWARD,
  SCOPE_REVERSE,
} from "../../../cilium/datapath/conntrack.js";
import { CT_NEW, CtState } from "../../../cilium/datapath/context.js";
import { IPPROTO_TCP } from "../../../cilium/datapath/packet.js";
import { TUPLE_F_RELATED } from "../../../cilium/maps/tuple.js";
import type { Difference } from "../case.js";
import { firstDifference } from "../compare.js";
import { PROTOCOLS, tcpFlagBits, tcpFlagNames, tupleOf } from "../map-entries.js";
import { Bench, elementText, parseEndpoint, typeName } from "./bench.js";
import type { CtPacketStep, CtStateFields, CtVector, ReportVector } from "./shapes.js";

const DIRECTIONS = { egress: CT_EGRESS, ingress: CT_INGRESS, service: CT_SERVICE } as const;
const SCOPES = { forward: SCOPE_FORWARD, reverse: SCOPE_REVERSE, bidir: SCOPE_BIDIR } as const;
const ENTRY_TYPES = {
  any: CT_ENTRY_ANY,
  svc: CT_ENTRY_SVC,
  nodeport: CT_ENTRY_NODEPORT,
  dsr: CT_ENTRY_DSR,
  "nodeport|dsr": CT_ENTRY_NODEPORT | CT_ENTRY_DSR,
} as const;
const STATUSES = ["NEW", "ESTABLISHED", "REPLY", "RELATED"] as const;
/** Stands in the monitor variable before a lookup, to see whether it is written. */
const UNTOUCHED = -1;

export function compareCt(vector: CtVector): Difference | undefined {
  const bench = new Bench(vector.config);
  for (const [i, step] of vector.steps.entries()) {
    const where = `step ${i}`;
    bench.begin(step.t);
    let difference: Difference | undefined;
    switch (step.op) {
      case "packet":
        difference = packetStep(bench, where, step);
        break;
      case "insertZeroEntry": {
        const map = bench.mapNamed(step.map ?? (step.key.proto === "tcp" ? "ct4_global" : "ct_any4_global"));
        map?.update(tupleOf({ ...step.key, type: typeName(step.key.type) }).words, 0, 0, 0);
        break;
      }
      case "evict": {
        const map = bench.mapNamed(step.map);
        const removed = map?.remove(tupleOf({ ...step.key, type: typeName(step.key.type) }).words, 0, 0);
        if (removed !== 0) difference = { where, expected: "an entry to evict", actual: "no such entry" };
        break;
      }
      case "failInserts":
        if (!bench.failInserts(step.map, step.errno)) difference = { where, expected: "a known map", actual: step.map };
        break;
    }
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function packetStep(bench: Bench, where: string, step: CtPacketStep): Difference | undefined {
  const { datapath: dp } = bench;
  const { tuple, packet, ctState } = dp;
  const source = parseEndpoint(step.src);
  const destination = parseEndpoint(step.dst);
  packet.reset();
  packet.protocol = PROTOCOLS[step.proto]!;
  packet.tcpFlags = tcpFlagBits(step.tcpFlags ?? []);
  tuple.words[0] = destination.address;
  tuple.words[1] = source.address;
  tuple.setPorts(source.port, destination.port);
  tuple.setProtocolAndFlags(packet.protocol, step.icmpError === true ? TUPLE_F_RELATED : 0);
  if (step.scope === "forward") {
    tuple.swapAddresses();
    tuple.swapPorts();
  }
  ctState.reset();
  ctState.revNatIndex = step.lookupRevNatIndex ?? 0;
  dp.monitor = UNTOUCHED;
  const ct = dp.ctMap(packet.protocol === IPPROTO_TCP);
  const dir = DIRECTIONS[step.dir];
  const status = ctLazyLookup(dp, ct, tuple, dir, SCOPES[step.scope], ENTRY_TYPES[step.entryTypes], ctState);
  const { monitor } = dp;
  const created = status === CT_NEW && step.onNewCreate !== undefined ? create(bench, dir, step.onNewCreate) : undefined;
  return compareStep(bench, where, step, { status, monitor, created });
}

/** Creates with the step's state. "ok", or what the failure left behind. */
function create(bench: Bench, dir: number, fields: CtStateFields): unknown {
  const { datapath: dp } = bench;
  const ct = dp.ctMap(dp.tuple.protocol === IPPROTO_TCP);
  const related = fields.related === true ? dp.family.ctAnyGlobal : null;
  const ret = ctCreate(dp, ct, related, dp.tuple, dir, stateOf(fields));
  return ret === 0 ? "ok" : { dropReason: -ret, extErr: dp.extError, signals: bench.signals };
}

function stateOf(fields: CtStateFields): CtState {
  const state = new CtState();
  state.revNatIndex = fields.rev_nat_index ?? 0;
  state.backendId = fields.backend_id ?? 0;
  state.srcSecId = fields.src_sec_id ?? 0;
  state.nodePort = fields.node_port === 1;
  state.loopback = fields.lb_loopback === 1;
  state.dsr = fields.dsr_internal === 1;
  state.proxyRedirect = fields.proxy_redirect === 1;
  state.fromL7lb = fields.from_l7lb === 1;
  state.fromTunnel = fields.from_tunnel === 1;
  return state;
}

/** Non-zero fields that the lookup handed back. */
function stateFields(state: CtState): Record<string, number> {
  const fields: [string, number | boolean][] = [
    ["rev_nat_index", state.revNatIndex],
    ["backend_id", state.backendId],
    ["node_port", state.nodePort],
    ["lb_loopback", state.loopback],
    ["dsr_internal", state.dsr],
    ["proxy_redirect", state.proxyRedirect],
    ["from_l7lb", state.fromL7lb],
    ["from_tunnel", state.fromTunnel],
    ["closing", state.closing],
  ];
  return Object.fromEntries(fields.map(([name, value]) => [name, Number(value)] as const).filter(([, value]) => value !== 0));
}

function compareStep(
  bench: Bench,
  where: string,
  { expect }: CtPacketStep,
  actual: { status: number; monitor: number; created: unknown },
): Difference | undefined {
  const handedBack = actual.status === CT_NEW ? {} : stateFields(bench.datapath.ctState);
  const monitor = actual.monitor === UNTOUCHED ? "unchanged" : actual.monitor;
  return (
    firstDifference(`${where} status`, expect.status, STATUSES[actual.status]) ??
    firstDifference(`${where} monitor`, expect.monitor, monitor) ??
    firstDifference(`${where} mapLookups`, expect.mapLookups, bench.lookups) ??
    (expect.mapUpdateAttempts === undefined
      ? undefined
      : firstDifference(`${where} mapUpdateAttempts`, expect.mapUpdateAttempts, bench.updates)) ??
    firstDifference(`${where} create`, expect.create, actual.created) ??
    firstDifference(`${where} stateOut`, expect.stateOut ?? {}, handedBack) ??
    (expect.map === undefined
      ? undefined
      : firstDifference(`${where} map`, expect.map.map(elementText).sort(), bench.contents()))
  );
}

/** Kind `ct-report`: the refresh step alone, on a zeroed entry, direction ingress. */
export function compareReport(vector: ReportVector): Difference | undefined {
  const bench = new Bench(vector.config);
  const { datapath: dp } = bench;
  const ct = dp.ctMap(true);
  const slot = ct.map.update(dp.tuple.words, 0, 0, 0);
  for (const [i, { t, flags, reportMask, expect }] of vector.steps.entries()) {
    bench.begin(t);
    const monitor = ctUpdateTimeout(dp, ct, slot, REPORT_LIFETIME, CT_INGRESS, tcpFlagBits(flags), reportMask);
    const all: Record<string, unknown> = {
      report: monitor !== 0,
      last_rx_report: ct.lastRxReport(slot),
      last_tx_report: ct.lastTxReport(slot),
      rx_flags_seen: tcpFlagNames(ct.rxFlagsSeen(slot)),
      tx_flags_seen: tcpFlagNames(ct.txFlagsSeen(slot)),
      lifetime: ct.lifetime(slot),
    };
    const named = Object.fromEntries(Object.keys(expect).map((name) => [name, all[name]]));
    const difference = firstDifference(`step ${i}`, expect, named);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** Lifetime that every call of the report vectors asks for. */
const REPORT_LIFETIME = 1000;
