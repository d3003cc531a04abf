/**
 * One node's datapath: the programs at their hooks, and the walk of a packet from hook to hook.
 *
 * Entry points are named after Cilium's programs. Each takes a packet as it stands at that hook, runs the program with
 * all its tail calls, and says what the kernel would do next; the packet's row, the maps and `ops` tell the rest.
 * The caller sets `now`, `nowNs` and `cpu` before, and clears `ops` when it wants the costs of one packet.
 */

import type { CiliumMaps } from "../maps.js";
import { ENDPOINT_MASK_HOST_DELIVERY } from "../maps/identity-maps.js";
import { cilFromHost, cilFromNetdev, cilToHost, cilToNetdev } from "./bpf-host.js";
import { cilFromContainer, cilToContainer } from "./bpf-lxc.js";
import { cilFromOverlay, cilToOverlay } from "./bpf-overlay.js";
import { sockForward, sockPostBind, sockReverse } from "./bpf-sock.js";
import type { SocketIdentity } from "./bpf-sock.js";
import { cilXdpEntry } from "./bpf-xdp.js";
import type { DatapathConfig } from "./config.js";
import { CTX_ACT_OK, DatapathContext, TC_ACT_SHOT } from "./context.js";
import type { DatapathEnvironment, EndpointProgram } from "./context.js";
import type { Packet } from "./packet.js";
import { HOOK_FROM_CONTAINER, HOOK_FROM_NETDEV, HOOK_TO_CONTAINER, HOOK_TO_NETDEV, HOOK_XDP, NOT_REMEMBERED, NOT_REPEATED } from "./repeated-walks.js";

/** What becomes of a packet after a hook. */
export const VERDICT_STACK = 0;
/** Delivered to the endpoint `deliveredTo`. */
export const VERDICT_DELIVER = 1;
/** Leaves by the native device: all its programs have run. */
export const VERDICT_WIRE = 2;
/** Leaves by the tunnel device: `packet.tunnelKey`, `packet.tunnelRemote`. */
export const VERDICT_TUNNEL = 3;
/** Dropped for `dropReason`, with `extError`. */
export const VERDICT_DROP = 4;
/** To be sent out by `redirectIfindex`, whose egress program runs next. */
export const VERDICT_REDIRECT = 5;
/** Passed up from XDP, with `packet.xfer`. */
export const VERDICT_PASS = 6;

/** Name of each verdict, by number. */
export const VERDICT_NAMES: readonly string[] = ["stack", "deliver", "wire", "tunnel", "drop", "redirect", "pass"];

export class Datapath extends DatapathContext {
  constructor(maps: CiliumMaps, config: DatapathConfig, environment: DatapathEnvironment) {
    super(maps, config, environment);
  }

  /** Loads an endpoint's program: from now on it can send and receive. */
  addEndpoint(program: EndpointProgram): void {
    this.programs[program.lxcId] = program;
  }

  /** Unloads it; packets to it are dropped with DROP_EP_NOT_READY. */
  removeEndpoint(lxcId: number): void {
    this.programs[lxcId] = undefined;
  }

  /** `cil_from_container`: a packet leaves a pod. */
  fromContainer(packet: Packet, lxcId: number): number {
    const program = this.#begin(packet, lxcId);
    packet.ifindex = program.ifindex;
    const repeated = this.#repeat(HOOK_FROM_CONTAINER);
    return repeated !== NOT_REPEATED ? repeated : this.#end(cilFromContainer(this, program), VERDICT_STACK);
  }

  /** `cil_to_container`: the stack delivers to a pod (per-endpoint routes). */
  toContainer(packet: Packet, lxcId: number): number {
    const program = this.#begin(packet, lxcId);
    packet.ifindex = program.ifindex;
    const repeated = this.#repeat(HOOK_TO_CONTAINER);
    return repeated !== NOT_REPEATED ? repeated : this.#end(cilToContainer(this, program), VERDICT_STACK);
  }

  /** `cil_from_netdev`: a packet arrives at the native device. */
  fromNetdev(packet: Packet): number {
    return this.#run(packet, this.config.node.nativeIfindex, HOOK_FROM_NETDEV, cilFromNetdev, VERDICT_STACK);
  }

  /** `cil_to_netdev`: a packet leaves by the native device. */
  toNetdev(packet: Packet): number {
    return this.#run(packet, this.config.node.nativeIfindex, HOOK_TO_NETDEV, cilToNetdev, VERDICT_WIRE);
  }

  /** `cil_from_host`: the node sends by cilium_host. */
  fromHost(packet: Packet): number {
    return this.#run(packet, this.config.node.hostIfindex, NOT_REMEMBERED, cilFromHost, VERDICT_STACK);
  }

  /** `cil_to_host`: a packet reaches cilium_host. */
  toHost(packet: Packet): number {
    return this.#run(packet, this.config.node.hostIfindex, NOT_REMEMBERED, cilToHost, VERDICT_STACK);
  }

  /** `cil_from_overlay`: a decapsulated packet arrives; `packet.tunnelKey` is set. */
  fromOverlay(packet: Packet): number {
    return this.#run(packet, this.config.node.tunnelIfindex, NOT_REMEMBERED, cilFromOverlay, VERDICT_STACK);
  }

