/**
 * Conntrack garbage collection as it runs beside the datapath: the loop of pkg/maps/ctmap/gc/gc.go, its signals, and the
 * walks that endpoints coming and going cost.
 *
 * The node gives it time: `start` says when to call `step`, each `step` works for a slice and says when to call the next,
 * `signal` may move that forward. The datapath feels a walk through the maps, through the bucket locks it holds on its
 * CPU, and through the CPU time it takes; nothing else.
 *
 * Simplified: one thread of control. Endpoint scrubs and pressure counts take turns with the walks of a pass (in the agent
 * they contend for a lock per map). Walks stay on one CPU.
 */

import type { HashTable } from "../../bpf/hash-table.js";
import { NS_PER_MS } from "../../core/units.js";
import type { ConntrackGcConfig } from "./gc-config.js";
import type { GcCosts, SliceCost } from "./gc-costs.js";
import { GcSchedule } from "./gc-interval.js";
import type { PassOutcome } from "./gc-interval.js";
import { OrphanWalk } from "./gc-orphans.js";
import type {
  GcCause,
  GcObserver,
  MapWalkRecord,
  OrphanScanRecord,
  SignalOutcome,
  SignalType,
} from "./gc-records.js";
import { FAMILY_V4, FAMILY_V6, NOTHING_EXPIRES, tableOf } from "./gc-targets.js";
import type { AddressSet, ConntrackPair, ConntrackTarget, DeletionRule } from "./gc-targets.js";
import { BatchWalk, KeyWalk, WalkMemory } from "./gc-walk.js";
import type { SlicedWalk } from "./gc-walk.js";

export type { ConntrackGcConfig } from "./gc-config.js";

/** Returned instead of a time: nothing to schedule. */
export const NO_STEP = -1;
/** How long a slice works, ns. Short against a SYN's handshake with a remote peer, long against an event. */
export const GC_SLICE_NS = NS_PER_MS;

/** What the worker is at. */
type Job =
  | { readonly kind: "map"; readonly index: number }
  | { readonly kind: "orphans"; readonly pair: ConntrackPair }
  | { readonly kind: "scrub"; readonly index: number; readonly request: ScrubRequest }
  | { readonly kind: "count"; readonly index: number };

interface ScrubRequest {
  readonly ticket: number;
  readonly requested: number;
  readonly addresses: readonly AddressSet[];
  started: number;
  cpuNs: number;
  deleted: number;
  left: number;
}

interface RunningPass {
  readonly cause: GcCause;
  readonly families: number;
  readonly full: boolean;
  readonly start: number;
  readonly maps: MapWalkRecord[];
  readonly orphans: OrphanScanRecord[];
  cpuNs: number;
  left: number;
}

export class ConntrackGc {
  readonly targets: readonly ConntrackTarget[];
  readonly schedule: GcSchedule;
  /** Until when the agent's CPU is taken by the slice in progress. */
  busyUntil = 0;
  /** CPU time that the last `step` took, ns. */
  stepCpuNs = 0;
  /** CPU time of all steps, ns. */
  totalCpuNs = 0;
  readonly cpu: number;

  readonly #config: ConntrackGcConfig;
  readonly #costs: GcCosts;
  readonly #observer: GcObserver;
  readonly #memories: readonly WalkMemory[];
  readonly #enabled: number;
  readonly #cost: SliceCost = { cpuNs: 0, heldNs: 0 };
  #jobs: Job[] = [];
  #walk: SlicedWalk | null = null;
  #job: Job | null = null;
  #jobStart = 0;
  #jobCpuNs = 0;
  #pass: RunningPass | null = null;
  #held: HashTable | null = null;
  #resumeAt = 0;
  #now = 0;
  #nextPassAt = Number.POSITIVE_INFINITY;
  #nextCountAt = Number.POSITIVE_INFINITY;
  #nextAt = NO_STEP;
  #runs = 0;
  #muted = true;
  #cause: GcCause = "start";
  #families: number;
  #startedAt = 0;
  #lateReported = false;
  #scrubs: ScrubRequest[] = [];
  #tickets = 0;

