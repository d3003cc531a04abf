/**
 * What traffic costs. TCP peers: one connection of ten segments (handshake, one request with its answer, close), the
 * events of the link included, alone and among many open ones. Then one arrival, one draw, one lookup, one exchange.
 */
import { RandomStreams } from "../dist/core/random.js";
import { Simulation } from "../dist/core/simulation.js";
import { arrivalProcess } from "../dist/traffic/arrivals.js";
import { draw } from "../dist/traffic/distributions.js";
import { EchoPeers } from "../dist/traffic/echo-peers.js";
import { EphemeralPorts } from "../dist/traffic/ephemeral-ports.js";
import { POD_RESOLVER, Resolvers } from "../dist/traffic/resolver.js";
import { Sent, TcpPeers } from "../dist/traffic/tcp-peers.js";
import { tcpProfile } from "../dist/traffic/tcp-profile.js";
import { datagramProfile, UdpExchanges } from "../dist/traffic/udp-exchanges.js";
import { median } from "./core-tables.mjs";

const ONE_WAY_NS = 50_000;
const REQUEST_BYTES = 200;
const ANSWER_BYTES = 1000;
const NS_PER_S = 1e9;

export async function run({ quick }) {
  const connections = quick ? 20_000 : 400_000;
  const repeats = quick ? 1 : 5;
  const rows = [
    row("10,000/s, closed at once", { rate: 10_000, hold: 0, loss: 0 }, connections, repeats),
    row("10,000/s, held 5 s (50,000 open)", { rate: 10_000, hold: 5, loss: 0 }, connections, repeats),
    row("10,000/s, 30 % of SYNs lost", { rate: 10_000, hold: 0, loss: 0.3 }, connections, repeats),
  ];
  return [
    {
      title: "TCP peers: ten segments of a connection, both ends",
      columns: ["load", "ns/connection", "ns/segment", "of it the queue alone", "events/connection"],
      rows,
      notes: [
        "A segment's event in the queue is part of ns/segment; the fourth column is the same number of events without peers.",
      ],
    },
    {
      title: "Other traffic: ns each",
      columns: ["operation", "ns"],
      rows: OTHERS.map(([name, prepare]) => [name, each(prepare, quick ? 20_000 : 1_000_000, repeats).toFixed(1)]),
    },
  ];
}

/** Operations with what they need: each returns a function that does `count` of them. */
const OTHERS = [
  ["Poisson arrival", () => arrivals({ kind: "poisson", perSecond: 1e4 })],
  ["arrival of a changing rate", () => arrivals({ kind: "diurnal", perSecond: 1e4, swing: 0.5, peakHour: 14 })],
  ["bounded Pareto draw", () => draws({ kind: "pareto", scale: 100, shape: 1.2, highest: 1e7 })],
  ["empirical draw, 100 points", () => draws(HUNDRED_POINTS)],
  ["ephemeral port, taken and released, 10,000 in use", ports],
  ["lookup: A and AAAA, four datagrams", lookups],
  ["UDP exchange, two datagrams", exchanges],
  ["echo, two datagrams", echoes],
];

const HUNDRED_POINTS = {
  kind: "empirical",
  values: Array.from({ length: 100 }, (_, i) => i * i),
  shares: Array.from({ length: 100 }, (_, i) => (i + 1) / 100),
};

function each(prepare, count, repeats) {
  return median(
    Array.from({ length: repeats }, () => {
      const work = prepare();
      work(count / 10);
      const start = process.hrtime.bigint();
      work(count);
      return Number(process.hrtime.bigint() - start) / count;
    }),
  );
}

/** Where results go, so that nothing is optimised away. */
export let sink = 0;

function arrivals(shape) {
  const process = arrivalProcess(shape, new RandomStreams("bench").stream("arrivals"));
  return (count) => {
    for (let i = 0; i < count; i++) sink += process.next();
  };
}

function draws(distribution) {
  const random = new RandomStreams("bench").stream("draws");
  return (count) => {
    for (let i = 0; i < count; i++) sink += draw(distribution, random);
  };
}

function ports() {
  const space = new EphemeralPorts({ range: [32_768, 60_999], timeWaitS: 60, reuse: false }, new RandomStreams("bench").stream("ports"));
  const taken = Int32Array.from({ length: 10_000 }, () => space.take(3, 0));
  let at = 0;
  return (count) => {
    for (let i = 0; i < count; i++) {
      space.release(3, taken[at]);
      taken[at] = space.take(3, 0);
      at = (at + 1) % taken.length;
    }
  };
}

/** A link that hands over at the next event, for engines whose `deliver` takes what `send` got. */
function postman(simulation, deliver) {
  const words = new Int32Array(4 << 12);
  let next = 0;
  const kind = simulation.on((at) => deliver(words[at], words[at + 1], words[at + 2], words[at + 3]));
  return (subject, side, bytes, tag) => {
    const at = next;
    next = (at + 4) % words.length;
    words[at] = subject;
    words[at + 1] = side ^ 1;
    words[at + 2] = bytes;
    words[at + 3] = tag;
    simulation.at(simulation.now + ONE_WAY_NS, kind, at, 0);
  };
}

function lookups() {
  const simulation = new Simulation();
  const send = postman(simulation, (lookup, side, _bytes, tag) => resolvers.deliver(lookup, side, tag));
  const resolvers = new Resolvers(simulation, { newSocket() {}, send }, { asked: (lookup, tag) => resolvers.answer(lookup, tag), finished() {} });
  const client = resolvers.addClient(POD_RESOLVER);
  return oneByOne(simulation, () => resolvers.begin(resolvers.allocate(client, 0, 0)));
}

