/**
 * The stub resolver of a pod: glibc's, as it asks a name server by UDP (resolv/res_send.c, resolv/res_query.c).
 *
 * A name with fewer dots than `ndots` is tried with each search domain first. Each candidate is asked for A and AAAA
 * from one socket, both datagrams at once. When a server does not answer in time the next one is asked, then the list
 * again, `attempts` times in all. When one of the two answers stays out, glibc asks once more one after the other, then
 * once more from two sockets, and then makes do with the half that it has: hence delays of five and ten seconds
 * without an error.
 *
 * Simplified: no TCP fallback, no EDNS, no cache (musl and Go ask and time out differently: not modelled). With several
 * name servers the time-out stays the same; glibc lengthens it from the second on.
 */
import type { Simulation } from "../core/simulation.js";
import { DeadlineQueue } from "./deadline-queue.js";
import { Side } from "./tcp-table.js";

export interface ResolverProfile {
  /** `options timeout`, ns. */
  readonly timeoutNs: number;
  /** `options attempts`: rounds through the list of name servers. */
  readonly attempts: number;
  readonly nameServers: number;
  /** Names in `search`; a pod has its namespace's, the cluster's two and what the node adds. */
  readonly searchDomains: number;
  /** `options ndots`. */
  readonly ndots: number;
  /** Whether AAAA is asked as well (getaddrinfo with AF_UNSPEC). */
  readonly bothFamilies: boolean;
  /** Payload of a question and of an answer, bytes. */
  readonly questionBytes: number;
  readonly answerBytes: number;
}

/** A pod's /etc/resolv.conf as kubelet writes it (dnsPolicy ClusterFirst), on a node with no search domain of its own. */
export const POD_RESOLVER: ResolverProfile = {
  timeoutNs: 5e9, // resolv.h, RES_TIMEOUT
  attempts: 2, // resolv.h, RES_DFLRETRY
  nameServers: 1,
  searchDomains: 3, // NAMESPACE.svc.cluster.local, svc.cluster.local, cluster.local
  ndots: 5, // kubelet, defaultDNSOptions
  bothFamilies: true,
  questionBytes: 62, // 12 header, 46 name, 4 type and class
  answerBytes: 123, // question, and one record of 61 bytes
};

/** What a name server says. */
export const Answer = { found: 0, noSuchName: 3, serverFailed: 2 } as const;

/** How a lookup ended; the negative ones are getaddrinfo's. */
export const LookupEnd = { found: 0, noSuchName: -2, tryAgain: -3 } as const;

/** The world that carries datagrams of lookups. */
export interface ResolverNetwork {
  /** The lookup now uses a new socket: a new source port, and the given name server (0 … nameServers - 1). */
  newSocket(lookup: number, nameServer: number): void;
  /** Takes a datagram; it arrives by `Resolvers.deliver`, or is lost without a word. */
  send(lookup: number, fromSide: number, payloadBytes: number, tag: number): void;
}

export interface ResolverUser {
  /** A name server has got a question: answer with `answer(lookup, tag, …)`, now or later, or not at all. */
  asked(lookup: number, tag: number): void;
  /** The lookup is over (`LookupEnd`); its number is free again. `datagrams`: sent by the client. */
  finished(lookup: number, end: number, datagrams: number): void;
}

/** Families as bits, as they are sent and as they are answered. */
const A = 1;
const AAAA = 2;
const BOTH = A | AAAA;
/** How the two questions are asked (RES_SNGLKUP, RES_SNGLKUPREOP). */
const Mode = { together: 0, oneByOne: 1, ownSockets: 2 } as const;

/** Words of a lookup. */
const Field = {
  client: 0, candidate: 1, existsAt: 2, candidates: 3, round: 4, mode: 5, wanted: 6, answered: 7, found: 8, failed: 9, serial: 10,
  datagrams: 11,
} as const;
const FIELDS = 12;
const INITIAL_CAPACITY = 128;
/** Serial in the upper bits of a tag, family in the lowest two. */
const FAMILY_BITS = 2;
const SERIAL_MASK = 0x0fffffff;

export class Resolvers {
  /** Lookups under way. */
  open = 0;
  readonly #simulation: Simulation;
  readonly #network: ResolverNetwork;
  readonly #user: ResolverUser;
  readonly #profiles: ResolverProfile[] = [];
  readonly #deadlines: DeadlineQueue[] = [];
  #words = new Int32Array(INITIAL_CAPACITY * FIELDS);
  #startedAt = new Float64Array(INITIAL_CAPACITY);
  #free = Int32Array.from({ length: INITIAL_CAPACITY }, (_, i) => INITIAL_CAPACITY - 1 - i);

  constructor(simulation: Simulation, network: ResolverNetwork, user: ResolverUser) {
    this.#simulation = simulation;
    this.#network = network;
    this.#user = user;
  }