  constructor(config: ConntrackGcConfig, costs: GcCosts, observer: GcObserver = {}) {
    this.#config = config;
    this.#costs = costs;
    this.#observer = observer;
    this.cpu = config.cpu;
    this.targets = config.pairs.flatMap((pair) => [pair.tcp, pair.any]);
    this.#memories = this.targets.map((target) => new WalkMemory(tableOf(target.ct.map)));
    this.#enabled = config.pairs.reduce((bits, pair) => bits | familyBit(pair.tcp.family), 0);
    this.#families = this.#enabled;
    this.schedule = new GcSchedule(config.interval);
  }

  /** Whether a pass is under way. */
  get running(): boolean {
    return this.#pass !== null;
  }

  /** When the timer of the next pass fires; infinite while a pass runs. */
  get nextPassAt(): number {
    return this.#nextPassAt;
  }

  /** Endpoint restore is complete: the first pass begins now. Returns the time of the first step. */
  start(now: number): number {
    this.#startedAt = now;
    this.#nextPassAt = now;
    return this.#reschedule(now);
  }

  /**
   * A signal of the datapath. Wakes the loop unless muted (from wake-up to the end of a pass) or not listened to.
   * Returns the time of the next step when that has moved, else `NO_STEP`.
   */
  signal(now: number, type: SignalType, family: 4 | 6): number {
    const outcome = this.#signalOutcome(type, family);
    this.#observer.onSignal?.(now, type, family, outcome);
    if (outcome !== "received") return NO_STEP;
    this.#muted = true;
    this.#cause = "signal";
    this.#families = familyBit(family);
    this.#nextPassAt = now;
    return this.#reschedule(now);
  }