  /** `cil_to_overlay`: a packet is about to be encapsulated. */
  toOverlay(packet: Packet): number {
    return this.#run(packet, this.config.node.tunnelIfindex, NOT_REMEMBERED, cilToOverlay, VERDICT_TUNNEL);
  }

  /** `cil_xdp_entry`: a packet arrives, before the stack. What is sent back leaves at once: no further program runs. */
  xdpEntry(packet: Packet): number {
    const verdict = this.#run(packet, this.config.node.nativeIfindex, HOOK_XDP, cilXdpEntry, VERDICT_PASS);
    return verdict === VERDICT_REDIRECT ? VERDICT_WIRE : verdict;
  }

  /** `cil_sock4_connect`, `cil_sock6_connect`: see bpf-sock.ts for the result. */
  sockConnect(packet: Packet, socket: SocketIdentity): number {
    this.packet = packet;
    return sockForward(this, socket, "cil_sock4_connect", true);
  }

  /** `cil_sock4_sendmsg`: each datagram of an unconnected UDP socket. */
  sockSendmsg(packet: Packet, socket: SocketIdentity): number {
    this.packet = packet;
    return sockForward(this, socket, "cil_sock4_sendmsg", false);
  }

  /** `cil_sock4_recvmsg`. */
  sockRecvmsg(packet: Packet, socket: SocketIdentity): number {
    this.packet = packet;
    return sockReverse(this, socket, "cil_sock4_recvmsg");
  }

  /** `cil_sock4_getpeername`. */
  sockGetpeername(packet: Packet, socket: SocketIdentity): number {
    this.packet = packet;
    return sockReverse(this, socket, "cil_sock4_getpeername");
  }

  /** `cil_sock4_post_bind`. */
  sockPostBind(packet: Packet, socket: SocketIdentity): number {
    this.packet = packet;
    return sockPostBind(this, socket);
  }

  /**
   * Follows a redirect through the egress programs of the devices it leads to: VERDICT_WIRE, VERDICT_TUNNEL, or what
   * stopped it. Any other verdict is returned as it is.
   */
  follow(packet: Packet, verdict: number): number {
    let current = verdict;
    const { nativeIfindex, tunnelIfindex, hostIfindex } = this.config.node;
    while (current === VERDICT_REDIRECT) {
      switch (this.redirectIfindex) {
        case nativeIfindex:
          current = this.toNetdev(packet);
          break;
        case tunnelIfindex:
          current = this.toOverlay(packet);
          break;
        case hostIfindex:
          current = this.toHost(packet);
          break;
        default: {
          const lxcId = this.#endpointAt(this.redirectIfindex);
          if (lxcId === 0) return VERDICT_WIRE;
          current = this.toContainer(packet, lxcId);
        }
      }
    }
    return current;
  }

  /**
   * What the node's stack does with a packet for it (VERDICT_STACK) under legacy routing: to a local pod by its own
   * device (per-endpoint routes) or by cilium_host, else out by the native device; VERDICT_STACK when it is the node's own.
   */
  routeByStack(packet: Packet): number {
    const { endpoints } = this.maps;
    endpoints.setKey(packet.row, packet.daddrAt, packet.addressWords);
    const slot = endpoints.map.peek(endpoints.key, 0);
    if (slot < 0) return this.follow(packet, this.toNetdev(packet));
    if ((endpoints.flags(slot) & ENDPOINT_MASK_HOST_DELIVERY) !== 0) return VERDICT_STACK;
    if (this.config.endpointRoutes) return this.toContainer(packet, endpoints.lxcId(slot));
    return this.follow(packet, this.fromHost(packet));
  }

  /** Endpoint whose device that is, or 0. */
  #endpointAt(ifindex: number): number {
    for (const program of this.programs) if (program !== undefined && program.ifindex === ifindex) return program.lxcId;
    return 0;
  }

  #begin(packet: Packet, lxcId: number): EndpointProgram {
    const program = this.programs[lxcId];
    if (program === undefined) throw new RangeError(`endpoint ${lxcId} has no program`);
    this.packet = packet;
    return program;
  }

  #run(packet: Packet, ifindex: number, hook: number, program: (dp: DatapathContext) => number, ok: number): number {
    this.packet = packet;
    packet.ifindex = ifindex;
    const repeated = this.#repeat(hook);
    return repeated !== NOT_REPEATED ? repeated : this.#end(program(this), ok);
  }

  /** Verdict of a walk that can be repeated, or NOT_REPEATED. */
  #repeat(hook: number): number {
    return this.walks === null ? NOT_REPEATED : this.walks.repeat(hook);
  }

  /** Verdict of a walk whose program has returned. */
  #end(ret: number, ok: number): number {
    const verdict = this.#settle(ret, ok);
    if (this.walks !== null) this.walks.end(verdict);
    return verdict;
  }

  /** A program's return value as a verdict; `ok` is what CTX_ACT_OK means at that hook. */
  #settle(ret: number, ok: number): number {
    if (ret === TC_ACT_SHOT) return VERDICT_DROP;
    if (this.deliveredTo !== 0) return VERDICT_DELIVER;
    return ret === CTX_ACT_OK ? ok : VERDICT_REDIRECT;
  }
}
