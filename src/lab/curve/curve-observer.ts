/** Puts maps that tell of every use into a node, and collects what they tell. */
import type { BpfMap } from "../../bpf/map.js";
import type { MapHost, MapSpec } from "../../bpf/spec.js";
import type { DatapathContext } from "../../cilium/datapath/context.js";
import type { CiliumMaps } from "../../cilium/maps.js";
import type { NodeObserver } from "../../node/build.js";
import { NodeHooks } from "../../node/hooks.js";
import type { Ends } from "../../node/network.js";
import type { Sockets } from "../../node/workloads/sockets.js";
import type { Application } from "../../traffic/tcp-peers.js";
import { MapCurveRecorder } from "./map-curve-recorder.js";
import { ReferenceMap } from "./reference-map.js";
import type { MapCurve } from "./result.js";

/** Maps whose elements come and go with connections. */
export const CURVE_MAPS = ["ct4_global", "ct_any4_global", "snat_v4_external", "ct6_global", "ct_any6_global", "snat_v6_external"] as const;

/** Where a refused packet is a SYN. */
const TCP_MAPS: readonly string[] = ["ct4_global", "ct6_global"];

/** Sizes of the ladder: from a sixteenth of the node's own to four times it, two to each doubling. */
const RUNGS_BELOW = 8;
const RUNGS_ABOVE = 4;
const RUNGS_PER_DOUBLING = 2;
const SAMPLE = 1 << 16;

/** What a run with curves is asked for. */
export interface CurveRequest {
  /** Elements that there shall be room for in each map. */
  readonly room: number;
  /** Sizes to follow, by map; default: around the size of each map. */
  readonly ladders?: Readonly<Record<string, readonly number[]>>;
  /** How many elements to follow, about, in a map of the node's own size; default 65,536. */
  readonly sample?: number;
}

/** What the run is like. */
export interface CurveSetting {
  readonly simulation: { readonly now: number };
  /** When clients send a lost SYN again, ns after the first. */
  readonly synRetryNs: readonly number[];
  /** What the collector takes for an entry, ns. */
  readonly gcEntryNs: number;
}

export class CurveObserver implements NodeObserver {
  readonly #standIns: { readonly map: ReferenceMap; readonly host: MapHost }[] = [];
  readonly #request: CurveRequest;
  readonly #setting: CurveSetting;
  #recorders: readonly MapCurveRecorder[] = [];
  #datapath!: DatapathContext;

  constructor(request: CurveRequest, setting: CurveSetting) {
    this.#request = request;
    this.#setting = setting;
  }

  standIn(spec: MapSpec, host: MapHost): BpfMap | null {
    if (!CURVE_MAPS.some((each) => each === spec.name)) return null;
    const map = new ReferenceMap(spec, Math.max(this.#request.room, spec.maxEntries));
    this.#standIns.push({ map, host });
    return map;
  }

  hooks(datapath: DatapathContext, own: readonly number[], endpoints: ReadonlyMap<number, number>): NodeHooks {
    this.#datapath = datapath;
    return new NodeHooks(datapath, own, endpoints);
  }

  application(inner: Application): Application {
    return inner;
  }

  sockets(inner: Sockets): Sockets {
    return inner;
  }

  ends(inner: Ends): Ends {
    return inner;
  }

  attach(maps: CiliumMaps): void {
    const { simulation, synRetryNs, gcEntryNs } = this.#setting;
    const views = [maps.ct4Global, maps.ctAny4Global, ...(maps.options.ipv6 ? [maps.ct6Global, maps.ctAny6Global] : [])];
    this.#recorders = this.#standIns.map(({ map, host }) => {
      const { ladders, sample = SAMPLE } = this.#request;
      const ladder = ladders?.[map.spec.name] ?? ladderAround(map.maxEntries);
      const ct = views.find((view) => view.map === map) ?? null;
      const retryNs = TCP_MAPS.includes(map.spec.name) ? synRetryNs : [];
      const clock = (): number => this.#datapath.now;
      return new MapCurveRecorder({ map, ct, clock, host, ladder, sample, retryNs, gcEntryNs, simulation });
    });
  }

  finish(): readonly MapCurve[] {
    return this.#recorders.map((recorder) => recorder.finish());
  }
}

/** The sizes that a curve has points for, unless others are asked for. */
export function ladderAround(size: number): readonly number[] {
  const rungs = Array.from({ length: RUNGS_BELOW + RUNGS_ABOVE + 1 }, (_, i) => Math.round(size * 2 ** ((i - RUNGS_BELOW) / RUNGS_PER_DOUBLING)));
  return [...new Set(rungs)].filter((rung) => rung > 0);
}