  /**
   * An endpoint with these addresses (one set per pair) is set up or removed: every map is walked for them.
   * Returns a ticket for `onScrub` and the time of the next step when that has moved, else `NO_STEP`.
   */
  scrub(now: number, addresses: readonly AddressSet[]): { readonly ticket: number; readonly stepAt: number } {
    const request: ScrubRequest = {
      ticket: this.#tickets++,
      requested: now,
      addresses,
      started: -1,
      cpuNs: 0,
      deleted: 0,
      left: this.targets.length,
    };
    this.#scrubs.push(request);
    return { ticket: request.ticket, stepAt: this.#reschedule(now) };
  }

  /**
   * Works for one slice. Call it at the time that `start`, `signal`, `scrub` or the last `step` returned, or later if
   * the CPU was busy; an earlier call (an outdated event) does nothing. Returns the time of the next step, or `NO_STEP`.
   */
  step(now: number): number {
    this.stepCpuNs = 0;
    if (this.#nextAt === NO_STEP || now < this.#nextAt) return NO_STEP;
    this.#now = now;
    if (this.#held !== null) {
      this.#held.releaseBucketLock();
      this.#held = null;
      if (now < this.#resumeAt) return (this.#nextAt = this.#resumeAt);
    }
    if (this.#walk?.done === true) this.#endJob(now);
    this.#begin(now);
    if (this.#walk === null) return this.#reschedule(now, true);
    const cost = this.#cost;
    cost.cpuNs = 0;
    cost.heldNs = 0;
    this.#walk.step(GC_SLICE_NS, cost);
    return this.#account(now, cost);
  }

  /** The CPU has been used; when does the next slice begin? */
  #account(now: number, cost: SliceCost): number {
    const took = Math.max(1, Math.round(cost.cpuNs));
    this.stepCpuNs = took;
    this.totalCpuNs += took;
    this.#jobCpuNs += took;
    this.busyUntil = now + took;
    const walk = this.#walk!;
    this.#resumeAt = now + took;
    const held = Math.min(took, Math.round(cost.heldNs));
    if (this.#config.refusesNestedInserts && held > 0) {
      walk.table.holdBucketLock(Math.max(0, walk.bucket - 1), this.cpu);
      this.#held = walk.table;
      return (this.#nextAt = now + held);
    }
    return this.#reschedule(now + took, true);
  }

  /** Takes up the next job, beginning a pass or a count when one is due. */
  #begin(now: number): void {
    if (this.#walk !== null) return;
    this.#reportLateFirstScan(now);
    if (this.#pass === null && now >= this.#nextPassAt) this.#beginPass(now);
    if (now >= this.#nextCountAt) this.#beginCount(now);
    const scrub = this.#scrubs[0];
    if (scrub !== undefined && !this.#jobs.some((job) => job.kind === "scrub")) this.#beginScrub(now, scrub);
    const job = this.#jobs.shift();
    if (job === undefined) return;
    this.#job = job;
    this.#jobStart = now;
    this.#jobCpuNs = 0;
    this.#walk = this.#open(job, now);
  }

  #open(job: Job, now: number): SlicedWalk {
    switch (job.kind) {
      case "map":
        return this.#openWalk(job.index, this.#expiry(job.index, now));
      case "scrub":
        return this.#openWalk(job.index, {
          expireBefore: NOTHING_EXPIRES,
          scrub: job.request.addresses[job.index >> 1]!,
          known: null,
        });
      case "orphans":
        return new OrphanWalk(job.pair, job.pair.tcp.nat!, this.#config.orphanDeletion === "after-walk", this.#costs, this.cpu);
      case "count":
        return this.#openCount(job.index);
    }
  }

  #openCount(index: number): SlicedWalk {
    const rule: DeletionRule = { expireBefore: NOTHING_EXPIRES, scrub: null, known: null };
    const walk = new BatchWalk(this.targets[index]!, rule, this.#costs, this.#memories[index]!, this.cpu, undefined);
    walk.chunk = this.#config.pressureCount?.chunk ?? walk.chunk;
    return walk;
  }

  #openWalk(index: number, rule: DeletionRule): SlicedWalk {
    const target = this.targets[index]!;
    const memory = this.#memories[index]!;
    const { onDeleted } = this.#observer;
    const listener =
      onDeleted === undefined
        ? undefined
        : (key: Int32Array, at: number): void => onDeleted(this.#now, index, key, at);
    const Walk = this.#config.iteration === "batch" ? BatchWalk : KeyWalk;
    return new Walk(target, rule, this.#costs, memory, this.cpu, listener);
  }

  #expiry(index: number, now: number): DeletionRule {
    const known = this.#runs === 0 ? (this.#config.firstScanKnown?.[index >> 1] ?? null) : null;
    return { expireBefore: this.#config.clock(now), scrub: null, known };
  }

  #beginPass(now: number): void {
    const { interval, pairs } = this.#config;
    this.schedule.beginPass(now);
    this.#muted = true;
    const families = this.#families;
    const full = families === this.#enabled;
    this.#nextPassAt = Number.POSITIVE_INFINITY;
    const jobs: Job[] = [];
    // the newest loop walks every map; families only steer its schedule
    const walked = interval.form === "newer" ? this.#enabled : families;
    for (const [index, target] of this.targets.entries()) {
      if ((familyBit(target.family) & walked) !== 0) jobs.push({ kind: "map", index });
    }
    for (const pair of this.#cause === "signal" ? pairs : []) {
      if ((familyBit(pair.tcp.family) & walked) !== 0 && pair.tcp.nat !== null) jobs.push({ kind: "orphans", pair });
    }
    this.#pass = {
      cause: this.#cause,
      families,
      full,
      start: now,
      maps: [],
      orphans: [],
      cpuNs: 0,
      left: jobs.length,
    };
    this.#jobs.push(...jobs);
  }

  #beginCount(now: number): void {
    this.#nextCountAt = now + this.#config.pressureCount!.every;
    const counts = [...this.targets.keys()].map((index): Job => ({ kind: "count", index }));
    this.#jobs.unshift(...counts);
  }

  /** The agent locks each kind of map by itself, so a scrub's walks go before the rest of a pass. */
  #beginScrub(now: number, request: ScrubRequest): void {
    request.started = now;
    const walks = [...this.targets.keys()].map((index): Job => ({ kind: "scrub", index, request }));
    this.#jobs.unshift(...walks);
  }

  #endJob(end: number): void {
    const job = this.#job!;
    const walk = this.#walk!;
    this.#job = null;
    this.#walk = null;
    switch (job.kind) {
      case "map":
        this.#endMap(job.index, walk as KeyWalk | BatchWalk, end);
        break;
      case "orphans":
        this.#endOrphans(walk as OrphanWalk, end);
        break;
      case "scrub":
        this.#endScrub(job.request, walk as KeyWalk | BatchWalk, end);
        break;
      case "count":
        this.#observer.onPressureCount?.(end, this.targets[job.index]!.name, (walk as BatchWalk).counts.alive);
        break;
    }
    const pass = this.#pass;
    if (pass !== null && (job.kind === "map" || job.kind === "orphans")) {
      pass.cpuNs += this.#jobCpuNs;
      if (--pass.left === 0) {
        this.#endPass(end, {
          success: pass.maps.every((each) => each.completed),
          full: pass.full,
          ratio: pass.maps.reduce((most, each) => Math.max(most, each.ratio), 0),
        });
      }
    }
  }

