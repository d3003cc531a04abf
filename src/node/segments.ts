/** Packets on their way: what an event in the queue carries when two integers are not enough. Rows with a free list. */

const NONE = -1;

/** What a packet is beside a plain segment or datagram; above 0 a fragment, see `fragmentOf`. */
export const Special = { none: 0, echo: -1, portUnreachable: -2 } as const;
const FRAGMENT_BITS = 7;
const COUNT_SHIFT = FRAGMENT_BITS;
const IDENTIFICATION_SHIFT = 2 * FRAGMENT_BITS;
/** Fragments of the largest datagram (64 KiB) over the smallest MTU that is modelled. */
export const FRAGMENTS_MAX = (1 << FRAGMENT_BITS) - 1;

/** Fragment `number` of `count`, from 1, as a `special`. */
export function fragmentOf(number: number, count: number, identification: number): number {
  return number | (count << COUNT_SHIFT) | (identification << IDENTIFICATION_SHIFT);
}

export function fragmentNumber(special: number): number {
  return special & FRAGMENTS_MAX;
}

export function fragmentCount(special: number): number {
  return (special >> COUNT_SHIFT) & FRAGMENTS_MAX;
}

/** 16 bits of the IP header. */
export function identificationOf(special: number): number {
  return special >>> IDENTIFICATION_SHIFT;
}

const IPV4_HEADER_BYTES = 20;
/** With the fragment header. */
const IPV6_HEADER_BYTES = 48;
/** Offsets of fragments count units of 8 bytes. */
const OFFSET_UNIT = 8;

/** Payload of every fragment but the last, at that MTU. */
export function fragmentBytes(mtu: number, ipv6: boolean): number {
  return Math.floor((mtu - (ipv6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES)) / OFFSET_UNIT) * OFFSET_UNIT;
}

/** Bytes of IPv4 and TCP headers with the time stamp option; of IPv4 and UDP headers. */
const TCP_HEADER_BYTES = 52;
const UDP_HEADER_BYTES = 28;
const INITIAL = 1024;

export class PacketsInFlight {
  /** Flow of the table that the packet belongs to, and the side that it is meant for. */
  flow = new Int32Array(INITIAL);
  side = new Uint8Array(INITIAL);
  /** 1: of the UDP table. */
  datagram = new Uint8Array(INITIAL);
  tcpFlags = new Uint8Array(INITIAL);
  payloadBytes = new Int32Array(INITIAL);
  tag = new Int32Array(INITIAL);
  /** 1: an answer to a packet that nobody knew; its header stands here and not in the flow's table. */
  stray = new Uint8Array(INITIAL);
  saddr = new Int32Array(INITIAL);
  daddr = new Int32Array(INITIAL);
  sport = new Int32Array(INITIAL);
  /** A `Special`, or a fragment. */
  special = new Int32Array(INITIAL);
  dport = new Int32Array(INITIAL);
  #next = new Int32Array(INITIAL);
  #free = NONE;
  #used = 0;

  /** Stores a packet and returns its row. */
  put(datagram: number, flow: number, side: number, tcpFlags: number, payloadBytes: number, tag: number): number {
    const row = this.#take();
    this.datagram[row] = datagram;
    this.flow[row] = flow;
    this.side[row] = side;
    this.tcpFlags[row] = tcpFlags;
    this.payloadBytes[row] = payloadBytes;
    this.tag[row] = tag;
    this.stray[row] = 0;
    this.special[row] = Special.none;
    return row;
  }

  /** Bytes of a packet from the IP header on. */
  bytes(row: number): number {
    return (this.datagram[row] === 1 ? UDP_HEADER_BYTES : TCP_HEADER_BYTES) + this.payloadBytes[row]!;
  }

  /** Gives the row back; read what is needed first. */
  release(row: number): void {
    this.#next[row] = this.#free;
    this.#free = row;
  }

  #take(): number {
    const row = this.#free;
    if (row !== NONE) {
      this.#free = this.#next[row]!;
      return row;
    }
    if (this.#used === this.flow.length) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    const rows = this.flow.length * 2;
    for (const column of INT32_COLUMNS) {
      const wider = new Int32Array(rows);
      wider.set(this[column]);
      this[column] = wider;
    }
    for (const column of UINT8_COLUMNS) {
      const wider = new Uint8Array(rows);
      wider.set(this[column]);
      this[column] = wider;
    }
    const next = new Int32Array(rows);
    next.set(this.#next);
    this.#next = next;
  }
}

const INT32_COLUMNS = ["flow", "payloadBytes", "tag", "saddr", "daddr", "sport", "dport", "special"] as const;
const UINT8_COLUMNS = ["side", "datagram", "tcpFlags", "stray"] as const;
