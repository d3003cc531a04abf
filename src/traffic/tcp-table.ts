/**
 * The table of connections: one row of 32-bit words for each side, as `struct tcp_sock` holds them, and a free list.
 *
 * A connection is a number; `row(connection, side)` is where its words begin. Rows are reused oldest first, and a
 * generation count tells late segments of an earlier connection from those of the present one.
 *
 * Segments are counted, not bytes: the SYN is number 0, data follow from 1, the FIN comes last. A side has one write
 * (a "message") under way at a time, cut into full segments and a shorter last one; what is written meanwhile is
 * joined to the next, as Nagle's algorithm does with small writes.
 */

/** The two ends. The client is the one that sends the SYN. */
export const Side = { client: 0, server: 1 } as const;
export type Side = (typeof Side)[keyof typeof Side];

/** TCP states, with the numbers of include/net/tcp_states.h where they exist there. */
export const State = {
  established: 1,
  synSent: 2,
  synReceived: 3,
  finWait1: 4,
  finWait2: 5,
  timeWait: 6,
  closed: 7,
  closeWait: 8,
  lastAck: 9,
  listen: 10,
  closing: 11,
  /** The host is gone: nothing answers, not even with a reset. Not a kernel state. */
  vanished: 13,
} as const;

const OPEN_STATES =
  (1 << State.established) | (1 << State.finWait1) | (1 << State.finWait2) |
  (1 << State.closeWait) | (1 << State.lastAck) | (1 << State.closing);
const RECEIVING_STATES = (1 << State.established) | (1 << State.finWait1) | (1 << State.finWait2);

/** States after the handshake in which data or a FIN of this side can be outstanding. */
export function isOpen(state: number): boolean {
  return ((1 << state) & OPEN_STATES) !== 0;
}

/** States in which the other side may still send data or its FIN. */
export function isReceiving(state: number): boolean {
  return ((1 << state) & RECEIVING_STATES) !== 0;
}

/** What the retransmission timer of a side will do when it fires (`icsk_pending`). */
export const Pending = { none: 0, retransmit: 1, lossProbe: 2, windowProbe: 3, synAck: 4 } as const;

/** Words of a side's row. Jiffies are those of the side's host. */
export const Word = {
  state: 0,
  flags: 1,
  host: 2,
  pending: 3,
  /** First segment not yet acknowledged, next to send, end of what was written (the FIN's number). */
  sendUna: 4,
  sendNext: 5,
  sendEnd: 6,
  /** Payload of the last segment of the message under way, bytes. */
  tailBytes: 7,
  /** Written but not yet cut into segments, bytes. */
  queuedBytes: 8,
  receiveNext: 9,
  /** Segments received beyond `receiveNext`: bit n stands for receiveNext + 1 + n. */
  outOfOrder: 10,
  /** Retransmission time-out, jiffies, back-off included. */
  rto: 11,
  retransmits: 12,
  /** Time-outs since the connection was opened (`total_rto`). */
  timeouts: 13,
  probesOut: 14,
  smoothedRtt: 15,
  deviation: 16,
  deviationMax: 17,
  rttVariance: 18,
  rttMark: 19,
  /** Segment whose round trip is being timed, or -1. */
  timedSegment: 20,
  window: 21,
  threshold: 22,
  windowCredit: 23,
  duplicateAcks: 24,
  /** End of the segments that were outstanding when loss was noticed. */
  recoveryEnd: 25,
  retransmitNext: 26,
  /** Immediate acknowledgements left (`icsk_ack.quick`). */
  quickAcks: 27,
  /** Full segments received since the last acknowledgement. */
  unackedSegments: 28,
  replies: 29,
  /** Segments sent again, all kinds (`tcpi_total_retrans`). */
  retransmissions: 30,
  keepAliveProbes: 31,
  /** Server side: number of the listener with queues, 0 for none. */
  listener: 32,
} as const;

/** Bits of `Word.flags`. */
export const Flag = {
  finQueued: 1,
  finSent: 2,
  /** The application has closed; data that still come are answered with a reset (SOCK_DEAD). */
  orphan: 4,
  ackPending: 8,
  /** After a time-out, until everything outstanding then is acknowledged (TCP_CA_Loss). */
  loss: 16,
  /** After a fast retransmission, likewise (TCP_CA_Recovery). */
  recovery: 32,
  /** A tail loss probe is unanswered (`tlp_high_seq`). */
  probed: 64,
  /** The timed segment was sent more than once. */
  timedAgain: 128,
  /** Server side: the SYN was answered with a cookie, nothing else is kept. */
  cookie: 256,
} as const;