  #endMap(index: number, walk: KeyWalk | BatchWalk, end: number): void {
    this.#pass!.maps.push({
      ...walk.counts,
      map: this.targets[index]!.name,
      start: this.#jobStart,
      end,
      cpuNs: this.#jobCpuNs,
      ratio: walk.counts.deleted / walk.table.maxEntries,
      refreshedDeletions: walk.refreshedDeletions,
    });
  }

  #endOrphans(walk: OrphanWalk, end: number): void {
    this.#pass!.orphans.push({
      ...walk.counts,
      map: walk.table.spec.name,
      start: this.#jobStart,
      end,
      cpuNs: this.#jobCpuNs,
      completed: walk.completed,
    });
  }

  #endScrub(request: ScrubRequest, walk: KeyWalk | BatchWalk, end: number): void {
    request.cpuNs += this.#jobCpuNs;
    request.deleted += walk.counts.deleted;
    if (--request.left > 0) return;
    this.#scrubs.shift();
    const { ticket, requested, started, cpuNs, deleted } = request;
    this.#observer.onScrub?.({ ticket, requested, start: started, end, cpuNs, deleted });
  }

  #endPass(end: number, outcome: PassOutcome): void {
    const pass = this.#pass!;
    this.#pass = null;
    const choice = this.schedule.endPass(end, outcome);
    this.#nextPassAt = end + choice.wait;
    this.#reportLateFirstScan(end);
    const { pressureCount } = this.#config;
    if (this.#runs === 0 && pressureCount !== null) this.#nextCountAt = end + pressureCount.every;
    this.#observer.onRun?.({
      run: this.#runs++,
      cause: pass.cause,
      families: pass.families,
      full: pass.full,
      start: pass.start,
      end,
      cpuNs: pass.cpuNs,
      maps: pass.maps,
      orphans: pass.orphans,
      success: outcome.success,
      ratio: outcome.ratio,
      wait: choice.wait,
      intervalMetric: choice.metric,
      reason: choice.reason,
    });
    this.#cause = "timer";
    this.#families = this.#enabled;
    this.#muted = false;
  }

  #signalOutcome(type: SignalType, family: 4 | 6): SignalOutcome {
    if (!this.#config.signals.includes(type) || (familyBit(family) & this.#enabled) === 0) return "unregistered";
    return this.#muted ? "muted" : "received";
  }

  #reportLateFirstScan(now: number): void {
    const { after, action } = this.#config.firstScanLate;
    if (this.#runs > 0 || this.#lateReported || now - this.#startedAt <= after) return;
    this.#lateReported = true;
    this.#observer.onFirstScanLate?.(now, action);
  }

  /** Time of the next step. `fromStep`: always say it, else only when it has moved forward. */
  #reschedule(now: number, fromStep = false): number {
    const before = this.#nextAt;
    const busy = this.#walk !== null || this.#jobs.length > 0 || this.#scrubs.length > 0;
    const at = busy ? Math.max(now, this.busyUntil) : Math.min(this.#nextPassAt, this.#nextCountAt);
    const next = Number.isFinite(at) ? Math.max(at, now, this.busyUntil) : NO_STEP;
    if (!fromStep && before !== NO_STEP && before <= next && before >= now) return NO_STEP;
    this.#nextAt = next;
    return next;
  }
}

function familyBit(family: 4 | 6): number {
  return family === 4 ? FAMILY_V4 : FAMILY_V6;
}
