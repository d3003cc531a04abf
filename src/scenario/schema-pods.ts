/** What a scenario says about pods beside their traffic: policies, rate limits, egress gateways. */

import { z } from "zod";
import { address, peerName, port, prefix, qualifiedName, subjectName } from "./names.js";
import { L7_PROTOCOLS, RULE_PROTOCOLS, VERDICTS } from "./pod-types.js";
import { bitRate, Misfit, text } from "./quantities.js";
import { ENTRIES } from "./types.js";

/** Kubernetes takes no lower limit than 1k (pkg/util/bandwidth). */
const RATE_MIN = 1000;

const peer = { port: port().optional().describe("Without it: every port."), protocol: z.enum(RULE_PROTOCOLS).prefault("TCP").describe("ICMP: echo requests.") };
const egress = { direction: z.literal("egress").prefault("egress"), to: peerName().describe("Service, workload, world, remote-node or host."), ...peer };
const ingress = { direction: z.literal("ingress").prefault("ingress"), from: peerName().describe("Workload, world, remote-node or host."), ...peer };
/** Regular expressions as Envoy's RE2 and JavaScript both read them. */
const expression = text({
  form: "a regular expression such as /public/.*",
  pattern: /^.+$/,
  check: (written) => {
    try {
      new RegExp(written);
      return undefined;
    } catch (error) {
      return new Misfit((error as Error).message);
    }
  },
});
const asked = text({ form: "a name such as api.example.com", pattern: /^[a-z0-9_.-]+$/ });
const askedPattern = text({ form: "a name with * such as *.example.com", pattern: /^[a-z0-9_.*-]+$/ });
const l7Rule = z.strictObject({
  method: expression.optional().describe("Of HTTP: the whole method, as a regular expression."),
  path: expression.optional().describe("Of HTTP: the whole path with its query, as a regular expression."),
  matchName: asked.optional().describe("Of DNS: this name."),
  matchPattern: askedPattern.optional().describe("Of DNS: names like this; * stands for letters, digits and dashes, alone for every name."),
});
const l7 = {
  rules: z.array(l7Rule).optional().describe("What of it is allowed, each alone; without any everything. HTTP is answered with 403 else, DNS is refused."),
  l7: z.enum(L7_PROTOCOLS).optional().describe("A rule above layer 4: its connections (http) or questions (dns) go through a proxy on the node, which reads each."),
};
const allowedPeer = z.union([z.strictObject({ ...egress, ...l7 }), z.strictObject({ ...ingress, ...l7 })]);
const deniedPeer = z.union([z.strictObject(egress), z.strictObject(ingress)]);

export const policy = z.strictObject({
  endpoints: subjectName().describe("The workload whose pods this selects; host: the node itself (host firewall)."),
  ingress: z.enum(VERDICTS).prefault("allow").describe("What happens to traffic that no rule names."),
  egress: z.enum(VERDICTS).prefault("allow").describe("What happens to traffic that no rule names."),
  allow: z.array(allowedPeer).prefault([]).describe("Peers that are allowed where the default is deny."),
  deny: z.array(deniedPeer).prefault([]).describe("Peers that are denied whatever else allows them."),
});

export const bandwidth = z.strictObject({
  pods: qualifiedName().describe("The workload whose pods of the simulated node bear the annotation."),
  egress: bitRate(RATE_MIN).describe("kubernetes.io/egress-bandwidth, bits a second."),
});

export const egressGateway = z.strictObject({
  pods: qualifiedName().describe("The workload whose pods this selects."),
  to: prefix().describe("Destinations outside the cluster."),
  gateway: z.enum(ENTRIES).prefault("here").describe("The node that they leave by: the simulated one, or another."),
  egressIP: address().optional().describe("Address that they leave with; without it the gateway node's own."),
});
