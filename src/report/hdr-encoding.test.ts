import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { decodeFromCompressedBase64 } from "hdr-histogram-js";
import { describe, expect, it } from "vitest";
import { LogLinearCounter } from "../core/log-linear.js";
import { decodeHdr, encodeHdr, encodeHdrPlain, HdrFormatError } from "./hdr-encoding.js";
import { HdrLayout } from "./hdr-layout.js";
import { HdrSnapshot } from "./hdr-snapshot.js";

const SHAPE = { lowestDiscernible: 1, highestTrackable: 3600e9, significantDigits: 3 } as const;

describe("encoding", () => {
  const counts = fc.uniqueArray(fc.tuple(fc.nat(30_000), fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 2 ** 45 }))), {
    selector: ([index]) => index,
    maxLength: 60,
  });

  it("decodes to what was encoded, here and in hdr-histogram-js", () => {
    fc.assert(
      fc.property(counts, (counts) => {
        const snapshot = new HdrSnapshot(SHAPE, counts);
        const encoded = encodeHdr(snapshot);
        const back = decodeHdr(encoded);
        expect([back.shape, back.buckets, back.total]).toEqual([snapshot.shape, snapshot.buckets, snapshot.total]);
        const peer = decodeFromCompressedBase64(encoded, 64);
        expect(peer.totalCount).toBe(snapshot.total);
        for (const percentile of [0, 1, 50, 99, 100]) {
          expect(peer.getValueAtPercentile(percentile)).toBe(snapshot.valueAtPercentile(percentile));
        }
      }),
    );
  });

  it("gives these very bytes (recorded; they must depend on nothing but the histogram)", () => {
    const counter = new LogLinearCounter(2, 60e9);
    for (let i = 1; i <= 500; i++) counter.record(i * i * 977, (i % 7) + 1);
    expect(encodeHdr(HdrSnapshot.fromCounter(counter))).toBe(
      [
        "HISTFAAAAWJ4nGWQPU7EMBCFJ+PxbxyH7GpZLYuEtkCIggJRUVEghCjoaTkBl+ACaA/BgTgBFS0lDRKTcZzNikjxzPfem9jO8et2DoCfkB8casVv83P/BDff",
        "Wfiy9KvMO7qPKrxVcVulZ3yhB3PnHsNtvEiXeEXX5sydhE3cpFM8pXOzdIuwiIu0wiWtzNqtwzI2qcWGWtO6NrSxSx121Jm5m4c6+uTRkzfe+eBjnWqm2tSu",
        "Zq9hapi800FHnSxq0kY7y2STRktWyDJZIcvkhTwnlVNBRZUUKlL/SAtpIc2eHkiLlynv13uQ+D8RGHAQgL0pAX+zkJKkElKjp0avkJqQEk/JXE88xj1xaujA",
        "cILjnJ6KpRVVAjtZwmM/6FDysBuYXqOMx8S7jwX2MZ8tI+xXEB0kBztDBCiTew0MGRim5VDGuENeZrEsjBhcOEJKIR5Q4dL2ahb6bJb316z3x5hNLpP+AL8J",
        "INw=",
      ].join(""),
    );
  });

  it("keeps the header as Java writes it: offset 0, ratio 1.0", () => {
    const plain = encodeHdrPlain(new HdrSnapshot(SHAPE, [[5, 1]]));
    expect(plain.subarray(0, 40).toString("hex")).toBe(
      ["1c849313", "00000002", "00000000", "00000003", "0000000000000001", "0000034630b8a000", "3ff0000000000000"].join(""),
    );
  });

  it("writes a single empty bucket as 0, a run of them as its negative length", () => {
    const payload = (counts: [number, number][]): number[] => [...encodeHdrPlain(new HdrSnapshot(SHAPE, counts)).subarray(40)];
    expect(payload([])).toEqual([0]);
    expect(payload([[0, 1]])).toEqual([2]);
    expect(payload([[1, 1]])).toEqual([0, 2]);
    expect(payload([[2, 1]])).toEqual([3, 2]);
    expect(payload([[200, 64]])).toEqual([0x8f, 0x03, 0x80, 0x01]);
  });
});

