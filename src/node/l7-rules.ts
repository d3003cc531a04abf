/**
 * What the rules above layer 4 allow, as the proxies decide it: Cilium's HTTP filter (cilium/proxy, `PortNetworkPolicyRules`) and
 * the DNS proxy (pkg/fqdn/dnsproxy `CheckAllowed`, pkg/fqdn/matchpattern).
 *
 * Simplified: rules of a peer and port that ask for nothing allow everything; headers and hosts can't be asked for.
 */
import { MARK_PROXY_INGRESS } from "../cilium/datapath/packet.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { IPV4_WORDS, IPV6_WORDS } from "../cilium/maps/address.js";
import type { L7Protocol, L7Rule, Policy } from "../scenario/pod-types.js";
import { Side } from "../traffic/tcp-peers.js";
import { rowOf, type FlowTable } from "./flow-table.js";
import { addressOf } from "./ipv6.js";
import { IDENTITY } from "./populate.js";
import type { Topology } from "./topology.js";

const WORDS_BITS = 32;
const WORLD: readonly number[] = [IDENTITY.world, IDENTITY.worldIpv4, IDENTITY.worldIpv6];

export class L7Rules {
  readonly #maps: CiliumMaps;
  readonly #topology: Topology;
  readonly #policies: { readonly current: readonly Policy[] };
  readonly #expressions = new Map<string, RegExp>();

  constructor(maps: CiliumMaps, topology: Topology, policies: { readonly current: readonly Policy[] }) {
    this.#maps = maps;
    this.#topology = topology;
    this.#policies = policies;
  }

  /** Whether a request on a connection that ends at the proxy may pass. */
  allowsRequest(flows: FlowTable, connection: number, method: string, path: string): boolean {
    const rules = this.#rulesOf(flows, connection, "http");
    return rules === null || rules.some((rule) => this.#matches(rule.method, method) && this.#matches(rule.path, path));
  }

  /** Whether a name, with its last dot, may be asked for. */
  allowsQuestion(flows: FlowTable, flow: number, name: string): boolean {
    const rules = this.#rulesOf(flows, flow, "dns");
    return rules === null || rules.some((rule) => this.#matches(expressionOf(rule), name));
  }

  /** Null when everything may pass. */
  #rulesOf(flows: FlowTable, flow: number, l7: L7Protocol): readonly L7Rule[] | null {
    const at = rowOf(flow, Side.server);
    const ingress = flows.mark[at] === MARK_PROXY_INGRESS;
    const client = flows.clientIdentity[flow]!;
    const server = this.#identityOf(flows.address[at]!, flows.ipv6[flow] === 1);
    const [subject, other] = ingress ? [server, client] : [client, server];
    const { identities } = this.#topology;
    const lists = this.#policies.current
      .filter(({ endpoints }) => identities.get(endpoints) === subject)
      .flatMap(({ allow }) => allow.filter((peer) => peer.l7 === l7 && peer.port === flows.port[at] && peer.direction === (ingress ? "ingress" : "egress")))
      .filter(({ peer }) => isSame(identities.get(peer), other))
      .map(({ rules }) => rules);
    return lists.length === 0 || lists.some((rules) => rules.length === 0) ? null : lists.flat();
  }

  #identityOf(address: number, ipv6: boolean): number {
    const { ipcache } = this.#maps;
    const words = ipv6 ? IPV6_WORDS : IPV4_WORDS;
    ipcache.setKey(addressOf(address, words), 0, words, words * WORDS_BITS);
    const slot = ipcache.map.peek(ipcache.key, 0);
    return slot < 0 ? IDENTITY.world : ipcache.identity(slot);
  }

  /** The whole text, as proxies match. */
  #matches(expression: string | undefined, text: string): boolean {
    if (expression === undefined) return true;
    let compiled = this.#expressions.get(expression);
    if (compiled === undefined) {
      compiled = new RegExp(`^(?:${expression})$`);
      this.#expressions.set(expression, compiled);
    }
    return compiled.test(text);
  }
}

function isSame(ruled: number | undefined, identity: number): boolean {
  return ruled === identity || (ruled === IDENTITY.world && WORLD.includes(identity));
}

/** matchpattern.ToAnchoredRegexp: alone the star is every name, else a part of one label. */
function expressionOf({ matchName, matchPattern }: L7Rule): string {
  if (matchPattern === "*") return "(?:[-a-zA-Z0-9_]+\\.)+|\\.";
  const pattern = (matchName ?? matchPattern!).replace(/\.?$/, ".");
  return pattern.replaceAll(".", "\\.").replaceAll("*", "[-a-zA-Z0-9_]*");
}
