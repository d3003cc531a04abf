import { describe, expect, it } from "vitest";
import { HashMap } from "../../bpf/hash-map.js";
import { HashOfMaps } from "../../bpf/map-of-maps.js";
import { MapType } from "../../bpf/spec.js";
import { IPV4_WORDS, ipv4 } from "../maps/address.js";
import { CILIUM_MAPS } from "../maps/definitions.js";
import type { CiliumMapName } from "../maps/definitions.js";
import { MaglevMap, maglevInnerSpec } from "../maps/maglev-map.js";
import {
  AffinityMatchMap,
  BACKEND_ACTIVE,
  BACKEND_QUARANTINED,
  BACKEND_TERMINATING,
  BackendMap,
  ReverseNatMap,
  SVC_FLAG_AFFINITY,
  ServiceMap,
} from "../maps/service-maps.js";
import { LoadBalancer, LoadBalancerMapFullError, selectionOrder, usesMaglev } from "./load-balancer.js";
import type { BackendSpec, ServiceSpec } from "./load-balancer.js";
import { decodeSeed } from "./maglev.js";
import type { MaglevSeed } from "./maglev.js";

function hash(name: CiliumMapName, maxEntries = 64): HashMap {
  const { keySize, valueSize } = CILIUM_MAPS[name];
  return new HashMap({ name, type: MapType.hash, keySize, valueSize, maxEntries, flags: 0 });
}

function maglevOuter(): HashOfMaps {
  const inner = maglevInnerSpec(251);
  return new HashOfMaps({ name: "lb4_maglev", type: MapType.hashOfMaps, keySize: 2, valueSize: 4, maxEntries: 64, flags: 0, inner });
}

function fixture(serviceEntries = 64) {
  const maps = {
    addressWords: IPV4_WORDS,
    services: new ServiceMap(hash("lb4_services_v2", serviceEntries), IPV4_WORDS),
    backends: new BackendMap(hash("lb4_backends_v3"), IPV4_WORDS),
    reverseNat: new ReverseNatMap(hash("lb4_reverse_nat"), IPV4_WORDS),
    maglev: new MaglevMap(maglevOuter()),
  } as const;
  const match = new AffinityMatchMap(hash("lb_affinity_match"));
  const lb = new LoadBalancer(maps, match, {
    protocolDifferentiation: true,
    maglev: { tableSize: 251, seed: decodeSeed("JLfvgnHc2kaSUFaI") as MaglevSeed, form: "bracketed-state" },
  });
  return { maps, match, lb };
}

const VIP = ipv4("10.96.0.10");
const backend = (last: number, state: number = BACKEND_ACTIVE): BackendSpec => ({
  address: [ipv4(`10.0.2.${last}`)],
  port: 8080,
  state,
  weight: 100,
});
const service = (backends: readonly BackendSpec[], more: Partial<ServiceSpec> = {}): ServiceSpec => ({
  address: [VIP],
  port: 80,
  protocol: 6,
  revNatIndex: 7,
  flags: 0,
  flags2: 0,
  affinityTimeout: 0,
  algorithm: 0,
  maglev: false,
  backends,
  ...more,
});

/** Count of the frontend and the backend ids in its slots. */
function installed(services: ServiceMap): { count: number; ids: number[] } {
  services.setFrontend(Int32Array.of(VIP), 0, 80, 6);
  services.keySlot = 0;
  const frontend = services.map.peek(services.key, 0);
  if (frontend < 0) return { count: -1, ids: [] };
  const ids: number[] = [];
  for (let slot = 1; ; slot++) {
    services.keySlot = slot;
    const at = services.map.peek(services.key, 0);
    if (at < 0) return { count: services.count(frontend), ids };
    ids.push(services.backendId(at));
  }
}

function backendState(backends: BackendMap, id: number): number | undefined {
  backends.key[0] = id;
  const slot = backends.map.peek(backends.key, 0);
  return slot < 0 ? undefined : backends.state(slot);
}

describe("LoadBalancer", () => {
  it("installs a service and keeps ids over updates", () => {
    const { maps, lb } = fixture();
    lb.upsert(service([backend(1), backend(2)]));
    expect(installed(maps.services)).toEqual({ count: 2, ids: [1, 2] });
    lb.upsert(service([backend(2), backend(3), backend(1)]));
    expect(installed(maps.services)).toEqual({ count: 3, ids: [2, 3, 1] });
    expect(lb.backendId(backend(3), 6)).toBe(3);
    expect(maps.reverseNat.map.count).toBe(1);
  });

  it("keeps a terminating backend for its connections, out of the selection, and drops it when it is gone", () => {
    const { maps, lb } = fixture();
    lb.upsert(service([backend(1), backend(2)]));
    lb.upsert(service([backend(1, BACKEND_TERMINATING), backend(2)]));
    expect(installed(maps.services)).toEqual({ count: 1, ids: [2, 1] });
    expect(backendState(maps.backends, 1)).toBe(BACKEND_TERMINATING);
    lb.upsert(service([backend(2)]));
    expect(installed(maps.services)).toEqual({ count: 1, ids: [2] });
    expect(backendState(maps.backends, 1)).toBeUndefined();
  });

  it("falls back to terminating backends when no active one is left", () => {
    const { maps, lb } = fixture();
    lb.upsert(service([backend(1, BACKEND_TERMINATING), backend(2, BACKEND_TERMINATING)]));
    expect(installed(maps.services)).toEqual({ count: 2, ids: [1, 2] });
  });

  it("shares backends between services until the last one lets go", () => {
    const { maps, lb } = fixture();
    const other = service([backend(1)], { port: 81, revNatIndex: 8 });
    lb.upsert(service([backend(1)]));
    lb.upsert(other);
    lb.remove(service([backend(1)]));
    expect(backendState(maps.backends, 1)).toBe(BACKEND_ACTIVE);
    expect(installed(maps.services).count).toBe(-1);
    lb.remove(other);
    expect([maps.backends.map.count, maps.services.map.count, maps.reverseNat.map.count]).toEqual([0, 0, 0]);
    lb.remove(other);
  });

  it("keeps a Maglev table of the selected backends, and the affinity match", () => {
    const { maps, match, lb } = fixture();
    const sticky = { maglev: true, flags: SVC_FLAG_AFFINITY, affinityTimeout: 600 };
    lb.upsert(service([backend(1), backend(2), backend(3, BACKEND_TERMINATING)], sticky));
    const table = maps.maglev.table(7)!;
    expect(new Set(table)).toEqual(new Set([1, 2]));
    expect(match.map.count).toBe(3);
    lb.upsert(service([backend(2)], sticky));
    expect(new Set(maps.maglev.table(7)!)).toEqual(new Set([2]));
    expect(match.map.count).toBe(1);
    lb.remove(service([backend(2)], sticky));
    expect(maps.maglev.table(7)).toBeNull();
    expect(match.map.count).toBe(0);
  });

  it("says which map was full", () => {
    const { lb } = fixture(2);
    expect(() => lb.upsert(service([backend(1), backend(2)]))).toThrow(LoadBalancerMapFullError);
  });
});

describe("selection", () => {
  it("leaves out quarantined backends and those of weight 0", () => {
    const list = [backend(1, BACKEND_QUARANTINED), { ...backend(2), weight: 0 }, backend(3)];
    expect(selectionOrder(list)).toEqual({ selected: [2], others: [0, 1], quarantined: 1 });
  });

  it("follows the service's algorithm, else the node's", () => {
    expect([usesMaglev(0, "maglev"), usesMaglev(0, "random"), usesMaglev(1, "maglev"), usesMaglev(2, "random")]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});
