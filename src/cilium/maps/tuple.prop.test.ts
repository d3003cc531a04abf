import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IPV4_WORDS, IPV6_WORDS } from "./address.js";
import type { AddressWords } from "./address.js";
import { Tuple, TUPLE_F_IN, TUPLE_F_RELATED, tupleBytes, tupleWords } from "./tuple.js";

const port = fc.nat(0xffff);
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const connection = fc.record({
  family: fc.constantFrom<AddressWords>(IPV4_WORDS, IPV6_WORDS),
  daddr: fc.tuple(word, word, word, word),
  saddr: fc.tuple(word, word, word, word),
  dport: port,
  sport: port,
  protocol: fc.constantFrom(1, 6, 17, 58, 132),
  flags: fc.nat(7),
});
type Connection = typeof connection extends fc.Arbitrary<infer T> ? T : never;

function tupleOf({ family, daddr, saddr, dport, sport, protocol, flags }: Connection): Tuple {
  const tuple = new Tuple();
  tuple.addressWords = family;
  tuple.setDaddr(Int32Array.from(daddr), 0);
  tuple.setSaddr(Int32Array.from(saddr), 0);
  tuple.setPorts(dport, sport);
  tuple.setProtocolAndFlags(protocol, flags);
  return tuple;
}

/** The key as bytes of the packed struct, put together field by field. */
function packed({ family, daddr, saddr, dport, sport, protocol, flags }: Connection): Uint8Array {
  const words = [...daddr.slice(0, family), ...saddr.slice(0, family)];
  const addresses = words.flatMap((value) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]);
  return Uint8Array.of(...addresses, dport >>> 8, dport & 255, sport >>> 8, sport & 255, protocol, flags);
}

describe("Tuple", () => {
  it("lies in memory as the packed struct", () => {
    fc.assert(
      fc.property(connection, (c) => {
        const tuple = tupleOf(c);
        const bytes = new Uint8Array(tuple.words.buffer, 0, tupleBytes(c.family));
        expect(bytes).toEqual(packed(c));
        expect([tuple.dport, tuple.sport, tuple.protocol, tuple.flags]).toEqual([c.dport, c.sport, c.protocol, c.flags]);
      }),
    );
    expect([tupleBytes(IPV4_WORDS), tupleBytes(IPV6_WORDS)]).toEqual([14, 38]);
  });

  it("reversed is the other direction's key; reversed again it is itself", () => {
    fc.assert(
      fc.property(connection, (c) => {
        const tuple = tupleOf(c);
        tuple.reverse();
        const other = tupleOf({ ...c, daddr: c.saddr, saddr: c.daddr, dport: c.sport, sport: c.dport, flags: c.flags ^ TUPLE_F_IN });
        expect(tuple.words).toEqual(other.words);
        tuple.reverse();
        expect(tuple.words).toEqual(tupleOf(c).words);
      }),
    );
  });

  it("single fields change alone", () => {
    fc.assert(
      fc.property(connection, port, port, (c, dport, sport) => {
        const tuple = tupleOf(c);
        tuple.dport = dport;
        tuple.sport = sport;
        tuple.flags |= TUPLE_F_RELATED;
        expect(tuple.words).toEqual(tupleOf({ ...c, dport, sport, flags: c.flags | TUPLE_F_RELATED }).words);
      }),
    );
  });

  it("a copy has the words of its family", () => {
    fc.assert(
      fc.property(connection, (c) => {
        const copy = new Tuple();
        copy.copyFrom(tupleOf(c));
        expect(copy.words.subarray(0, tupleWords(c.family))).toEqual(tupleOf(c).words.subarray(0, tupleWords(c.family)));
      }),
    );
  });
});
