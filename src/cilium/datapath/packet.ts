/**
 * The packet: one row of numbers that the hooks read and rewrite. Stands for the skb (or XDP buffer) with its headers,
 * mark and control block.
 *
 * A packet is made once and filled again for each one that is sent; nothing here allocates. Addresses are words in
 * network byte order, ports in host order. Header bytes, MAC addresses and checksums are not modelled; a checksum that
 * the original gets wrong is right here.
 */

import { IPV4_WORDS } from "../maps/address.js";
import type { AddressWords } from "../maps/address.js";

/** IP protocol numbers. */
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_ESP = 50;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;

/** TCP flag byte. */
export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
export const TCP_ECE = 0x40;
export const TCP_CWR = 0x80;

/** ICMP types and codes that the programs tell apart. */
export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_FRAG_NEEDED = 4;
export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_PORT_UNREACH = 4;

/** Fragment bits of the IPv4 header: more fragments follow; offset in units of 8 bytes. */
export const IP_MF = 0x2000;
export const IP_OFFSET_MASK = 0x1fff;

/** What the mark says about a packet (bpf/lib/common.h MARK_MAGIC_*), one at a time. */
export const MARK_NONE = 0;
/** Already translated; to-netdev leaves it alone. */
export const MARK_SNAT_DONE = 1;
/** Outer packet of a tunnel. */
export const MARK_OVERLAY = 2;
/** Sent by a process of the node. */
export const MARK_HOST = 3;
/** Comes from the proxy at an endpoint's ingress. */
export const MARK_PROXY_INGRESS = 4;
/** Comes from the proxy at an endpoint's egress. */
export const MARK_PROXY_EGRESS = 5;
/** Goes to a proxy. */
export const MARK_TO_PROXY = 6;
/** Carries the identity of the sender. */
export const MARK_IDENTITY = 7;
/** To be encrypted. */
export const MARK_ENCRYPT = 8;
/** Came out of decryption. */
export const MARK_DECRYPT = 9;

/** Bits that XDP hands to TC (bpf/lib/common.h XFER_PKT_*). */
export const XFER_PKT_NO_SVC = 1;
export const XFER_PKT_ENCAP = 2;
export const XFER_PKT_ENCRYPT = 4;
export const XFER_PKT_SNAT_DONE = 8;

/** Bytes of an IPv4 header without options, and of an IPv6 header. */
export const IPV4_HEADER_BYTES = 20;
export const IPV6_HEADER_BYTES = 40;
/** Bytes of transport headers that the programs rewrite. */
export const TCP_HEADER_BYTES = 20;
export const UDP_HEADER_BYTES = 8;

// Where things stand in the row. Addresses take four words, IPv4 uses the first.
const SADDR = 0;
const DADDR = 4;
const INNER_SADDR = 8;
const INNER_DADDR = 12;
const DSR_ADDR = 16;
const SPORT = 20;
const DPORT = 21;
const PROTOCOL = 22;
const TCP_FLAGS = 23;
const ICMP_TYPE = 24;
const ICMP_CODE = 25;
const ICMP_ID = 26;
const LENGTH = 27;
const TTL = 28;
const FRAGMENT = 29;
const IDENTIFICATION = 30;
const INNER_PROTOCOL = 31;
const INNER_SPORT = 32;
const INNER_DPORT = 33;
const INNER_ICMP_TYPE = 34;
const INNER_ICMP_ID = 35;
const INNER_L4_BYTES = 36;
const DSR_PORT = 37;
const DSR_PRESENT = 38;
const MARK = 39;
const IDENTITY = 40;
const IFINDEX = 41;
const TUNNEL_KEY = 42;
const TUNNEL_REMOTE = 43;
const XFER = 44;
const SKIP_NODEPORT = 45;
const FLOW = 46;
const AGGREGATE = 47;
const ORIG_SADDR = 48;
const WORDS = 52;
/** Words of a packet's row. */
export const PACKET_WORDS: number = WORDS;
/** Words of what decides a repeatable packet's way, see `copyInputs`. */
export const PACKET_INPUTS = 8;
/** Flags of segments that open or close a connection. */
const TCP_OPEN_OR_CLOSE = TCP_SYN | TCP_FIN | TCP_RST;

