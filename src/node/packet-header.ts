/** What the node says of a packet before the programs see it. */
import { IPPROTO_TCP } from "../cilium/datapath/packet.js";
import { Special } from "./segments.js";
import { Wrapping } from "./wrapping.js";

/** One packet as the node describes it. Addresses are words in network byte order; of IPv6 the last one (see ipv6.ts). */
export class PacketHeader {
  ipv6 = false;
  saddr = 0;
  daddr = 0;
  sport = 0;
  dport = 0;
  protocol = IPPROTO_TCP;
  tcpFlags = 0;
  /** Bytes from the IP header on. */
  length = 0;
  /** What it is beside a plain segment or datagram (segments.ts). */
  special: number = Special.none;
  /** MTU at which datagrams are cut into fragments. */
  routeMtu = 0;
  /** Whose packet it is, which no program sees: row of the sending end in the flow table of its protocol. */
  sender = 0;
  /** `Wrapping` in which it comes from another node, that node's address, and the identity in a tunnel's key. */
  wrapping: number = Wrapping.none;
  wrappedBy = 0;
  tunnelKey = 0;
  /** Bytes that the wrapping adds. */
  wrapBytes = 0;
}
