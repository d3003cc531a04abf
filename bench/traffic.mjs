/**
 * What TCP peers cost: one connection of ten segments (handshake, one request with its answer, close), the events of the
 * link included, alone and among many open ones.
 */
import { RandomStreams } from "../dist/core/random.js";
import { Simulation } from "../dist/core/simulation.js";
import { Sent, TcpPeers } from "../dist/traffic/tcp-peers.js";
import { tcpProfile } from "../dist/traffic/tcp-profile.js";
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
  ];
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
