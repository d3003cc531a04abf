/** Everything that a run counts while it goes on. The node and its workloads call it; it decides nothing. */
import { Fingerprint } from "../core/fingerprint.js";
import type { LogLinearCounter } from "../core/log-linear.js";
import { Call, CallCounter } from "./call-counter.js";
import { DropCounter } from "./drop-counter.js";
import { LatencyRecorder, spanCounter } from "./latency.js";
import { NotableConnections } from "./notable.js";
import type { RunCounts } from "./result.js";
import type { Windows } from "./windows.js";

export type RecordedCounts = Omit<RunCounts, "events" | "connectionsPending" | "preloadedEntries">;

export class RunRecorder {
  readonly windows: Windows;
  /** Rolling hash of what happened: openings, establishments, drops, with their times. */
  readonly fingerprint = new Fingerprint();
  readonly synLatency = new LatencyRecorder();
  readonly requestLatency = new LatencyRecorder();
  readonly drops = new DropCounter();
  /** The same events by workload. */
  readonly calls = new CallCounter();
  /** Connections that deserve a look. */
  readonly notable = new NotableConnections();
  /** Time from arrival at a hook to the end of its program, ns. */
  readonly hooks = { from_container: spanCounter(), from_netdev: spanCounter(), to_netdev: spanCounter() };
  /** Time from the SYN that was answered to an established connection: the latency without what was waited for lost SYNs. */
  readonly handshake = new LatencyRecorder();
  /** Events before this moment are simulated but not counted. */
  readonly #warmupNs: number;

  /** Simulated time, ns. */
  readonly #clock: { readonly now: number };
  packets = 0;
  connectionsOpened = 0;
  connectionsEstablished = 0;
  connectionsFailed = 0;
  /** Established connections that ended with an error. */
  connectionsBroken = 0;
  /** Exchanges of datagrams (name lookups count as one), the sockets that they took, and what came of them. */
  queriesStarted = 0;
  querySockets = 0;
  queriesAnswered = 0;
  queriesRetried = 0;
  queriesFailed = 0;
  /** Resets by hosts that did not know a packet's connection. */
  strayResets = 0;
  /** SYNs of floods, and packets that XDP's prefilter threw away. */
  synsSpoofed = 0;
  packetsPrefiltered = 0;
  /** Packets that only policy audit mode let pass. */
  packetsAudited = 0;
  /** First packets that reached a server of a service which backends have joined, and those of them that reached such a backend. */
  serversReached = 0;
  addedServersReached = 0;
  synSent = 0;
  synRetransmitted = 0;

  constructor(windows: Windows, warmupNs: number, clock: { readonly now: number }) {
    this.windows = windows;
    this.#warmupNs = warmupNs;
    this.#clock = clock;
  }

  /** False while figures are not counted yet. */
  get counting(): boolean {
    return this.#clock.now >= this.#warmupNs;
  }

  /** What the result model wants to know. */
  get counts(): RecordedCounts {
    const { packets, connectionsOpened, connectionsEstablished, connectionsFailed, connectionsBroken, synSent, synRetransmitted } = this;
    const { queriesStarted, querySockets, queriesAnswered, queriesRetried, queriesFailed, strayResets, synsSpoofed, packetsPrefiltered, packetsAudited } = this;
    const { serversReached, addedServersReached } = this;
    return {
      packets, connectionsOpened, connectionsEstablished, connectionsFailed, connectionsBroken, synSent, synRetransmitted,
      queriesStarted, querySockets, queriesAnswered, queriesRetried, queriesFailed, strayResets, synsSpoofed, packetsPrefiltered, packetsAudited,
      serversReached, addedServersReached,
    };
  }

  connectionOpened(workload: number): void {
    this.fingerprint.mixWide(this.#clock.now);
    if (!this.counting) return;
    this.connectionsOpened++;
    this.calls.count(workload, Call.opened);
  }

  /** The hooks by name; `tc_ingress` is the two ways in together. */
  hookTimes(hook: "tc_ingress" | keyof RunRecorder["hooks"]): LogLinearCounter {
    if (hook !== "tc_ingress") return this.hooks[hook];
    const both = spanCounter();
    both.merge(this.hooks.from_container);
    both.merge(this.hooks.from_netdev);
    return both;
  }

  /** The handshake is done `latencyNs` after connect() and `handshakeNs` after the last SYN, which was sent again `retransmissions` times. */
  connectionEstablished(where: number, latencyNs: number, handshakeNs: number, retransmissions: number, workload: number): void {
    this.fingerprint.mixWide(latencyNs);
    this.fingerprint.mix(retransmissions);
    if (!this.counting) return;
    this.connectionsEstablished++;
    this.calls.count(workload, Call.succeeded);
    this.synLatency.record(where, latencyNs);
    this.handshake.record(where, handshakeNs);
  }

  requestAnswered(where: number, latencyNs: number): void {
    this.fingerprint.mixWide(latencyNs);
    if (this.counting) this.requestLatency.record(where, latencyNs);
  }

  connectionFailed(workload: number): void {
    if (!this.counting) return;
    this.connectionsFailed++;
    this.calls.count(workload, Call.failed);
  }

  connectionBroken(workload: number): void {
    if (!this.counting) return;
    this.connectionsBroken++;
    this.calls.count(workload, Call.broken);
  }

  synOut(retransmission: boolean): void {
    if (!this.counting) return;
    this.synSent++;
    if (retransmission) this.synRetransmitted++;
  }

  queryStarted(workload: number): void {
    this.fingerprint.mixWide(this.#clock.now);
    if (!this.counting) return;
    this.queriesStarted++;
    this.calls.count(workload, Call.opened);
  }

  querySocketOpened(): void {
    if (this.counting) this.querySockets++;
  }

  /** The answer is there `latencyNs` after the exchange began; `retried`: something had to be sent again. */
  queryAnswered(where: number, latencyNs: number, retried: boolean, workload: number): void {
    this.fingerprint.mixWide(latencyNs);
    if (!this.counting) return;
    this.queriesAnswered++;
    this.calls.count(workload, Call.succeeded);
    if (retried) this.queriesRetried++;
    this.requestLatency.record(where, latencyNs);
  }

  queryFailed(where: number, workload: number): void {
    this.fingerprint.mix(where);
    if (!this.counting) return;
    this.queriesFailed++;
    this.calls.count(workload, Call.failed);
  }

  synSpoofed(workload: number): void {
    if (!this.counting) return;
    this.synsSpoofed++;
    this.calls.count(workload, Call.opened);
  }

  prefilteredPacket(): void {
    if (this.counting) this.packetsPrefiltered++;
  }

  auditedPacket(): void {
    if (this.counting) this.packetsAudited++;
  }

  /** A first packet came to a server; `added`: a backend that had joined during the run. */
  serverReached(added: boolean): void {
    if (!this.counting) return;
    this.serversReached++;
    if (added) this.addedServersReached++;
  }

  strayReset(): void {
    if (this.counting) this.strayResets++;
  }

  drop(code: number, extError: number, egress: boolean, where: number, established: boolean, workload: number): void {
    this.fingerprint.mix((code << 16) | (extError & 0xffff));
    if (!this.counting) return;
    this.drops.record(code, extError, egress, where, established, this.#clock.now);
    this.calls.count(workload, Call.dropped);
  }
}