  /** A kind of client. Returns its number. */
  addClient(profile: ResolverProfile): number {
    this.#deadlines.push(new DeadlineQueue(this.#simulation, profile.timeoutNs, (lookup, serial) => this.#expire(lookup, serial)));
    return this.#profiles.push(profile) - 1;
  }

  /** Numbers of lookups are below this; it grows by doubling. */
  get capacity(): number {
    return this.#startedAt.length;
  }

  /**
   * getaddrinfo() for a name with `dots` dots. `existsAt`: which of the candidates exists, in the order in which they are
   * tried (with too few dots: the search domains, then the name as it is), -1 for none.
   */
  allocate(client: number, dots: number, existsAt: number): number {
    if (this.open === this.capacity) this.#grow();
    const lookup = this.#free[this.capacity - 1 - this.open++]!;
    const { searchDomains, ndots } = this.#profiles[client]!;
    this.#set(lookup, Field.client, client);
    this.#set(lookup, Field.candidate, 0);
    this.#set(lookup, Field.existsAt, existsAt);
    // With enough dots the name as it is comes first; the search domains follow only when it does not exist.
    this.#set(lookup, Field.candidates, dots < ndots || existsAt !== 0 ? searchDomains + 1 : 1);
    this.#set(lookup, Field.failed, 0);
    this.#set(lookup, Field.datagrams, 0);
    this.#startedAt[lookup] = this.#simulation.now;
    return lookup;
  }

  begin(lookup: number): void {
    this.#askCandidate(lookup);
  }

  /** The name server's answer to the question with this tag: what it knows, or `Answer.serverFailed`. */
  answer(lookup: number, tag: number, failed = false): void {
    const code = failed ? Answer.serverFailed : this.#answerFor(lookup);
    this.#network.send(lookup, Side.server, this.#profileOf(lookup).answerBytes, answerTag(tag, code));
  }

  /** A datagram arrives. False when the client's socket is closed: then the host answers with ICMP port unreachable. */
  deliver(lookup: number, toSide: number, tag: number): boolean {
    if (toSide === Side.server) {
      this.#user.asked(lookup, tag);
      return true;
    }
    const question = tag >>> CODE_BITS;
    if (question >>> FAMILY_BITS !== this.#get(lookup, Field.serial)) return false;
    this.#take(lookup, question & BOTH, tag & CODE_MASK);
    return true;
  }

  /** An ICMP error, or the failed call, says that nobody takes the question with this tag: the next server is asked at once. */
  refused(lookup: number, tag: number): void {
    if ((tag >>> CODE_BITS) >>> FAMILY_BITS === this.#get(lookup, Field.serial)) this.#nextServer(lookup, false);
  }

  /** When the lookup was made, ns. */
  startedAt(lookup: number): number {
    return this.#startedAt[lookup]!;
  }

  /** What the question or the answer with this tag is about, while its candidate is tried. */
  questionOf(lookup: number, tag: number): { readonly candidate: number; readonly qtype: "A" | "AAAA"; readonly exists: boolean } {
    const candidate = this.#get(lookup, Field.candidate);
    const family = (tag >>> CODE_BITS) & BOTH;
    return { candidate, qtype: family === AAAA ? "AAAA" : "A", exists: candidate === this.#get(lookup, Field.existsAt) };
  }

  /** What the name server knows of the present candidate. */
  #answerFor(lookup: number): number {
    return this.#get(lookup, Field.candidate) === this.#get(lookup, Field.existsAt) ? Answer.found : Answer.noSuchName;
  }

  #askCandidate(lookup: number): void {
    this.#set(lookup, Field.round, 0);
    this.#set(lookup, Field.mode, Mode.together);
    this.#askServer(lookup);
  }

  /** A new socket to the next name server, nothing answered yet. */
  #askServer(lookup: number): void {
    this.#set(lookup, Field.answered, 0);
    this.#set(lookup, Field.found, 0);
    this.#set(lookup, Field.wanted, this.#profileOf(lookup).bothFamilies ? BOTH : A);
    this.#openSocket(lookup);
    this.#ask(lookup);
  }