describe("decoding", () => {
  /** A compressed histogram around any inner bytes. */
  function wrapped(inner: Buffer): string {
    const content = deflateSync(inner);
    const header = Buffer.alloc(8);
    header.writeInt32BE(0x1c849314, 0);
    header.writeInt32BE(content.length, 4);
    return Buffer.concat([header, content]).toString("base64");
  }
  function withPayload(...payload: number[]): Buffer {
    const plain = Buffer.concat([encodeHdrPlain(new HdrSnapshot(SHAPE, [])).subarray(0, 40), Buffer.from(payload)]);
    plain.writeInt32BE(payload.length, 4);
    return plain;
  }
  const valid = Buffer.from(encodeHdr(new HdrSnapshot(SHAPE, [[5, 1]])), "base64");
  const cookie = Buffer.from(valid);
  cookie.writeInt32BE(0x1c849301, 0);
  const innerCookie = withPayload(2);
  innerCookie.writeInt32BE(0x1c849301, 0);
  const digits = withPayload(2);
  digits.writeInt32BE(9, 12);
  const highest = withPayload(2);
  highest.writeBigInt64BE(2n ** 62n, 24);

  it.each([
    ["no base64", "§§§", "is not base64"],
    ["too short", "AAAA", "ends inside its header"],
    ["another cookie", cookie.toString("base64"), "cookie 0x1c849301"],
    ["a byte too few", valid.subarray(0, -1).toString("base64"), "announces"],
    ["a byte too many", Buffer.concat([valid, Buffer.alloc(1)]).toString("base64"), "announces"],
    ["damaged content", Buffer.concat([valid.subarray(0, 12), Buffer.alloc(valid.length - 12)]).toString("base64"), "can't be decompressed"],
    ["a short inner header", wrapped(Buffer.alloc(20)), "ends inside its inner header"],
    ["another inner cookie", wrapped(innerCookie), "inner cookie 0x1c849301"],
    ["a payload of another length", wrapped(Buffer.concat([withPayload(2), Buffer.alloc(1)])), "bytes of counts"],
    ["a count cut off", wrapped(withPayload(0x80)), "ends inside a count"],
    ["a count beyond 2^53", wrapped(withPayload(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)), "only numbers below 2^53"],
    ["impossible digits", wrapped(digits), "9 significant digits"],
    ["a highest value beyond 2^53", wrapped(highest), "highest trackable value of 4611686018427387904"],
  ])("refuses %s", (_, encoded, message) => {
    expect(() => decodeHdr(encoded)).toThrow(HdrFormatError);
    expect(() => decodeHdr(encoded)).toThrow(message);
  });
});

describe("layout and statistics", () => {
  it("equal those of the counter that runs use", () => {
    const value = fc.oneof(fc.nat(5000), fc.nat(), fc.maxSafeNat());
    fc.assert(
      fc.property(fc.constantFrom<2 | 3>(2, 3), fc.array(fc.tuple(value, fc.integer({ min: 1, max: 9 })), { maxLength: 60 }), (digits, values) => {
        const counter = new LogLinearCounter(digits, Number.MAX_SAFE_INTEGER);
        for (const [each, count] of values) counter.record(each, count);
        const snapshot = HdrSnapshot.fromCounter(counter);
        expect([snapshot.total, snapshot.min, snapshot.max, snapshot.mean]).toEqual([counter.count, counter.min, counter.max, counter.mean]);
        for (const percentile of [0, 10, 50, 99.9, 100]) {
          expect(snapshot.valueAtPercentile(percentile)).toBe(counter.valueAtPercentile(percentile));
        }
      }),
    );
  });

  it("put every value between the ends of its bucket, neighbours adjoining", () => {
    const shapes = fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 5 }));
    fc.assert(
      fc.property(shapes, fc.maxSafeNat(), ([lowest, digits], value) => {
        const layout = new HdrLayout(lowest, digits);
        const index = layout.indexOf(value);
        expect(layout.lowestAt(index)).toBeLessThanOrEqual(value);
        expect(layout.highestAt(index)).toBeGreaterThanOrEqual(value);
        expect(layout.lowestAt(index + 1)).toBe(layout.highestAt(index) + 1);
        expect(layout.indexOf(layout.middleAt(index))).toBe(index);
      }),
    );
  });

  it("refuse totals that are no longer exact", () => {
    expect(() => new HdrSnapshot(SHAPE, [[1, 2 ** 52], [2, 2 ** 52]])).toThrow(RangeError);
  });
});
