/** Clients and their places in a Maglev table, asked of the simulator by sending each client's first packet to the service. */

import { NO_EVENTS } from "../../../cilium/datapath/events.js";
import { SilentObserver } from "../../../cilium/datapath/observer.js";
import { Packet } from "../../../cilium/datapath/packet.js";
import type { Difference } from "../case.js";
import { fillPacket } from "./packets.js";
import { TestNode } from "./test-node.js";
import type { MaglevVector } from "./vectors.js";

const REV_NAT = 1;
/** NodePort and routable. */
const NODEPORT_FLAGS = 66;
const BACKEND_PORT = 8080;

/** Notes which backend was chosen. */
class ChoiceObserver extends SilentObserver {
  backendId = 0;
  override backend(_revNatIndex: number, backendId: number): void {
    this.backendId = backendId;
  }
}

/** First client whose place differs, or undefined. Place i of the table holds backend i + 1. */
export function compareMaglev(vector: MaglevVector): Difference | undefined {
  const node = new TestNode(vector.config, {}, NO_EVENTS);
  const { maglevTableSize } = node.datapath.config.loadBalancer;
  if (vector.tableSize !== maglevTableSize) {
    return { where: "tableSize", expected: String(vector.tableSize), actual: `${maglevTableSize} in build ${vector.config}` };
  }
  const lut = Array.from({ length: vector.tableSize }, (_, i) => i + 1);
  for (const id of lut) node.setBackend({ id, addr: "10.1.1.21", port: BACKEND_PORT, proto: vector.proto });
  node.setService(
    { vip: vector.dst, port: vector.dport, proto: vector.proto, revNat: REV_NAT, backends: [1], flags: NODEPORT_FLAGS, lut },
    {},
  );
  const observer = new ChoiceObserver();
  node.datapath.observer = observer;
  const packet = new Packet();
  for (const [i, [src, sport, slot]] of vector.cases.entries()) {
    fillPacket(packet, { proto: vector.proto, src, dst: vector.dst, sport, dport: vector.dport, flags: ["SYN"] });
    observer.backendId = 0;
    node.datapath.fromNetdev(packet);
    if (observer.backendId - 1 !== slot) {
      return { where: `case ${i} ${src}:${sport}`, expected: `slot ${slot}`, actual: `slot ${observer.backendId - 1}` };
    }
  }
  return undefined;
}