  #openSocket(lookup: number): void {
    const { nameServers } = this.#profileOf(lookup);
    this.#set(lookup, Field.serial, (this.#get(lookup, Field.serial) + 1) & SERIAL_MASK);
    this.#network.newSocket(lookup, this.#get(lookup, Field.round) % nameServers);
  }

  /** Sends what is not answered: both questions at once, or the first of them. */
  #ask(lookup: number): void {
    const serial = this.#get(lookup, Field.serial);
    const missing = this.#get(lookup, Field.wanted) & ~this.#get(lookup, Field.answered);
    this.#deadlines[this.#get(lookup, Field.client)]!.add(lookup, serial);
    const first = missing & A ? A : AAAA;
    this.#send(lookup, serial, first);
    const still = this.#get(lookup, Field.serial) === serial;
    if (still && missing === BOTH && this.#get(lookup, Field.mode) === Mode.together) this.#send(lookup, serial, AAAA);
  }

  #send(lookup: number, serial: number, family: number): void {
    this.#set(lookup, Field.datagrams, this.#get(lookup, Field.datagrams) + 1);
    this.#network.send(lookup, Side.client, this.#profileOf(lookup).questionBytes, questionTag(serial, family));
  }

  #take(lookup: number, family: number, code: number): void {
    if (code === Answer.serverFailed) {
      this.#nextServer(lookup, true);
      return;
    }
    if (code === Answer.found) this.#set(lookup, Field.found, 1);
    this.#set(lookup, Field.answered, this.#get(lookup, Field.answered) | family);
    const missing = this.#get(lookup, Field.wanted) & ~this.#get(lookup, Field.answered);
    if (missing === 0) {
      this.#concludeCandidate(lookup);
    } else if (this.#get(lookup, Field.mode) !== Mode.together) {
      // One by one: the second question goes out when the first is answered, with a time-out of its own.
      if (this.#get(lookup, Field.mode) === Mode.ownSockets) this.#openSocket(lookup);
      else this.#set(lookup, Field.serial, (this.#get(lookup, Field.serial) + 1) & SERIAL_MASK);
      this.#ask(lookup);
    }
  }

  #concludeCandidate(lookup: number): void {
    if (this.#get(lookup, Field.found) !== 0) {
      this.#finish(lookup, LookupEnd.found);
      return;
    }
    const next = this.#get(lookup, Field.candidate) + 1;
    if (next === this.#get(lookup, Field.candidates)) {
      this.#finish(lookup, this.#get(lookup, Field.failed) !== 0 ? LookupEnd.tryAgain : LookupEnd.noSuchName);
      return;
    }
    this.#set(lookup, Field.candidate, next);
    this.#askCandidate(lookup);
  }

  /** The time-out of the questions sent with this serial. */
  #expire(lookup: number, serial: number): void {
    if (serial !== this.#get(lookup, Field.serial)) return;
    const answered = this.#get(lookup, Field.answered);
    if (answered === 0) {
      this.#nextServer(lookup, false);
      return;
    }
    const mode = this.#get(lookup, Field.mode);
    if (mode === Mode.ownSockets) {
      this.#concludeCandidate(lookup);
      return;
    }
    // Half an answer: again from the start, one by one, then from two sockets.
    this.#set(lookup, Field.mode, mode + 1);
    this.#askServer(lookup);
  }

  /** Silence ends the lookup when everybody has been asked often enough; a failure only the candidate. */
  #nextServer(lookup: number, failed: boolean): void {
    const { attempts, nameServers } = this.#profileOf(lookup);
    const round = this.#get(lookup, Field.round) + 1;
    this.#set(lookup, Field.round, round);
    if (round < attempts * nameServers) {
      this.#askServer(lookup);
    } else if (failed) {
      this.#set(lookup, Field.failed, 1);
      this.#concludeCandidate(lookup);
    } else {
      this.#finish(lookup, LookupEnd.tryAgain);
    }
  }

  #finish(lookup: number, end: number): void {
    this.#set(lookup, Field.serial, (this.#get(lookup, Field.serial) + 1) & SERIAL_MASK);
    this.open--;
    this.#free[this.capacity - 1 - this.open] = lookup;
    this.#user.finished(lookup, end, this.#get(lookup, Field.datagrams));
  }

  #profileOf(lookup: number): ResolverProfile {
    return this.#profiles[this.#get(lookup, Field.client)]!;
  }

  #get(lookup: number, field: number): number {
    return this.#words[lookup * FIELDS + field]!;
  }

  #set(lookup: number, field: number, value: number): void {
    this.#words[lookup * FIELDS + field] = value;
  }

  #grow(): void {
    const before = this.capacity;
    const words = new Int32Array(2 * before * FIELDS);
    words.set(this.#words);
    this.#words = words;
    const startedAt = new Float64Array(2 * before);
    startedAt.set(this.#startedAt);
    this.#startedAt = startedAt;
    this.#free = Int32Array.from({ length: 2 * before }, (_, i) => 2 * before - 1 - i);
  }
}

/** Lowest bits of a tag: what the answer says; 0 in a question. */
const CODE_BITS = 2;
const CODE_MASK = (1 << CODE_BITS) - 1;

/** Tag of the answer that refuses the question with this tag: glibc takes REFUSED as it takes SERVFAIL. */
export function refusalTag(question: number): number {
  return answerTag(question, Answer.serverFailed);
}

function questionTag(serial: number, family: number): number {
  return ((serial << FAMILY_BITS) | family) << CODE_BITS;
}

function answerTag(question: number, code: number): number {
  return (question & ~CODE_MASK) | code;
}