export class Packet {
  /** All fields; addresses are handed around as (row, index). */
  readonly row: Int32Array = new Int32Array(WORDS);
  /** 1 for IPv4, 4 for IPv6. */
  addressWords: AddressWords = IPV4_WORDS;
  /** Earliest departure time in nanoseconds, set by the bandwidth manager; 0 = now. */
  departure = 0;
  /** It begins its walk with the program that runs; false on its way out. */
  arriving = false;

  /** Index of the source address in the row. */
  readonly saddrAt: number = SADDR;
  /** Index of the destination address in the row. */
  readonly daddrAt: number = DADDR;
  /** Indexes of the addresses of the packet embedded in an ICMP error. */
  readonly innerSaddrAt: number = INNER_SADDR;
  readonly innerDaddrAt: number = INNER_DADDR;
  /** Index of the service address that a DSR option carries. */
  readonly dsrAddrAt: number = DSR_ADDR;
  /** Index of the source address before translation, which some events carry. */
  readonly origSaddrAt: number = ORIG_SADDR;

  /** Forgets everything: an empty IPv4 packet. */
  reset(): void {
    const { row } = this;
    // In fours: half the time of a plain loop; a call of fill() takes longer.
    for (let i = 0; i < WORDS; i += 4) {
      row[i] = 0;
      row[i + 1] = 0;
      row[i + 2] = 0;
      row[i + 3] = 0;
    }
    this.addressWords = IPV4_WORDS;
    this.departure = 0;
    this.arriving = false;
  }

  /**
   * Whether the packet is one of those whose walk may be repeated: IPv4, TCP that neither opens nor closes or UDP, with
   * nothing inside or around it that `copyInputs` leaves out.
   */
  isRepeatable(): boolean {
    const { row } = this;
    const protocol = row[PROTOCOL]!;
    const known = protocol === IPPROTO_TCP ? (row[TCP_FLAGS]! & TCP_OPEN_OR_CLOSE) === 0 : protocol === IPPROTO_UDP;
    const extras = row[FRAGMENT]! | row[INNER_PROTOCOL]! | row[DSR_PRESENT]! | row[AGGREGATE]! | row[TUNNEL_REMOTE]!;
    return known && extras === 0 && this.addressWords === IPV4_WORDS && this.departure === 0;
  }
  /** Whether a walk has changed nothing of such a packet, of which `before` is the row, that depends on more than its inputs. */
  isRepeatableAfter(before: Int32Array): boolean {
    const { row } = this;
    return row[LENGTH] === before[LENGTH] && row[FLOW] === before[FLOW] && this.addressWords === IPV4_WORDS && this.departure === 0;
  }
  /** Writes what decides a repeatable packet's way: everything but its length, in `PACKET_INPUTS` words. */
  copyInputs(out: Int32Array, at: number): void {
    const { row } = this;
    out[at] = row[SADDR]!;
    out[at + 1] = row[DADDR]!;
    out[at + 2] = (row[SPORT]! << 16) | row[DPORT]!;
    out[at + 3] = (row[PROTOCOL]! << 24) | (row[TCP_FLAGS]! << 16) | (row[TTL]! << 8) | row[MARK]!;
    out[at + 4] = row[IDENTITY]!;
    out[at + 5] = (row[XFER]! << 16) | row[SKIP_NODEPORT]!;
    out[at + 6] = row[TUNNEL_KEY]!;
    out[at + 7] = row[IFINDEX]!;
  }
  hasInputs(words: Int32Array, at: number): boolean {
    const { row } = this;
    const unequal =
      (row[SADDR]! ^ words[at]!) |
      (row[DADDR]! ^ words[at + 1]!) |
      (((row[SPORT]! << 16) | row[DPORT]!) ^ words[at + 2]!) |
      (((row[PROTOCOL]! << 24) | (row[TCP_FLAGS]! << 16) | (row[TTL]! << 8) | row[MARK]!) ^ words[at + 3]!) |
      (row[IDENTITY]! ^ words[at + 4]!) |
      (((row[XFER]! << 16) | row[SKIP_NODEPORT]!) ^ words[at + 5]!) |
      (row[TUNNEL_KEY]! ^ words[at + 6]!) |
      (row[IFINDEX]! ^ words[at + 7]!);
    return unequal === 0;
  }

