/** Whatever is switched on together: connections that nothing forbids are established and answered. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { nodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";

const flag = (key: string): fc.Arbitrary<Readonly<Record<string, string>>> => fc.constantFrom({}, { [key]: "true" });
const route = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  { routingMode: "tunnel" },
  { routingMode: "tunnel", tunnelProtocol: "geneve" },
  { "encryption.enabled": "true", "encryption.type": "wireguard" },
  { "encryption.enabled": "true", "encryption.type": "ipsec" },
);
const balancing = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" },
  { "loadBalancer.acceleration": "native" },
  { "loadBalancer.algorithm": "maglev", "maglev.tableSize": "251" },
);
const settings = fc
  .tuple(
    route, balancing, flag("bpf.hostLegacyRouting"), flag("endpointRoutes.enabled"), flag("hostFirewall.enabled"),
    flag("bandwidthManager.enabled"), flag("bpfClockProbe"), flag("ipMasqAgent.enabled"), flag("policyAuditMode"),
  )
  .map((parts): Readonly<Record<string, string>> => Object.assign({ "ipv6.enabled": "true" }, ...parts) as Record<string, string>);
const workload = fc.constantFrom(
  "from: { workload: shop/web }, to: shop/cart",
  "from: { workload: shop/web }, to: pods shop/cart",
  "from: { remote: shop/far }, to: pods shop/cart",
  'from: { workload: shop/web }, to: "world 8.8.8.8:443"',
  "from: { host: true }, to: pods shop/cart",
  'from: { host: true }, to: "world 8.8.8.8:443"',
  "from: { world: 198.51.100.0/24 }, to: shop/cart",
  "from: { world: 198.51.100.0/24 }, to: shop/cart, entry: elsewhere",
);

it("connects, and answers", () => {
  fc.assert(
    fc.property(settings, workload, fc.constantFrom("IPv4", "IPv6"), (helm, ends, family) => {
      const { simulation, recorder } = nodeWorld(
        `services: [{ name: shop/cart, port: 80, type: NodePort, backends: 1, localBackends: 1 }]
workloads: [{ name: w, ${ends}, family: ${family}, arrivals: { constant: 5/s, first: 0s, every: 1h, for: 1s } }]
`,
        helm,
      );
      simulation.run(seconds(2.5));
      expect(recorder.drops.kinds()).toEqual([]);
      const { connectionsOpened, connectionsEstablished, strayResets } = recorder.counts;
      expect([connectionsEstablished, strayResets]).toEqual([connectionsOpened, 0]);
      expect(recorder.requestLatency.all().count).toBe(connectionsOpened);
      expect(connectionsOpened).toBeGreaterThan(3);
    }),
    { numRuns: 60 },
  );
});
