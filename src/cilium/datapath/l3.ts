/**
 * Routing: bpf/lib/l3.h, fib.h and encap.h. A redirect is not performed here; the program says where to
 * (`dp.redirectIfindex`), and whoever runs it takes the packet there.
 */

import type { EndpointProgram } from "./context.js";
import { CTX_ACT_OK, CTX_ACT_REDIRECT, PROGRAM_HOST, PROGRAM_LXC } from "./context.js";
import type { DatapathContext } from "./context.js";
import { DROP_NO_FIB, DROP_TTL_EXCEEDED } from "./drop-reasons.js";
import { OP_FIB_LOOKUP, OP_REDIRECT_NEIGH } from "./ops.js";

/** `ipv4_l3`: one hop. CTX_ACT_OK or DROP_TTL_EXCEEDED. */
export function decrementTtl(dp: DatapathContext): number {
  const { packet } = dp;
  if (packet.ttl <= 1) return DROP_TTL_EXCEEDED;
  packet.ttl--;
  return CTX_ACT_OK;
}

/** `ctx_redirect`. */
export function redirect(dp: DatapathContext, ifindex: number): number {
  dp.redirectIfindex = ifindex;
  if (dp.observer !== null) dp.observer.redirected(ifindex);
  return CTX_ACT_REDIRECT;
}

/** The output device of the packet's route, or DROP_NO_FIB with the FIB's answer as extra error. */
export function fibLookup(dp: DatapathContext): number {
  dp.count(OP_FIB_LOOKUP);
  const { environment } = dp;
  if (environment.route === undefined) return dp.config.node.nativeIfindex;
  const ifindex = environment.route(dp.packet);
  if (ifindex >= 0) return ifindex;
  dp.setExtError(-ifindex);
  return DROP_NO_FIB;
}

/** `fib_redirect`: one FIB lookup, then a redirect; or, with ENABLE_SKIP_FIB, bpf_redirect_neigh to the direct routing device. */
export function fibRedirect(dp: DatapathContext): number {
  if (skipsFib(dp)) {
    dp.count(OP_REDIRECT_NEIGH);
    return redirect(dp, dp.config.node.nativeIfindex);
  }
  const oif = fibLookup(dp);
  return oif < 0 ? oif : redirect(dp, oif);
}

/** bpf_overlay is compiled without the agent's macro, and XDP has no bpf_redirect_neigh: both ask the FIB always. */
function skipsFib({ program, config: { node } }: DatapathContext): boolean {
  if (program === PROGRAM_LXC) return node.lxcSkipsFib;
  return program === PROGRAM_HOST && node.hostSkipsFib;
}

/** `fib_redirect_v4`: the same for a packet that is routed here: one hop less. */
export function fibRedirectRouted(dp: DatapathContext): number {
  const ret = decrementTtl(dp);
  return ret === CTX_ACT_OK ? fibRedirect(dp) : ret;
}

/** `redirect_ep`: into the pod. */
export function redirectToEndpoint(dp: DatapathContext, program: EndpointProgram): number {
  dp.deliveredTo = program.lxcId;
  return redirect(dp, program.ifindex);
}

/** `__encap_and_redirect_with_nodeid` without its event: the packet gets a tunnel header and goes to the tunnel device. */
export function encapsulate(dp: DatapathContext, tunnelEndpoint: number, key: number): number {
  const { packet } = dp;
  packet.tunnelKey = key;
  packet.tunnelRemote = tunnelEndpoint;
  return redirect(dp, dp.config.node.tunnelIfindex);
}
