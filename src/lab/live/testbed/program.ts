/**
 * The recorded experiments' minimal conntrack classifier as instructions for this machine's kernel: what
 * `lab/verify/testbed/classifier.ts` is in the simulator. A SCHED_CLS program for clsact, the same on ingress and egress.
 *
 *     parse Ethernet, IPv4, TCP ─ look the tuple up, then reversed ─┬─ found: flags, lifetime
 *                                                                   └─ absent: SYN makes an entry, others do or are dropped
 *
 * Every SYN and every other packet without an entry is noted in a log: time, ports, what became of it.
 */
import { Errno } from "../../../bpf/errno.js";
import { UpdateFlag } from "../../../bpf/spec.js";
import { VALUE_BYTES, type ClassifierSettings } from "../../verify/testbed/classifier.js";
import { EventCode } from "../../verify/testbed/recording.js";
import { Assembler, Helper, Reg } from "../assembler.js";

/** Value of the log's map: a counter, then this many events of 16 bytes (time ns, ports as in the packet, code). */
export const EVENTS_MAX = 131_072;
export const EVENT_BYTES = 16;
export const LOG_HEADER_BYTES = 16;
export const LOG_BYTES = LOG_HEADER_BYTES + EVENTS_MAX * EVENT_BYTES;

/** Places in the value of the conntrack map. End of life, ms of CLOCK_MONOTONIC. */
export const LIFETIME = 0;
const CLOSING = 8;
const SEEN_NON_SYN = 12;

const NS_PER_MS = 1_000_000;
/** Ethernet, IPv4 without options, TCP without options. */
const HEADER_BYTES = 54;
/** Places in a packet. */
const ETHERTYPE = 12;
const VERSION_AND_LENGTH = 14;
const PROTOCOL = 23;
const SOURCE = 26;
const DESTINATION = 30;
const SOURCE_PORT = 34;
const DESTINATION_PORT = 36;
const TCP_FLAGS = 47;
/** ETH_P_IP in network byte order, read as little-endian. */
const ETHERTYPE_IPV4 = 0x0008;
const IPV4_WITHOUT_OPTIONS = 0x45;
const PROTO_TCP = 6;
const FIN_OR_RST = 0x05;
const SYN = 0x02;
const SYN_OR_ACK = 0x12;
const CLOSED_BOTH_WAYS = 3;
/** Verdicts of a classifier. */
const TC_ACT_OK = 0;
const TC_ACT_SHOT = 2;

/** Places on the stack, below the frame pointer. The packet lies so that its addresses and ports are aligned. */
const KEY = -16;
const PACKET = -70;
const REVERSED = -88;
const VALUE = -144;
const DIRECTION = -152;
const CODE = -156;

