import { describe, expect, it } from "vitest";
import { parseAddress, parseCidr } from "./addresses.js";

describe("addresses", () => {
  it("reads both families", () => {
    expect(parseAddress("10.0.0.1")).toEqual([10, 0, 0, 1]);
    expect(parseAddress("fd00::a")).toEqual([0xfd, 0, ...new Array<number>(13).fill(0), 0x0a]);
    expect(parseAddress("::ffff:1.2.3.4")).toEqual([1, 2, 3, 4]);
    expect(parseAddress("1:2:3:4:5:6:7:8")).toEqual([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]);
    for (const text of ["", "10.0.0", "10.0.0.256", "fe80::1%eth0", "x"]) expect(parseAddress(text)).toBeUndefined();
  });

  it.each([
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.96.0.0/12", "10.111.255.255", true],
    ["10.96.0.0/12", "10.112.0.0", false],
    ["0.0.0.0/0", "1.2.3.4", true],
    ["0.0.0.0/0", "fd00::1", false],
    ["fd00::/16", "fd00:ff::1", true],
    ["fd00::/16", "fd01::1", false],
    ["fd00::1/128", "fd00::1", true],
    ["::/0", "10.0.0.1", false],
    ["::ffff:10.0.0.0/104", "10.1.1.1", true],
    ["10.0.0.7/32", "10.0.0.7", true],
  ])("%s contains %s: %s", (range, address, contained) => {
    expect(parseCidr(range)!(parseAddress(address)!)).toBe(contained);
  });

  it.each(["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0/8", "fd00::/129", "x/8"])("%s is no range", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});
