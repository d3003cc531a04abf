/**
 * Flags of the agent (and, as they share a ConfigMap, of the operator), 1.14 to 1.19 with those they replaced: what the
 * charts write to `cilium-config`, and the flags of the agent's command reference. A name that is missing here is at worst
 * remarked on, never refused: the agent itself ignores keys of the ConfigMap that it does not know.
 */
export const AGENT_FLAGS: ReadonlySet<string> = new Set(
  `
agent-health-port agent-health-require-k8s-connectivity agent-labels agent-liveness-update-interval agent-not-ready-taint-key
alibabacloud-security-group-tags alibabacloud-security-groups alibabacloud-vswitch-tags alibabacloud-vswitches allocator-list-timeout
allow-icmp-frag-needed allow-localhost allow-unsafe-policy-skb-usage annotate-k8s-node api-rate-limit arping-refresh-period
auto-create-cilium-node-resource auto-create-cilium-pod-ip-pools auto-direct-node-routes aws-enable-prefix-delegation aws-release-excess-ips
azure-interface-name azure-use-primary-address azure-user-assigned-identity-id bgp-announce-lb-ip bgp-announce-pod-cidr bgp-config-path
bgp-router-id-allocation-ip-pool bgp-router-id-allocation-mode bgp-secrets-namespace bpf-auth-map-max bpf-compile-debug bpf-conntrack-accounting
bpf-ct-global-any-max bpf-ct-global-tcp-max bpf-ct-timeout-regular-any bpf-ct-timeout-regular-tcp bpf-ct-timeout-regular-tcp-fin
bpf-ct-timeout-regular-tcp-syn bpf-ct-timeout-service-any bpf-ct-timeout-service-tcp bpf-ct-timeout-service-tcp-grace bpf-distributed-lru
bpf-events-default-burst-limit bpf-events-default-rate-limit bpf-events-drop-enabled bpf-events-policy-verdict-enabled bpf-events-trace-enabled
bpf-filter-priority bpf-fragments-map-max bpf-lb-acceleration bpf-lb-affinity-map-max bpf-lb-algorithm bpf-lb-algorithm-annotation
bpf-lb-bypass-fib-lookup bpf-lb-dev-ip-addr-inherit bpf-lb-dsr-dispatch bpf-lb-dsr-l4-xlate bpf-lb-external-clusterip bpf-lb-maglev-hash-seed
bpf-lb-maglev-map-max bpf-lb-maglev-table-size bpf-lb-map-max bpf-lb-mode bpf-lb-mode-annotation bpf-lb-nat46x64 bpf-lb-only bpf-lb-proto-diff
bpf-lb-rev-nat-map-max bpf-lb-rss-ipv4-src-cidr bpf-lb-rss-ipv6-src-cidr bpf-lb-service-backend-map-max bpf-lb-service-map-max bpf-lb-sock
bpf-lb-sock-hostns-only bpf-lb-sock-terminate-pod-connections bpf-lb-source-range-all-types bpf-lb-source-range-map-max bpf-map-dynamic-size-ratio
bpf-map-event-buffers bpf-nat-global-max bpf-neigh-global-max bpf-node-map-max bpf-policy-map-full-reconciliation-interval bpf-policy-map-max
bpf-policy-map-pressure-metrics-threshold bpf-policy-stats-map-max bpf-root bpf-sock-rev-map-max bypass-ip-availability-upon-restore
certificates-directory ces-rate-limits ces-slice-mode cflags cgroup-root cilium-endpoint-gc-interval clean-cilium-bpf-state clean-cilium-state
cluster-health-port cluster-id cluster-name cluster-pool-ipv4-cidr cluster-pool-ipv4-mask-size cluster-pool-ipv6-cidr cluster-pool-ipv6-mask-size
clustermesh-cache-ttl clustermesh-config clustermesh-enable-endpoint-sync clustermesh-enable-mcs-api clustermesh-ip-identities-sync-timeout
clustermesh-mcs-api-install-crds clustermesh-sync-timeout cmdref cni-chaining-mode cni-chaining-target cni-exclusive cni-external-routing
cni-log-file cni-uninstall cnp-node-status-gc-interval config config-dir config-sources connectivity-probe-frequency-ratio
conntrack-garbage-collector-interval conntrack-gc-interval conntrack-gc-max-interval container-ip-local-reserved-ports controller-group-metrics
crd-wait-timeout ct-global-max-entries-other ct-global-max-entries-tcp custom-cni-conf datapath-mode debug debug-verbose default-lb-service-ipam
derive-masq-ip-addr-from-device derive-masquerade-ip-addr-from-device devices direct-routing-device direct-routing-skip-unreachable
disable-cnp-status-updates disable-conntrack disable-endpoint-crd disable-envoy-version-check disable-external-ip-mitigation
disable-iptables-feeder-rules dns-max-ips-per-restored-rule dns-policy-unload-on-shutdown dnsproxy-concurrency-limit
dnsproxy-concurrency-processing-grace-period dnsproxy-enable-transparent-mode dnsproxy-insecure-skip-transparent-mode-check dnsproxy-lock-count
dnsproxy-lock-timeout dnsproxy-socket-linger-timeout dynamic-lifecycle-config ec2-api-endpoint egress-gateway-policy-map-max
egress-gateway-reconciliation-trigger-interval egress-masquerade-interfaces egress-multi-home-ip-rule-compat enable-active-connection-tracking
enable-auto-protect-node-port-range enable-bandwidth-manager enable-bbr enable-bbr-hostns-only enable-bgp-control-plane
enable-bgp-control-plane-status-report enable-bgp-legacy-origin-attribute enable-bpf-clock-probe enable-bpf-masquerade enable-bpf-tproxy
enable-cilium-api-server-access enable-cilium-endpoint-slice enable-cilium-health-api-server-access enable-cluster-aware-addressing
enable-custom-calls enable-drift-checker
enable-dynamic-config enable-egress-gateway enable-encryption-strict-mode enable-encryption-strict-mode-egress
enable-encryption-strict-mode-ingress enable-endpoint-health-checking enable-endpoint-lockdown-on-policy-overflow enable-endpoint-routes
enable-envoy-config enable-experimental-lb enable-external-dns-server enable-external-ips enable-gateway-api enable-gateway-api-alpn
enable-gateway-api-app-protocol enable-gateway-api-proxy-protocol enable-gateway-api-secrets-sync enable-gops enable-health-check-loadbalancer-ip
enable-health-check-nodeport enable-health-checking enable-high-scale-ipcache enable-host-firewall enable-host-legacy-routing enable-host-port
enable-host-reachable-services enable-hubble enable-hubble-open-metrics enable-icmp-rules enable-identity-mark enable-ingress-controller
enable-ingress-proxy-protocol enable-ingress-secrets-sync enable-internal-traffic-policy enable-inter-cluster-snat
enable-ip-masq-agent enable-ipip-termination enable-ipsec
enable-ipsec-encrypted-overlay enable-ipsec-key-watcher enable-ipsec-xfrm-state-caching enable-ipv4 enable-ipv4-big-tcp enable-ipv4-egress-gateway
enable-ipv4-fragment-tracking enable-ipv4-masquerade enable-ipv6 enable-ipv6-big-tcp enable-ipv6-fragment-tracking enable-ipv6-masquerade
enable-ipv6-ndp enable-k8s enable-k8s-api-discovery enable-k8s-endpoint-slice enable-k8s-event-handover enable-k8s-networkpolicy
enable-k8s-service-handover enable-k8s-terminating-endpoint enable-l2-announcements enable-l2-neigh-discovery enable-l2-pod-announcements
enable-l7-proxy enable-lb-ipam enable-local-node-route enable-local-redirect-policy enable-masquerade-to-route-source enable-metrics
enable-monitor enable-nat46x64-gateway enable-no-service-endpoints-routable enable-node-ipam enable-node-port enable-node-selector-labels
enable-non-default-deny-policies enable-pmtu-discovery enable-policy enable-policy-secrets-sync enable-recorder enable-remote-node-identity
enable-route-mtu-for-cni-chaining enable-runtime-device-detection enable-sctp enable-service-topology enable-session-affinity
enable-source-ip-verification enable-srv6
enable-stale-cilium-endpoint-cleanup enable-standalone-dns-proxy enable-svc-source-range-check enable-tcx
enable-tracing enable-tunnel-big-tcp enable-unreachable-routes enable-vtep enable-well-known-identities enable-wireguard
enable-wireguard-userspace-fallback enable-xt-socket-fallback enable-ztunnel encrypt-interface encrypt-node
encryption-strict-egress-allow-remote-node-identities encryption-strict-egress-cidr encryption-strict-mode-allow-remote-node-identities
encryption-strict-mode-cidr endpoint-bpf-prog-watchdog-interval endpoint-gc-interval endpoint-interface-name-prefix endpoint-policy-update-timeout
endpoint-queue-size endpoint-regen-interval endpoint-status enforce-ingress-https eni-delete-on-termination eni-disable-prefix-delegation
eni-exclude-interface-tags eni-first-interface-index eni-gc-interval eni-gc-tags eni-security-group-tags eni-security-groups eni-subnet-ids
eni-subnet-tags eni-tags eni-use-primary-address envoy-access-log-buffer-size envoy-base-id envoy-config-retry-interval envoy-config-timeout
envoy-default-log-level envoy-http-upstream-linger-timeout envoy-keep-cap-netbindservice envoy-log envoy-policy-restore-timeout
envoy-secrets-namespace exclude-local-address exclude-node-label-patterns external-envoy-proxy fixed-identity-mapping fixed-zone-mapping
force-device-detection fqdn-regex-compile-lru-size gateway-api-hostnetwork-enabled gateway-api-hostnetwork-nodelabelselector
gateway-api-secrets-namespace gateway-api-service-externaltrafficpolicy gateway-api-xff-num-trusted-hops gops-port
health-check-icmp-failure-threshold host-reachable-services-protos http-idle-timeout http-max-grpc-timeout http-normalize-path
http-request-timeout http-retry-count http-retry-timeout http-stream-idle-timeout hubble-disable-tls hubble-drop-events
hubble-drop-events-interval hubble-drop-events-reasons hubble-dynamic-metrics-config-path hubble-event-buffer-capacity hubble-event-queue-size
hubble-export-aggregation-interval hubble-export-allowlist hubble-export-denylist hubble-export-fieldaggregate hubble-export-fieldmask
hubble-export-file-compress hubble-export-file-max-backups hubble-export-file-max-size-mb hubble-export-file-path hubble-flow-buffer-size
hubble-flowlogs-config-path hubble-listen-address hubble-lost-event-send-interval hubble-metrics hubble-metrics-server
hubble-metrics-server-enable-tls hubble-metrics-server-tls-cert-file hubble-metrics-server-tls-client-ca-files hubble-metrics-server-tls-key-file
hubble-monitor-events hubble-network-policy-correlation-enabled hubble-prefer-ipv6 hubble-recorder-sink-queue-size hubble-recorder-storage-path
hubble-redact-enabled hubble-redact-http-headers-allow hubble-redact-http-headers-deny hubble-redact-http-urlquery hubble-redact-http-userinfo
hubble-redact-kafka-apikey hubble-skip-unknown-cgroup-ids hubble-socket-path hubble-tls-cert-file hubble-tls-client-ca-files hubble-tls-key-file
identity-allocation-mode identity-change-grace-period identity-gc-interval identity-heartbeat-timeout identity-management-mode
identity-restore-grace-period ignore-flags-drift-checker ingress-default-lb-mode ingress-default-secret-name ingress-default-secret-namespace
ingress-hostnetwork-enabled ingress-hostnetwork-nodelabelselector ingress-hostnetwork-shared-listener-port ingress-lb-annotation-prefixes
ingress-secrets-namespace ingress-shared-lb-service-name initial-gc-interval install-egress-gateway-routes install-iptables-rules
install-no-conntrack-iptables-rules install-uplink-routes-for-delegated-ipam instance-tags-filter ip-allocation-timeout ip-masq-agent-config-path
ip-tracing-option-type ipam ipam-cilium-node-update-rate ipam-max-allocate ipam-min-allocate ipam-multi-pool-pre-allocation ipam-pre-allocate
ipam-static-ip-tags ipsec-key-file ipsec-key-rotation-duration iptables-lock-timeout iptables-random-fully ipv4-native-routing-cidr ipv4-node
ipv4-pod-subnets ipv4-range ipv4-service-loopback-address ipv4-service-range ipv6-cluster-alloc-cidr ipv6-mcast-device ipv6-native-routing-cidr
ipv6-node ipv6-pod-subnets ipv6-range ipv6-service-range join-cluster k8s-api-server k8s-api-server-urls k8s-client-burst
k8s-client-connection-keep-alive k8s-client-connection-timeout k8s-client-qps k8s-heartbeat-timeout k8s-kubeconfig-path k8s-namespace
k8s-require-ipv4-pod-cidr k8s-require-ipv6-pod-cidr k8s-service-proxy-name k8s-sync-timeout k8s-watcher-endpoint-selector keep-config
kube-proxy-replacement kube-proxy-replacement-healthz-bind-address kvstore kvstore-connectivity-timeout kvstore-lease-ttl
kvstore-max-consecutive-quorum-errors kvstore-opt kvstore-periodic-sync l2-announcements-lease-duration l2-announcements-renew-deadline
l2-announcements-retry-period l2-pod-announcements-interface l2-pod-announcements-interface-pattern label-prefix-file lb-init-wait-timeout
lb-pressure-metrics-interval lb-retry-backoff-max lb-retry-backoff-min lb-sock-terminate-all-protos lb-state-file lb-state-file-interval lib-dir
limit-ipam-api-burst limit-ipam-api-qps loadbalancer-l7 loadbalancer-l7-algorithm loadbalancer-l7-ports local-max-addr-scope local-router-ipv4
local-router-ipv6 log-driver log-opt log-system-load lrp-address-matcher-cidrs masquerade max-connected-clusters max-controller-interval
max-internal-timer-delay mesh-auth-enabled mesh-auth-gc-interval mesh-auth-mutual-connect-timeout mesh-auth-mutual-enabled
mesh-auth-mutual-listener-port mesh-auth-queue-size mesh-auth-rotated-identities-queue-size mesh-auth-signal-backoff-duration
mesh-auth-spiffe-trust-domain mesh-auth-spire-admin-socket mesh-auth-spire-agent-socket mesh-auth-spire-server-address
mesh-auth-spire-server-connection-timeout metrics metrics-sampling-interval monitor-aggregation monitor-aggregation-flags
monitor-aggregation-interval monitor-queue-size mtu multicast-enabled
nat-map-stats-entries nat-map-stats-interval native-routing-cidr
node-encryption-opt-out-labels node-labels node-port-acceleration node-port-algorithm node-port-bind-protection node-port-mode node-port-range
nodeport-addresses nodes-gc-interval only-masquerade-default-pool operator-api-serve-addr operator-k8s-client-burst operator-k8s-client-qps
operator-pprof operator-pprof-address operator-pprof-block-profile-rate operator-pprof-mutex-profile-fraction operator-pprof-port
operator-prometheus-enable-tls operator-prometheus-serve-addr operator-prometheus-tls-cert-file operator-prometheus-tls-client-ca-files
operator-prometheus-tls-key-file packetization-layer-pmtud-mode pod-restart-selector policy-accounting policy-audit-mode policy-cidr-match-mode
policy-default-local-cluster policy-deny-response policy-queue-size policy-secrets-namespace policy-secrets-only-from-secrets-namespace
policy-trigger-interval policy-update-interval pprof pprof-address pprof-block-profile-rate pprof-mutex-profile-fraction pprof-port
preallocate-bpf-maps prepend-iptables-chains procfs prometheus-serve-addr proxy-admin-port proxy-cluster-max-connections
proxy-cluster-max-requests proxy-connect-timeout proxy-gid proxy-idle-timeout-seconds proxy-initial-fetch-timeout
proxy-max-active-downstream-connections proxy-max-concurrent-retries proxy-max-connection-duration-seconds proxy-max-requests-per-connection
proxy-portrange-max proxy-portrange-min proxy-prometheus-port proxy-use-original-source-address proxy-xff-num-trusted-hops-egress
proxy-xff-num-trusted-hops-ingress read-cni-conf remove-cilium-node-taints restore restored-proxy-ports-age-limit route-metric routing-mode
service-no-backend-response set-cilium-is-up-condition set-cilium-node-taints shell-sock-path sidecar-istio-proxy-image single-cluster-route
skip-cnp-status-startup-clean skip-crd-creation socket-path sockops-enable srv6-encap-mode standalone-dns-proxy-server-port state-dir
status-collector-failure-threshold status-collector-interval status-collector-stackdump-path status-collector-warning-threshold subnet-ids-filter
subnet-tags-filter synchronize-k8s-nodes tofqdns-dns-reject-response-code tofqdns-enable-dns-compression tofqdns-endpoint-max-ip-per-hostname
tofqdns-idle-connection-grace-period tofqdns-max-deferred-connection-deletes tofqdns-min-ttl tofqdns-pre-cache tofqdns-preallocate-identities
tofqdns-proxy-port tofqdns-proxy-response-max-delay trace-payloadlen trace-payloadlen-overlay trace-sock tunnel tunnel-port tunnel-protocol
tunnel-source-port-range underlay-protocol unmanaged-pod-watcher-interval update-ec2-adapter-limit-via-api use-cilium-internal-ip-for-ipsec
use-full-tls-context version vlan-bpf-bypass vtep-cidr vtep-endpoint vtep-mac vtep-mask vtep-sync-interval wireguard-encapsulate
wireguard-persistent-keepalive wireguard-track-all-ips-fallback write-cni-conf-when-ready xdp-device
`
    .trim()
    .split(/\s+/),
);