/** `conntrack` and `log`: file descriptors of the maps. */
export function classifierCode(settings: ClassifierSettings, conntrack: number, log: number): Buffer {
  const { synTimeoutMs, estTimeoutMs, closeTimeoutMs, nonSynMode } = settings;
  const a = new Assembler();
  parse(a);
  a.call(Helper.ktimeGetNs).alu64r("mov", Reg.r7, Reg.r0).alu64r("mov", Reg.r8, Reg.r0).alu64("div", Reg.r8, NS_PER_MS);
  a.loadB(Reg.r6, Reg.fp, PACKET + TCP_FLAGS);
  makeKeys(a);
  a.storeImmediateW(Reg.fp, CODE, 0);
  a.storeImmediateW(Reg.fp, DIRECTION, 1);
  lookup(a, conntrack, KEY).jumpIfNotEqual(Reg.r0, 0, "found");
  a.storeImmediateW(Reg.fp, DIRECTION, 2);
  lookup(a, conntrack, REVERSED).jumpIfNotEqual(Reg.r0, 0, "found");
  ifSyn(a, "create");
  if (nonSynMode === "drop") {
    a.storeImmediateW(Reg.fp, CODE, EventCode.dropped).jump("shot");
  } else {
    zeroValue(a, estTimeoutMs).storeImmediateW(Reg.fp, VALUE + SEEN_NON_SYN, 1);
    insert(a, conntrack).storeImmediateW(Reg.fp, CODE, EventCode.recreated).jumpIfEqual(Reg.r0, 0, "pass");
    a.storeImmediateW(Reg.fp, CODE, EventCode.recreateFailed).jump("shot");
  }
  a.label("create");
  zeroValue(a, synTimeoutMs);
  insert(a, conntrack).storeImmediateW(Reg.fp, CODE, EventCode.synNew).jumpIfEqual(Reg.r0, 0, "pass");
  a.storeImmediateW(Reg.fp, CODE, EventCode.synRefused).jumpIfEqual(Reg.r0, -Errno.E2BIG, "shot");
  a.storeImmediateW(Reg.fp, CODE, EventCode.synError).jump("shot");
  found(a, synTimeoutMs, estTimeoutMs, closeTimeoutMs);
  a.label("shot").alu64("mov", Reg.r9, TC_ACT_SHOT).jump("log");
  a.label("pass").alu64("mov", Reg.r9, TC_ACT_OK);
  note(a, log);
  a.label("out").alu64r("mov", Reg.r0, Reg.r9).exit();
  a.label("foreign").alu64("mov", Reg.r0, TC_ACT_OK).exit();
  return a.assemble();
}

/** Copies the headers to the stack; what is not TCP over plain IPv4 passes. */
function parse(a: Assembler): void {
  a.alu64("mov", Reg.r2, 0).alu64r("mov", Reg.r3, Reg.fp).alu64("add", Reg.r3, PACKET).alu64("mov", Reg.r4, HEADER_BYTES);
  a.call(Helper.skbLoadBytes).jumpIfNotEqual(Reg.r0, 0, "foreign");
  a.loadH(Reg.r1, Reg.fp, PACKET + ETHERTYPE).jumpIfNotEqual(Reg.r1, ETHERTYPE_IPV4, "foreign");
  a.loadB(Reg.r1, Reg.fp, PACKET + VERSION_AND_LENGTH).jumpIfNotEqual(Reg.r1, IPV4_WITHOUT_OPTIONS, "foreign");
  a.loadB(Reg.r1, Reg.fp, PACKET + PROTOCOL).jumpIfNotEqual(Reg.r1, PROTO_TCP, "foreign");
}

/** {daddr, saddr, dport, sport, proto, flags} as the packet has it, and reversed. */
function makeKeys(a: Assembler): void {
  for (const [key, first, second, firstPort, secondPort] of [
    [KEY, DESTINATION, SOURCE, DESTINATION_PORT, SOURCE_PORT],
    [REVERSED, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT],
  ] as const) {
    a.loadW(Reg.r1, Reg.fp, PACKET + first).storeW(Reg.fp, key, Reg.r1);
    a.loadW(Reg.r1, Reg.fp, PACKET + second).storeW(Reg.fp, key + 4, Reg.r1);
    a.loadH(Reg.r1, Reg.fp, PACKET + firstPort).storeH(Reg.fp, key + 8, Reg.r1);
    a.loadH(Reg.r1, Reg.fp, PACKET + secondPort).storeH(Reg.fp, key + 10, Reg.r1);
    a.storeImmediateW(Reg.fp, key + 12, PROTO_TCP);
  }
}

function lookup(a: Assembler, conntrack: number, key: number): Assembler {
  return a.loadMap(Reg.r1, conntrack).alu64r("mov", Reg.r2, Reg.fp).alu64("add", Reg.r2, key).call(Helper.mapLookup);
}

function ifSyn(a: Assembler, label: string): void {
  a.alu64r("mov", Reg.r1, Reg.r6).alu64("and", Reg.r1, SYN_OR_ACK).jumpIfEqual(Reg.r1, SYN, label);
}

