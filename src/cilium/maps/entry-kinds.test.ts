import { describe, expect, it } from "vitest";
import {
  CT_CLOSED,
  CT_NODE_PORT,
  CT_OPEN,
  CT_RX_CLOSING,
  CT_SEEN_NON_SYN,
  CT_STATELESS,
  CT_SYN_ONLY,
  CT_TX_CLOSING,
  ctIsAlive,
  ctStateOf,
} from "./ct-flags.js";
import {
  TUPLE_F_IN,
  TUPLE_F_OUT,
  TUPLE_F_RELATED,
  TUPLE_F_SERVICE,
  TUPLE_KIND_IN,
  TUPLE_KIND_OUT,
  TUPLE_KIND_RELATED,
  TUPLE_KIND_SERVICE,
  tupleKindOf,
} from "./tuple.js";

describe("the state of a conntrack entry", () => {
  it.each([
    [CT_NODE_PORT, CT_SYN_ONLY],
    [CT_SEEN_NON_SYN, CT_OPEN],
    // Half closed: the lifetime is still that of an open connection.
    [CT_SEEN_NON_SYN | CT_RX_CLOSING, CT_OPEN],
    [CT_SEEN_NON_SYN | CT_TX_CLOSING, CT_OPEN],
    [CT_SEEN_NON_SYN | CT_RX_CLOSING | CT_TX_CLOSING, CT_CLOSED],
    // A reset as the answer to a SYN.
    [CT_RX_CLOSING | CT_TX_CLOSING, CT_CLOSED],
  ])("of flags %i", (flags, state) => {
    expect(ctStateOf(flags, true)).toBe(state);
    expect(ctIsAlive(flags)).toBe(state !== CT_CLOSED);
    expect(ctStateOf(flags, false)).toBe(CT_STATELESS);
  });
});

describe("the kind of a tuple", () => {
  it.each([
    [TUPLE_F_OUT, TUPLE_KIND_OUT],
    [TUPLE_F_IN, TUPLE_KIND_IN],
    [TUPLE_F_IN | TUPLE_F_RELATED, TUPLE_KIND_RELATED],
    [TUPLE_F_OUT | TUPLE_F_RELATED, TUPLE_KIND_RELATED],
    [TUPLE_F_SERVICE, TUPLE_KIND_SERVICE],
    [TUPLE_F_SERVICE | TUPLE_F_IN, TUPLE_KIND_SERVICE],
  ])("of flags %i", (flags, kind) => {
    expect(tupleKindOf(flags)).toBe(kind);
  });
});
