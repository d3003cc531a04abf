/** Two hosts, a link with a fixed delay and a rule for each segment's fate, and a log of everything: for tests of TCP. */
import { Simulation } from "../../src/core/simulation.js";
import { NS_PER_MS } from "../../src/core/units.js";
import { Sent, TcpPeers, type Application, type Network } from "../../src/traffic/tcp-peers.js";
import { tcpProfile, type TcpProfile } from "../../src/traffic/tcp-profile.js";

export const ONE_WAY_NS = 20_000;

export interface Line {
  readonly at: number;
  readonly side: number;
  readonly flags: number;
  readonly bytes: number;
}

export class World implements Network, Application {
  readonly simulation = new Simulation();
  readonly peers: TcpPeers;
  readonly lines: Line[] = [];
  readonly told: string[] = [];
  failedAtMs = -1;
  fate: (line: Line, index: number) => "pass" | "lose" | "refuse" = () => "pass";
  onReceived: (connection: number, side: number, bytes: number) => void = () => {};
  onPeerClosed: (connection: number, side: number) => void = (connection, side) => this.peers.close(connection, side);
  readonly #arrival: number;
  readonly #flying: [number, number, number, number, number][] = [];

  constructor(overrides: Partial<TcpProfile> = {}, bootedNs = 0) {
    this.peers = new TcpPeers(this.simulation, this, this);
    const profile = tcpProfile([6, 18], overrides);
    this.peers.addHost(profile, bootedNs);
    this.peers.addHost(profile, bootedNs);
    this.#arrival = this.simulation.on((index) => this.peers.deliver(...this.#flying[index]!));
  }

  send(connection: number, side: number, flags: number, bytes: number, tag: number): number {
    const line = { at: this.simulation.now, side, flags, bytes };
    const fate = this.fate(line, this.lines.length);
    this.lines.push(line);
    if (fate === "refuse") return Sent.refused;
    if (fate === "lose") return Sent.away;
    const index = this.#flying.push([connection, side ^ 1, flags, bytes, tag]) - 1;
    this.simulation.at(this.simulation.now + ONE_WAY_NS, this.#arrival, index, 0);
    return Sent.away;
  }

  established(_connection: number, side: number): void {
    this.told.push(`established ${side}`);
  }
  received(connection: number, side: number, bytes: number): void {
    this.told.push(`received ${side} ${bytes}`);
    this.onReceived(connection, side, bytes);
  }
  peerClosed(connection: number, side: number): void {
    this.told.push(`peerClosed ${side}`);
    this.onPeerClosed(connection, side);
  }
  closed(_connection: number, side: number): void {
    this.told.push(`closed ${side}`);
  }
  failed(_connection: number, side: number, errno: number): void {
    this.told.push(`failed ${side} ${errno}`);
    this.failedAtMs = this.simulation.now / NS_PER_MS;
  }
  released(_connection: number, timeWaitSide: number): void {
    this.told.push(`released ${timeWaitSide}`);
  }

  connect(): number {
    const connection = this.peers.allocate(0, 1);
    this.peers.connect(connection);
    return connection;
  }
  runFor(ns: number): void {
    this.simulation.run(this.simulation.now + ns);
  }
  offsetsMs(flags: number): number[] {
    return this.lines.filter((line) => line.flags === flags).map((line) => (line.at - this.lines[0]!.at) / NS_PER_MS);
  }
}
