/** Commands that answer questions. POD is the agent's pod on the node in question. */

const IN_AGENT = "kubectl -n kube-system exec POD -- cilium-dbg";

export const MEASURES = {
  conntrack: `${IN_AGENT} bpf ct list global > ct.txt`,
  conntrackTwice: `${IN_AGENT} bpf ct list global > ct1.txt, and five seconds later > ct2.txt`,
  nat: `${IN_AGENT} bpf nat list > nat.txt`,
  natAndConntrack: `${IN_AGENT} bpf nat list > nat.txt, and at once bpf ct list global > ct.txt`,
  natRetries: `${IN_AGENT} bpf nat retries list > retries.txt`,
  metrics: `${IN_AGENT} metrics list > metrics.txt`,
  metricsTwice: "curl -s NODE:9962/metrics every few seconds for some minutes, each into a file of its own",
  flows: "hubble observe --node-name NODE --last 20000 -o jsonpb > flows.jsonl",
  flowsOfDrops: "hubble observe --node-name NODE --verdict DROPPED --last 5000 -o jsonpb > flows.jsonl",
  kernel: "uname -r on the node, given as --kernel",
  cilium: `${IN_AGENT} version, given as --cilium`,
  shape: "kubectl get node NODE -o jsonpath='{.status.capacity}', given as --node 16cpu,64Gi, with the Helm values (-f)",
} as const;
