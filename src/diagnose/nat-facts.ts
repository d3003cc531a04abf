/** What `cilium bpf nat list` says, alone and beside a conntrack dump. */
import type { ConntrackTable } from "../ingest/conntrack-table.js";
import { natOrphans, summarizeNat } from "../ingest/nat-summary.js";
import type { NatTable } from "../ingest/nat-table.js";
import type { NatFacts, OrphanFacts } from "./facts.js";

export function natFacts(table: NatTable): NatFacts {
  const { entries, forwardAlone, reverseAlone, portsInUse } = summarizeNat(table);
  const [most] = portsInUse;
  return {
    entries,
    unpaired: forwardAlone + reverseAlone,
    busiest:
      most === undefined ? null : { from: most.egressAddress, to: `${most.remoteAddress}:${most.remotePort}/${most.protocol}`, ports: most.ports },
  };
}

export function orphanFacts(conntrack: ConntrackTable, nat: NatTable): OrphanFacts | null {
  if (nat.size === 0) return null;
  const { forward } = summarizeNat(nat);
  const orphans = natOrphans(conntrack, nat);
  return { forward, orphans: orphans.forward, unmapped: orphans.connectionsWithoutMapping, connections: conntrack.size };
}