/** A new value that lives for `timeoutMs`. */
function zeroValue(a: Assembler, timeoutMs: number): Assembler {
  for (let at = 0; at < VALUE_BYTES; at += 8) a.storeImmediateDw(Reg.fp, VALUE + at, 0);
  return a.alu64r("mov", Reg.r1, Reg.r8).alu64("add", Reg.r1, timeoutMs).storeDw(Reg.fp, VALUE + LIFETIME, Reg.r1);
}

function insert(a: Assembler, conntrack: number): Assembler {
  a.loadMap(Reg.r1, conntrack).alu64r("mov", Reg.r2, Reg.fp).alu64("add", Reg.r2, KEY).alu64r("mov", Reg.r3, Reg.fp);
  return a.alu64("add", Reg.r3, VALUE).alu64("mov", Reg.r4, UpdateFlag.noExist).call(Helper.mapUpdate);
}

/** r0 points at the entry: its closing flags in r3, its lifetime by what it has seen. */
function found(a: Assembler, synTimeoutMs: number, estTimeoutMs: number, closeTimeoutMs: number): void {
  a.label("found").alu64r("mov", Reg.r9, Reg.r0).loadW(Reg.r3, Reg.r9, CLOSING);
  a.alu64r("mov", Reg.r1, Reg.r6).alu64("and", Reg.r1, SYN_OR_ACK).jumpIfNotEqual(Reg.r1, SYN, "noSyn");
  a.storeImmediateW(Reg.fp, CODE, EventCode.synMatch).jumpIfEqual(Reg.r3, 0, "noSyn");
  a.storeImmediateW(Reg.fp, CODE, EventCode.synReopened).alu64("mov", Reg.r3, 0);
  a.label("noSyn").jumpIfEqual(Reg.r3, CLOSED_BOTH_WAYS, "pass");
  a.alu64r("mov", Reg.r1, Reg.r6).alu64("and", Reg.r1, SYN).jumpIfNotEqual(Reg.r1, 0, "lifetime");
  a.storeImmediateW(Reg.r9, SEEN_NON_SYN, 1);
  a.label("lifetime").loadW(Reg.r2, Reg.r9, SEEN_NON_SYN).alu64r("mov", Reg.r4, Reg.r8).jumpIfEqual(Reg.r2, 0, "young");
  a.alu64("add", Reg.r4, estTimeoutMs).jump("renew");
  a.label("young").alu64("add", Reg.r4, synTimeoutMs);
  a.label("renew").storeDw(Reg.r9, LIFETIME, Reg.r4);
  a.alu64r("mov", Reg.r1, Reg.r6).alu64("and", Reg.r1, FIN_OR_RST).jumpIfEqual(Reg.r1, 0, "closing");
  a.loadW(Reg.r2, Reg.fp, DIRECTION).alu64r("or", Reg.r3, Reg.r2).jumpIfNotEqual(Reg.r3, CLOSED_BOTH_WAYS, "closing");
  a.alu64r("mov", Reg.r4, Reg.r8).alu64("add", Reg.r4, closeTimeoutMs).storeDw(Reg.r9, LIFETIME, Reg.r4);
  a.label("closing").storeW(Reg.r9, CLOSING, Reg.r3).jump("pass");
}

/** Writes the event, when there is one and the log has room. */
function note(a: Assembler, log: number): void {
  a.label("log").loadW(Reg.r6, Reg.fp, CODE).jumpIfEqual(Reg.r6, 0, "out");
  a.loadMapValue(Reg.r1, log).alu64("mov", Reg.r2, 1).fetchAddDw(Reg.r1, 0, Reg.r2);
  a.jumpIfLess(Reg.r2, EVENTS_MAX, "room").jump("out");
  a.label("room").alu64("mul", Reg.r2, EVENT_BYTES).alu64r("add", Reg.r1, Reg.r2);
  a.storeDw(Reg.r1, LOG_HEADER_BYTES, Reg.r7).loadW(Reg.r3, Reg.fp, PACKET + SOURCE_PORT);
  a.storeW(Reg.r1, LOG_HEADER_BYTES + 8, Reg.r3).storeW(Reg.r1, LOG_HEADER_BYTES + 12, Reg.r6);
}