  /** First (IPv4: only) word. */
  get saddr(): number {
    return this.row[SADDR]!;
  }
  set saddr(word: number) {
    this.row[SADDR] = word;
  }
  get daddr(): number {
    return this.row[DADDR]!;
  }
  set daddr(word: number) {
    this.row[DADDR] = word;
  }
  /** Last word of the source and of the destination. */
  get saddrEnd(): number {
    return this.row[SADDR + this.addressWords - 1]!;
  }
  get daddrEnd(): number {
    return this.row[DADDR + this.addressWords - 1]!;
  }
  setSaddr(from: ArrayLike<number>, at: number): void {
    for (let i = 0; i < this.addressWords; i++) this.row[SADDR + i] = from[at + i]!;
  }
  setDaddr(from: ArrayLike<number>, at: number): void {
    for (let i = 0; i < this.addressWords; i++) this.row[DADDR + i] = from[at + i]!;
  }
  /** Notes the present source address as the original one. */
  keepOrigSaddr(): void {
    for (let i = 0; i < this.addressWords; i++) this.row[ORIG_SADDR + i] = this.row[SADDR + i]!;
  }
  get sport(): number {
    return this.row[SPORT]!;
  }
  set sport(port: number) {
    this.row[SPORT] = port;
  }
  get dport(): number {
    return this.row[DPORT]!;
  }
  set dport(port: number) {
    this.row[DPORT] = port;
  }
  get protocol(): number {
    return this.row[PROTOCOL]!;
  }
  set protocol(number: number) {
    this.row[PROTOCOL] = number;
  }
  get tcpFlags(): number {
    return this.row[TCP_FLAGS]!;
  }
  set tcpFlags(flags: number) {
    this.row[TCP_FLAGS] = flags;
  }
  get icmpType(): number {
    return this.row[ICMP_TYPE]!;
  }
  set icmpType(type: number) {
    this.row[ICMP_TYPE] = type;
  }
  get icmpCode(): number {
    return this.row[ICMP_CODE]!;
  }
  set icmpCode(code: number) {
    this.row[ICMP_CODE] = code;
  }
  /** Identifier of an echo request or reply. */
  get icmpId(): number {
    return this.row[ICMP_ID]!;
  }
  set icmpId(id: number) {
    this.row[ICMP_ID] = id;
  }
  /** Bytes from the IP header on. */
  get length(): number {
    return this.row[LENGTH]!;
  }
  set length(bytes: number) {
    this.row[LENGTH] = bytes;
  }
  get ttl(): number {
    return this.row[TTL]!;
  }
  set ttl(hops: number) {
    this.row[TTL] = hops;
  }
  /** IPv4 flags and fragment offset (`IP_MF`, offset in the low 13 bits); IPv6 as if from its fragment header. */
  get fragment(): number {
    return this.row[FRAGMENT]!;
  }
  set fragment(word: number) {
    this.row[FRAGMENT] = word;
  }
  get isFragment(): boolean {
    return (this.row[FRAGMENT]! & (IP_MF | IP_OFFSET_MASK)) !== 0;
  }
  /** False for every fragment but the first. */
  get hasL4Header(): boolean {
    return (this.row[FRAGMENT]! & IP_OFFSET_MASK) === 0;
  }
  /** Identification of the datagram that a fragment belongs to. */
  get identification(): number {
    return this.row[IDENTIFICATION]!;
  }
  set identification(id: number) {
    this.row[IDENTIFICATION] = id;
  }

