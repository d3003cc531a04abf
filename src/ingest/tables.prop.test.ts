/** The fast tables against plain maps. */
import fc from "fast-check";
import { isIP } from "node:net";
import { expect, it } from "vitest";
import { AddressPool, NO_ADDRESS } from "./address-pool.js";
import { CounterTable, largest } from "./counter-table.js";
import { TupleIndex } from "./tuple-index.js";

/** Few different ones, some negative, so that keys meet. */
const word = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0x7fffffff, -0x80000000, 0x10000));

it("counters count as a map does", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.tuple(word, word, word, word, word), { maxLength: 3000 }), (words, keys) => {
      const table = new CounterTable(words);
      const plain = new Map<string, number>();
      for (const key of keys) {
        table.add(...key);
        const text = key.slice(0, words).join();
        plain.set(text, (plain.get(text) ?? 0) + 1);
      }
      const all = new Map<string, number>();
      table.forEach((key, count) => void all.set([...key].join(), count));
      expect(all).toEqual(plain);
      expect(table.size).toBe(plain.size);
      for (const key of keys.slice(0, 20)) expect(table.count(...key)).toBe(plain.get(key.slice(0, words).join()));
      const sorted = [...plain.values()].sort((a, b) => b - a);
      expect(largest(table, 3).map(({ count }) => count)).toEqual(sorted.slice(0, 3));
    }),
    { numRuns: 40 },
  );
});

const octet = fc.oneof(fc.integer({ min: 0, max: 260 }).map(String), fc.constantFrom("00", "01", "", "1a"));
const addressText = fc.oneof(fc.ipV4(), fc.ipV6(), fc.tuple(octet, octet, octet, octet).map((parts) => parts.join(".")), fc.string({ maxLength: 8 }));

it("addresses have one number for each text, whatever stands around them", () => {
  fc.assert(
    fc.property(fc.array(addressText, { maxLength: 60 }), fc.integer({ min: 0, max: 3 }), (texts, copies) => {
      const pool = new AddressPool();
      const plain = new Map<string, number>();
      for (const text of [...texts, ...texts.slice(0, copies)]) {
        const id = pool.internPart(`<${text}>`, 1, 1 + text.length);
        if (isIP(text) === 0) {
          expect(id).toBe(NO_ADDRESS);
          continue;
        }
        if (!plain.has(text)) plain.set(text, plain.size);
        expect(id).toBe(plain.get(text));
        expect(pool.text(id)).toBe(text);
        expect(pool.idOf(text)).toBe(id);
        expect(pool.isIPv6(id)).toBe(isIP(text) === 6);
      }
      expect(pool.size).toBe(plain.size);
    }),
    { numRuns: 100 },
  );
});

it("thousands of addresses keep their numbers while the pool grows", () => {
  const pool = new AddressPool();
  const texts = Array.from({ length: 5000 }, (_, i) => `10.${i % 7}.${i >> 8}.${i & 255}`);
  const ids = texts.map((text) => pool.intern(text));
  expect(texts.map((text) => pool.intern(text))).toEqual(ids);
  expect(ids.map((id) => pool.text(id))).toEqual(texts);
});

const small = fc.integer({ min: 0, max: 3 });
const tuple = fc.tuple(fc.constantFrom(6, 17), small, small, small, small, small);

it("an index finds each tuple's last row and no other", () => {
  fc.assert(
    fc.property(fc.array(tuple, { maxLength: 200 }), fc.array(tuple, { maxLength: 50 }), (rows, asked) => {
      const column = (nth: number): readonly number[] => rows.map((row) => row[nth]!);
      const index = new TupleIndex({
        size: rows.length,
        addresses: new AddressPool(),
        protocol: Uint8Array.from(column(0)),
        tupleFlags: Uint8Array.from(column(1)),
        source: Int32Array.from(column(2)),
        sourcePort: Uint16Array.from(column(3)),
        destination: Int32Array.from(column(4)),
        destinationPort: Uint16Array.from(column(5)),
      });
      const plain = new Map(rows.map((row, i) => [row.join(), i]));
      for (const each of [...rows, ...asked]) expect(index.find(...each)).toBe(plain.get(each.join()) ?? -1);
    }),
    { numRuns: 60 },
  );
});
