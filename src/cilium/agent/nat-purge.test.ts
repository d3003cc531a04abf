import { describe, expect, it } from "vitest";
import { addEntry, addMapping, pair4 } from "../../../test/support/conntrack-maps.js";
import { ipv4 } from "../maps/address.js";
import { CT_DSR_INTERNAL } from "../maps/ct-flags.js";
import { Tuple } from "../maps/tuple.js";
import { walkKeys } from "./gc-plain.js";
import { expiryRule } from "./gc-targets.js";
import { purgeOrphans } from "./nat-purge.js";

const NOW = 39_000;

describe("a deleted conntrack entry", () => {
  it("takes both halves of its mapping along", () => {
    const pair = pair4(64, 64, 64);
    const flow = { source: ipv4("192.168.61.11"), sport: 38_193, destination: ipv4("192.168.61.12"), dport: 80 };
    addEntry(pair.tcp.ct, { ...flow, lifetime: 37_459 });
    addMapping(pair.tcp.nat!, { ...flow, address: flow.source, port: 38_194 });
    expect(walkKeys(pair.tcp, expiryRule(NOW), 0)).toMatchObject({ alive: 0, deleted: 1, natDeleted: 2 });
    expect(pair.tcp.nat!.map.count).toBe(0);
  });

  it("with the DSR flag takes the one entry with ports exchanged", () => {
    const pair = pair4(64, 64, 64);
    const client = { source: ipv4("1.1.1.1"), sport: 1111, destination: ipv4("192.168.61.11"), dport: 8080 };
    addEntry(pair.tcp.ct, { ...client, lifetime: 37_459, ctFlags: CT_DSR_INTERNAL });
    const reply = { source: client.destination, sport: 8080, destination: client.source, dport: 1111 };
    addMapping(pair.tcp.nat!, { ...reply, address: ipv4("2.2.2.2"), port: 80 }, "forward");
    expect(walkKeys(pair.tcp, expiryRule(NOW), 0)).toMatchObject({ deleted: 1, natDeleted: 1 });
    expect(pair.tcp.nat!.map.count).toBe(0);
  });

  it("of another kind than OUT leaves NAT alone", () => {
    for (const flags of [1, 4]) {
      const pair = pair4(64, 64, 64);
      const flow = { source: 1, sport: 2, destination: 3, dport: 80 };
      addEntry(pair.tcp.ct, { ...flow, flags, lifetime: 1 });
      addMapping(pair.tcp.nat!, { ...flow, address: 9, port: 5 });
      expect(walkKeys(pair.tcp, expiryRule(NOW), 0)).toMatchObject({ deleted: 1, natDeleted: 0 });
    }
  });
});

describe("the orphan scan", () => {
  const flow = { source: ipv4("10.23.32.45"), sport: 54_864, destination: ipv4("10.23.53.48"), dport: 8472, protocol: 17 };

  it.each([true, false])("keeps a mapping with its conntrack entry, drops it without (after the walk: %s)", (afterWalk) => {
    const pair = pair4(64, 64, 64);
    addEntry(pair.any.ct, { ...flow, lifetime: 1 });
    addMapping(pair.tcp.nat!, { ...flow, address: flow.source, port: 54_865 });
    expect(purgeOrphans(pair, afterWalk, 0)).toEqual({ ingressAlive: 1, ingressDeleted: 0, egressAlive: 1, egressDeleted: 0 });
    const key = new Tuple();
    pair.any.ct.map.nextKey(null, 0, key.words, 0);
    pair.any.ct.map.remove(key.words, 0, 0);
    expect(purgeOrphans(pair, afterWalk, 0)).toEqual({ ingressAlive: 0, ingressDeleted: 1, egressAlive: 0, egressDeleted: 1 });
    expect(pair.tcp.nat!.map.count).toBe(0);
    addMapping(pair.tcp.nat!, { ...flow, address: flow.source, port: 54_865 }, "reverse");
    expect(purgeOrphans(pair, afterWalk, 0)).toMatchObject({ ingressDeleted: 1, egressDeleted: 0 });
  });

  it("keeps a DSR entry while the port-swapped conntrack entry has the flag", () => {
    for (const [ctFlags, kept] of [
      [CT_DSR_INTERNAL, 1],
      [0, 0],
    ] as const) {
      const pair = pair4(64, 64, 64);
      addEntry(pair.tcp.ct, { source: 1, sport: 1111, destination: 2, dport: 8080, lifetime: 1, ctFlags });
      addMapping(pair.tcp.nat!, { source: 2, sport: 8080, destination: 1, dport: 1111, address: 9, port: 80 }, "forward");
      expect(purgeOrphans(pair, true, 0).egressAlive).toBe(kept);
    }
  });
});