  /** Embedded packet of an ICMP error: protocol, 0 = none. */
  get innerProtocol(): number {
    return this.row[INNER_PROTOCOL]!;
  }
  set innerProtocol(number: number) {
    this.row[INNER_PROTOCOL] = number;
  }
  get innerSport(): number {
    return this.row[INNER_SPORT]!;
  }
  set innerSport(port: number) {
    this.row[INNER_SPORT] = port;
  }
  get innerDport(): number {
    return this.row[INNER_DPORT]!;
  }
  set innerDport(port: number) {
    this.row[INNER_DPORT] = port;
  }
  get innerIcmpType(): number {
    return this.row[INNER_ICMP_TYPE]!;
  }
  set innerIcmpType(type: number) {
    this.row[INNER_ICMP_TYPE] = type;
  }
  get innerIcmpId(): number {
    return this.row[INNER_ICMP_ID]!;
  }
  set innerIcmpId(id: number) {
    this.row[INNER_ICMP_ID] = id;
  }
  /** Bytes of the embedded transport header that the error carries. */
  get innerL4Bytes(): number {
    return this.row[INNER_L4_BYTES]!;
  }
  set innerL4Bytes(bytes: number) {
    this.row[INNER_L4_BYTES] = bytes;
  }
  setInnerSaddr(from: ArrayLike<number>, at: number): void {
    for (let i = 0; i < this.addressWords; i++) this.row[INNER_SADDR + i] = from[at + i]!;
  }
  setInnerDaddr(from: ArrayLike<number>, at: number): void {
    for (let i = 0; i < this.addressWords; i++) this.row[INNER_DADDR + i] = from[at + i]!;
  }

  /** The packet carries Cilium's DSR option (or Geneve option, or IPv6 extension header) with the service. */
  get hasDsrOption(): boolean {
    return this.row[DSR_PRESENT] !== 0;
  }
  set hasDsrOption(present: boolean) {
    this.row[DSR_PRESENT] = present ? 1 : 0;
  }
  get dsrPort(): number {
    return this.row[DSR_PORT]!;
  }
  set dsrPort(port: number) {
    this.row[DSR_PORT] = port;
  }
  setDsrAddr(from: ArrayLike<number>, at: number): void {
    for (let i = 0; i < this.addressWords; i++) this.row[DSR_ADDR + i] = from[at + i]!;
  }

  /** One of `MARK_*`. */
  get mark(): number {
    return this.row[MARK]!;
  }
  set mark(mark: number) {
    this.row[MARK] = mark;
  }
  /** Identity of the sender where mark or delivering program says it. */
  get identity(): number {
    return this.row[IDENTITY]!;
  }
  set identity(identity: number) {
    this.row[IDENTITY] = identity;
  }
  /** Device that the packet is at. */
  get ifindex(): number {
    return this.row[IFINDEX]!;
  }
  set ifindex(ifindex: number) {
    this.row[IFINDEX] = ifindex;
  }
  /** Identity in the tunnel header. */
  get tunnelKey(): number {
    return this.row[TUNNEL_KEY]!;
  }
  set tunnelKey(key: number) {
    this.row[TUNNEL_KEY] = key;
  }
  /** The other end of the tunnel, an IPv4 word. */
  get tunnelRemote(): number {
    return this.row[TUNNEL_REMOTE]!;
  }
  set tunnelRemote(address: number) {
    this.row[TUNNEL_REMOTE] = address;
  }
  /** `XFER_PKT_*` bits from XDP. */
  get xfer(): number {
    return this.row[XFER]!;
  }
  set xfer(bits: number) {
    this.row[XFER] = bits;
  }
  /** NodePort handling is over for this pass (TC_INDEX_F_SKIP_NODEPORT and the control block). */
  get skipNodeport(): boolean {
    return this.row[SKIP_NODEPORT] !== 0;
  }
  set skipNodeport(skip: boolean) {
    this.row[SKIP_NODEPORT] = skip ? 1 : 0;
  }
  /** The sender's flow number, for repeated walks and traces; 0 = none. Not part of the real packet. */
  get flow(): number {
    return this.row[FLOW]!;
  }
  set flow(flow: number) {
    this.row[FLOW] = flow;
  }
  /** Endpoint whose rate limit counts (`edt_set_aggregate`); 0 = none. */
  get aggregate(): number {
    return this.row[AGGREGATE]!;
  }
  set aggregate(endpoint: number) {
    this.row[AGGREGATE] = endpoint;
  }
}
