/** What a scenario says about pods beside their traffic: policies, rate limits, egress gateways. */

import { z } from "zod";
import { address, peerName, port, prefix, qualifiedName, subjectName } from "./names.js";
import { bitRate } from "./quantities.js";
import { L7_PROTOCOLS, RULE_PROTOCOLS, VERDICTS } from "./pod-types.js";
import { ENTRIES } from "./types.js";

/** Kubernetes takes no lower limit than 1k (pkg/util/bandwidth). */
const RATE_MIN = 1000;

const peer = { port: port().optional().describe("Without it: every port."), protocol: z.enum(RULE_PROTOCOLS).prefault("TCP").describe("ICMP: echo requests.") };
const egress = { direction: z.literal("egress").prefault("egress"), to: peerName().describe("Service, workload, world, remote-node or host."), ...peer };
const ingress = { direction: z.literal("ingress").prefault("ingress"), from: peerName().describe("Workload, world, remote-node or host."), ...peer };
const l7 = { l7: z.enum(L7_PROTOCOLS).optional().describe("A rule above layer 4: its connections (http) or questions (dns) go through a proxy on the node, which reads each.") };
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