/** Moments of a side, nanoseconds. */
export const Moment = {
  /** First SYN, or the first retransmission of data (`retrans_stamp`); -1 when none. */
  retransmitStamp: 0,
  timedAt: 1,
  /** Last segment with payload received (`lrcvtime`). */
  dataReceivedAt: 2,
  /** Last segment of any kind received (`rcv_tstamp`). */
  heardAt: 3,
} as const;

const ROW_WORDS = 40;
const ROW_MOMENTS = 4;
const INITIAL_CONNECTIONS = 256;
const NONE = -1;

/** Bits of the generation that a segment's tag carries. */
export const GENERATION_BITS = 6;

/** Where the time comes from: a `Simulation`. */
export interface Clock {
  readonly now: number;
}

export class TcpTable {
  /** Rows in existence; grows by doubling. */
  capacity = INITIAL_CONNECTIONS;
  /** Connections open now. */
  open = 0;
  #words = new Int32Array(INITIAL_CONNECTIONS * 2 * ROW_WORDS);
  #moments = new Float64Array(INITIAL_CONNECTIONS * 2 * ROW_MOMENTS);
  #openedAt = new Float64Array(INITIAL_CONNECTIONS);
  #generation = new Uint8Array(INITIAL_CONNECTIONS);
  /** Ring of free connections, so that the one freed longest ago is taken first. */
  #free = new Int32Array(INITIAL_CONNECTIONS);
  #freeHead = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    for (let i = 0; i < INITIAL_CONNECTIONS; i++) this.#free[i] = i;
  }

  /** Index of the side's first word. */
  row(connection: number, side: number): number {
    return ((connection << 1) | side) * ROW_WORDS;
  }

  get(row: number, word: number): number {
    return this.#words[row + word]!;
  }

  set(row: number, word: number, value: number): void {
    this.#words[row + word] = value;
  }

  has(row: number, flag: number): boolean {
    return (this.#words[row + Word.flags]! & flag) !== 0;
  }

  raise(row: number, flag: number): void {
    this.#words[row + Word.flags]! |= flag;
  }

  clear(row: number, flag: number): void {
    this.#words[row + Word.flags]! &= ~flag;
  }

  /** Notes that it is now. Moments go by `stamp` and `since`, as a time handed from function to function would be boxed. */
  stamp(row: number, which: number): void {
    this.#moments[momentOf(row, which)] = this.#clock.now;
  }

  unstamp(row: number, which: number): void {
    this.#moments[momentOf(row, which)] = NONE;
  }

  isStamped(row: number, which: number): boolean {
    return this.#moments[momentOf(row, which)] !== NONE;
  }

  /** Nanoseconds since a moment that was noted. */
  since(row: number, which: number): number {
    return this.#clock.now - this.#moments[momentOf(row, which)]!;
  }

  openedAt(connection: number): number {
    return this.#openedAt[connection]!;
  }

  stampOpening(connection: number): void {
    this.#openedAt[connection] = this.#clock.now;
  }

  generation(connection: number): number {
    return this.#generation[connection]!;
  }

  /** Takes a free connection, both rows all zero. `capacity` may have grown. */
  allocate(): number {
    if (this.open === this.capacity) this.#grow();
    const connection = this.#free[this.#freeHead]!;
    this.#freeHead = (this.#freeHead + 1) % this.capacity;
    this.open++;
    const first = this.row(connection, 0);
    this.#words.fill(0, first, first + 2 * ROW_WORDS);
    this.#moments.fill(NONE, connection * 2 * ROW_MOMENTS, (connection + 1) * 2 * ROW_MOMENTS);
    return connection;
  }

  release(connection: number): void {
    this.#generation[connection] = (this.#generation[connection]! + 1) & ((1 << GENERATION_BITS) - 1);
    this.#free[(this.#freeHead + this.capacity - this.open) % this.capacity] = connection;
    this.open--;
  }

  #grow(): void {
    const before = this.capacity;
    this.capacity = before * 2;
    this.#words = grown(this.#words, new Int32Array(this.capacity * 2 * ROW_WORDS));
    this.#moments = grown(this.#moments, new Float64Array(this.capacity * 2 * ROW_MOMENTS));
    this.#openedAt = grown(this.#openedAt, new Float64Array(this.capacity));
    this.#generation = grown(this.#generation, new Uint8Array(this.capacity));
    // All rows are in use here, so the ring starts afresh with the new ones.
    this.#free = new Int32Array(this.capacity);
    for (let i = 0; i < before; i++) this.#free[i] = before + i;
    this.#freeHead = 0;
  }
}

function momentOf(row: number, which: number): number {
  return ((row / ROW_WORDS) * ROW_MOMENTS + which) | 0;
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