function exchanges() {
  const simulation = new Simulation();
  const send = postman(simulation, (exchange, side, _bytes, tag) => peers.deliver(exchange, side, tag));
  const peers = new UdpExchanges(simulation, { send }, { asked: (exchange, tag) => peers.answer(exchange, tag), answered() {}, timedOut() {} });
  const profile = peers.addProfile(datagramProfile(50, 100, NS_PER_S, 2));
  return oneByOne(simulation, () => peers.begin(peers.allocate(profile)));
}

function echoes() {
  const simulation = new Simulation();
  const peers = new EchoPeers(
    simulation,
    { send: postman(simulation, (pinger, side, bytes, sequence) => peers.deliver(pinger, side, bytes, sequence)) },
    { replied() {}, lost() {} },
  );
  const intervalNs = 10 * ONE_WAY_NS;
  peers.add({ intervalNs, timeoutNs: 20 * intervalNs, count: Infinity, payloadBytes: 56 }, 0);
  return (count) => simulation.run(simulation.now + count * intervalNs);
}

function oneByOne(simulation, begin) {
  return (count) => {
    for (let i = 0; i < count; i++) {
      begin();
      simulation.run(simulation.now + 10 * ONE_WAY_NS);
    }
  };
}

function row(name, load, connections, repeats) {
  const runs = Array.from({ length: repeats }, (_, i) => measure({ ...load, seed: i }, connections));
  const idle = Array.from({ length: repeats }, (_, i) => measureQueue({ ...load, seed: i }, connections, runs[i].events));
  const ns = median(runs.map((each) => each.ns / connections));
  const segment = median(runs.map((each) => each.ns / each.segments));
  const queue = median(idle.map((each, i) => each / runs[i].segments));
  return [name, ns.toFixed(0), segment.toFixed(1), queue.toFixed(1), (runs[0].events / connections).toFixed(2)];
}

/** Opens `connections` at a steady rate over a link with a fixed delay, and lets them run to their end. */
function measure({ rate, hold, loss, seed }, connections) {
  const simulation = new Simulation();
  const random = new RandomStreams("bench", seed).stream("link");
  const link = new Link(simulation, random, loss);
  const peers = new TcpPeers(simulation, link, new Exchange(simulation, link, hold * NS_PER_S));
  link.peers = peers;
  const profile = tcpProfile([6, 6]);
  peers.addHost(profile, 0);
  peers.addHost(profile, 0);
  const gap = NS_PER_S / rate;
  let opened = 0;
  const open = simulation.on(() => {
    peers.connect(peers.allocate(0, 1));
    if (++opened < connections) simulation.at(simulation.now + gap, open, 0, 0);
  });
  simulation.at(0, open, 0, 0);
  const start = process.hrtime.bigint();
  simulation.run((connections / rate + hold + 200) * NS_PER_S);
  const ns = Number(process.hrtime.bigint() - start);
  if (peers.open !== 0) throw new Error(`${peers.open} connections are left over`);
  return { ns, events: simulation.events, segments: link.segments };
}

/** As many events of the same kind, one after the other with as many pending, and nothing else. */
function measureQueue({ rate, hold }, connections, events) {
  const simulation = new Simulation();
  let left = events;
  const pending = Math.max(1, Math.round(rate * (hold + 10 * (ONE_WAY_NS / NS_PER_S))));
  const kind = simulation.on((a) => {
    if (--left > 0) simulation.at(simulation.now + (a === 0 ? ONE_WAY_NS : hold * NS_PER_S), kind, a, 0);
  });
  for (let i = 0; i < pending; i++) simulation.at(i * 1000, kind, i % 10 === 0 && hold > 0 ? 1 : 0, 0);
  const start = process.hrtime.bigint();
  simulation.run(1e13);
  return Number(process.hrtime.bigint() - start);
}

/** Carries segments after a fixed delay; loses SYNs with a given probability. */
class Link {
  segments = 0;
  peers;
  #simulation;
  #random;
  #loss;
  #words = new Int32Array(5 << 16);
  #next = 0;
  #arrival;

  constructor(simulation, random, loss) {
    this.#simulation = simulation;
    this.#random = random;
    this.#loss = loss;
    this.#arrival = simulation.on((at) => {
      const words = this.#words;
      this.peers.deliver(words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4]);
    });
  }

  send(connection, side, flags, bytes, tag) {
    this.segments++;
    if (this.#loss > 0 && flags === 2 && this.#random.nextFloat() < this.#loss) return Sent.away;
    const at = this.#next;
    this.#next = (at + 5) % this.#words.length;
    const words = this.#words;
    words[at] = connection;
    words[at + 1] = side ^ 1;
    words[at + 2] = flags;
    words[at + 3] = bytes;
    words[at + 4] = tag;
    this.#simulation.at(this.#simulation.now + ONE_WAY_NS, this.#arrival, at, 0);
    return Sent.away;
  }
}

/** One request at once, one answer, then the client closes after the hold. */
class Exchange {
  #simulation;
  #link;
  #hold;
  #close;

  constructor(simulation, link, hold) {
    this.#simulation = simulation;
    this.#link = link;
    this.#hold = hold;
    this.#close = simulation.on((connection) => this.#link.peers.close(connection, 0));
  }

  established(connection, side) {
    if (side === 0) this.#link.peers.write(connection, 0, REQUEST_BYTES);
  }
  received(connection, side) {
    if (side === 1) this.#link.peers.write(connection, 1, ANSWER_BYTES);
    else if (this.#hold === 0) this.#link.peers.close(connection, 0);
    else this.#simulation.at(this.#simulation.now + this.#hold, this.#close, connection, 0);
  }
  peerClosed(connection, side) {
    this.#link.peers.close(connection, side);
  }
  closed() {}
  failed() {}
  released() {}
}
