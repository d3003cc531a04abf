/**
 * The keys of Cilium's chart, read from the published charts 1.8 to 1.19 (every patch of 1.14 and later): values.yaml and
 * the keys that only templates mention.
 *
 * A key is followed by the minors that have it when they differ from its parent's (`@17.2` from 1.17.2 on, `@-13` up to
 * 1.13, `@14-17`), by `*` when anything may stand below it, by `%` when it is a container image, and by its own keys in
 * braces. A key without braces holds one value (which may be a list or a mapping of the user's own).
 */
export const CHART_KEYS = `
MTU@13 affinity*@9 agent{enabled@-8 keepDeprecatedLabels@-8 keepDeprecatedProbes@-8 policyEnforcementMode@-8 sleepAfterInit@-8}
agentNotReadyTaintKey@11 aksbyocni@10{enabled} alibabacloud@10{enabled nodeSpec@19{securityGroupTags securityGroups vSwitchTags vSwitches}}
annotateK8sNode@9 annotations*@15 apiRateLimit*@15 authentication@14{enabled gcInterval mutual{connectTimeout@15 port spire{adminSocketPath
agentSocketPath annotations*@15 connectionTimeout enabled install{agent{affinity*@14.5 annotations* image% labels nodeSelector*@14.5
podSecurityContext*@14.5 priorityClassName@17 resources*@17 securityContext*@14.5 serviceAccount{create name} skipKubeletVerification
tolerations@14.4} enabled existingNamespace@15 initImage%@15 namespace server{affinity*@14.4 annotations* ca{keyType subject{commonName country
organization}} dataStorage{accessMode enabled size storageClass} image% initContainers labels nodeSelector*@14.4 podSecurityContext*@15
priorityClassName@17 resources*@17 securityContext*@15 service{annotations* labels type} serviceAccount{create name} tolerations@14.4}}
serverAddress trustDomain}} queueSize rotatedIdentitiesQueueSize} autoDirectNodeRoutes@9 awsDigest@-8 azure{clientID@9 clientSecret@9 enabled@9
nodeSpec@19{azureInterfaceName} resourceGroup@9 subscriptionID@9 tenantID@9 usePrimaryAddress@12 userAssignedIdentityID@9} azureDigest@-8
bandwidthManager@9{bbr@12 bbrHostNamespaceOnly@18 enabled@12} bgp@10-16{announce{loadbalancerIP podCIDR@11-16} enabled} bgpControlPlane@12{enabled
legacyOriginAttribute@18.2{enabled} routerIDAllocation@18{ipPool mode} secretsNamespace@15{create name} statusReport@17{enabled}}
blacklistConflictingRoutes@-8 bpf@9{authMapMax@14 autoMount@14{enabled} clockProbe@9-13 ctAccounting@17 ctAnyMax ctTcpMax datapathMode@16
disableExternalIPMitigation@16 distributedLRU@17.2{enabled} enableTCX@16 events@16{default@17{burstLimit rateLimit} drop{enabled}
policyVerdict{enabled} trace{enabled}} hostLegacyRouting@12 hostRouting@9-12 lbAlgorithmAnnotation@17 lbBypassFIBLookup@10-12
lbExternalClusterIP@10 lbMapMax lbModeAnnotation@17 lbSourceRangeAllTypes@17 mapDynamicSizeRatio masquerade monitorAggregation monitorFlags
monitorInterval monitorTraceIPOption@19 natMax neighMax nodeMapMax@15.4 policyMapMax policyMapPressureMetricsThreshold@19 policyStatsMapMax@18
preallocateMaps root@12 tproxy vlanBypass@11 waitForMount@9-10} bpfClockProbe bpfMapDynamicSizeRatio@-8 bpfMasquerade@-8 certgen@9{affinity*@15
annotations*@14 cronJob@19{failedJobsHistoryLimit successfulJobsHistoryLimit} extraVolumeMounts@11 extraVolumes@11 generateCA@17 image%
nodeSelector*@17 podLabels* priorityClassName@17 resources*@18 tolerations@12 ttlSecondsAfterFinished} cgroup@9{autoMount{enabled resources*@12}
hostRoot} ciliumEndpointSlice@16{enabled rateLimits sliceMode@17-17} cleanBpfState@9 cleanState@9 cluster@9{id name} clusterHealthPort@11
clustermesh@9{annotations*@15 apiserver{affinity*@12 etcd{image%@9-14 init@13{extraArgs@15 extraEnv@15 resources*} lifecycle*@15 resources*@13
securityContext*@11 storageMedium@16} extraArgs@14 extraEnv@12 extraVolumeMounts@11 extraVolumes@11 healthPort@16 image% kvstoremesh@14{enabled
extraArgs extraEnv extraVolumeMounts healthPort@16 image%@14-14 kvstoreMode@18 lifecycle*@15 readinessProbe*@16 resources* securityContext*}
lifecycle*@15 metrics@14{enabled etcd{enabled mode port} kvstoremesh{enabled port} port serviceMonitor{annotations* enabled etcd{interval
metricRelabelings* relabelings* scrapeTimeout@18} interval kvstoremesh{interval metricRelabelings* relabelings* scrapeTimeout@18} labels
metricRelabelings* namespace relabelings* scrapeTimeout@18}} nodeSelector* podAnnotations* podDisruptionBudget@12{enabled maxUnavailable
minAvailable unhealthyPodEvictionPolicy@18} podLabels* podSecurityContext*@11 priorityClassName@11 readinessProbe*@16 replicas resources*
securityContext*@11 service{annotations* enableSessionAffinity@16 externalTrafficPolicy@14 externallyCreated@19 internalTrafficPolicy@14
labels@17.5 loadBalancerClass@15.7 loadBalancerIP loadBalancerSourceRanges@17 nodePort type} terminationGracePeriodSeconds@15 tls{admin{cert key}
authMode@14 auto{certManagerIssuerRef*@11 certValidityDuration enabled method schedule} ca@9-14{cert key} client@9-18{cert key} enableSecrets@16
remote{cert key} server{cert extraDnsNames@11 extraIpAddresses@11 key}} tolerations topologySpreadConstraints@13 updateStrategy*} cacheTTL@19
config*@10 enableEndpointSliceSynchronization@16 enableMCSAPISupport@16 maxConnectedClusters@15 mcsapi@19{corednsAutoConfigure{affinity*
annotations* coredns{clusterDomain clustersetDomain configMapName deploymentName namespace serviceAccountName} enabled extraArgs extraVolumeMounts
extraVolumes nodeSelector* podLabels* priorityClassName resources* tolerations ttlSecondsAfterFinished} enabled installCRDs}
policyDefaultLocalCluster@18 useAPIServer} cni@9{binPath chainingMode chainingTarget@14 confFileMountPath confPath configMap configMapKey
customConf enableRouteMTUForCNIChaining@16 exclusive@10 externalRouting@14.5 hostConfDirMountPath install iptablesRemoveAWSRules@18 logFile@12
readCniConf resources*@15 uninstall@11} commonLabels*@17 config*@-8 configDriftDetection@18.9{driftChecker enabled ignoredKeys}
connectivityProbeFrequencyRatio@18 conntrackGCInterval@9 conntrackGCMaxInterval@12 containerRuntime@9-15{integration} crdWaitTimeout
customCalls@10-18{enabled} daemon@9{allowedConfigOverrides@13 blockedConfigOverrides@13 configSources@13 enableSourceIPVerification@17 runPath}
dashboards@14{annotations* enabled label labelValue namespace} datapathMode@9-12 debug@9{enabled metricsSamplingInterval@18 verbose}
defaultLBServiceIPAM@17 devices@9 dialTimeout@-8 digest@-8 directRoutingSkipUnreachable@16 disableEndpointCRD@9 disableEnvoyVersionCheck@9
disableIptablesFeederRules dnsPolicy@11 dnsPolicyUnloadOnShutdown@12 dnsProxy@12{dnsRejectResponseCode enableDnsCompression enableTransparentMode
endpointMaxIpPerHostname idleConnectionGracePeriod maxDeferredConnectionDeletes minTtl preAllocateIdentities@18 preCache proxyPort
proxyResponseMaxDelay socketLingerTimeout@14.14} egressGateway@10{enabled installRoutes@12-15 maxPolicyEntries@14
reconciliationTriggerInterval@14} egressMasqueradeInterfaces@9 enableCiliumEndpointSlice@11-17 enableCnpStatusUpdates
enableCriticalPriorityClass@9 enableIPv4BIGTCP@14 enableIPv4Masquerade@10 enableIPv6BIGTCP@13 enableIPv6Masquerade@10 enableIdentityMark
enableInternalTrafficPolicy@17 enableK8sEndpointSlice@9-18 enableK8sEventHandover@10 enableK8sTerminatingEndpoint@11-17 enableLBIPAM@17
enableMasqueradeRouteSource@15 enableNoServiceEndpointsRoutable@19 enableNonDefaultDenyPolicies@17 enableRuntimeDeviceDetection@12-17
enableTunnelBIGTCP@19 enableXTSocketFallback@9 encryption@9{enabled interface@9-15 ipsec@10{encryptedOverlay@16 interface keyFile
keyRotationDuration@14 keyWatcher@11 mountPath secretName} keyFile@9-15 mountPath@9-15 nodeEncryption secretName@9-15
strictMode@15{allowRemoteNodeIdentities cidr egress@19{allowRemoteNodeIdentities cidr enabled} enabled ingress@19{enabled}} type@10
wireguard@11{encapsulate@14.4-14 persistentKeepalive@15 userspaceFallback@11-16} ztunnel@19.2{affinity* annotations* caAddress extraEnv
extraVolumeMounts extraVolumes healthPort image% nodeSelector* podAnnotations* podLabels* priorityClassName readinessProbe* resources*
secrets{bootstrapRootCert} terminationGracePeriodSeconds tolerations updateStrategy*}} endpointHealthChecking@9{enabled}
endpointLockdownOnMapOverflow@17 endpointPolicyUpdateTimeoutDuration@18.9 endpointRoutes@9{enabled} endpointStatus@10-15{enabled status}
eni@9{awsEnablePrefixDelegation@12 awsReleaseExcessIPs@10 ec2APIEndpoint@10 enabled@10 eniTags*@10 gcInterval@13 gcTags*@13 iamRole@10
instanceTagsFilter@12 nodeSpec@19{deleteOnTermination disablePrefixDelegation excludeInterfaceTags firstInterfaceIndex securityGroupTags
securityGroups subnetIDs subnetTags usePrimaryAddress} subnetIDsFilter@10 subnetTagsFilter@10 updateEC2AdapterLimitViaAPI@10-17}
envoy@14{affinity* annotations*@15 baseID@16 bootstrapConfigMap@17 clusterMaxConnections@19 clusterMaxRequests@19 connectTimeoutSeconds
debug@16{admin{enabled port}} dnsPolicy enabled extraArgs extraContainers extraEnv extraHostPathMounts extraVolumeMounts extraVolumes healthPort
httpRetryCount@17 httpUpstreamLingerTimeout@18 idleTimeoutDurationSeconds image% initContainers@19 initialFetchTimeoutSeconds@16.4 livenessProbe*
log{accessLogBufferSize@16.7 defaultLevel@17 format format_json@17 path} maxConcurrentRetries@17 maxConnectionDurationSeconds
maxGlobalDownstreamConnections@19 maxRequestsPerConnection nodeSelector* podAnnotations* podLabels* podSecurityContext*
policyRestoreTimeoutDuration@17.2 priorityClassName prometheus{enabled port serviceMonitor{annotations* enabled interval labels metricRelabelings*
namespace relabelings scrapeTimeout@18}} readinessProbe* resources* rollOutPods securityContext* startupProbe* streamIdleTimeoutDurationSeconds@18
terminationGracePeriodSeconds tolerations updateStrategy* useOriginalSourceAddress@19 xffNumTrustedHopsL7PolicyEgress@14.11
xffNumTrustedHopsL7PolicyIngress@14.11} envoyConfig@13{enabled retryInterval@16 secretsNamespace{create name}} etcd@9{affinity@9-15
annotations*@15-15 clusterDomain@9-15 clusterSize@9-15 enabled endpoints extraArgs@9-15 extraConfigmapMounts@9-11 extraHostPathMounts@9-11
extraInitContainers@9-11 extraVolumeMounts@11-15 extraVolumes@11-15 image%@9-15 k8sService@9-15 managed@9-15 nodeSelector*@9-15
podAnnotations*@9-15 podDisruptionBudget@9-15{enabled maxUnavailable minAvailable@12-15} podLabels*@9-15 podSecurityContext*@11-15
priorityClassName@9-15 resources*@9-15 securityContext*@9-15 ssl tolerations@9-15 topologySpreadConstraints@13-15 updateStrategy*@9-15}
expectAzureVnet@-9 externalIPs@9-17{enabled} externalWorkloads@9-17{enabled} extraArgs@9 extraConfig* extraConfigmapMounts@9-11 extraContainers@13
extraEnv@9 extraHostPathMounts extraInitContainers@9 extraVolumeMounts@12 extraVolumes@12 flannel@9-9{enabled masterDevice uninstallOnExit}
forceDeviceDetection@16 fragmentTracking gatewayAPI@13{enableAlpn@16 enableAppProtocol@16 enableProxyProtocol@16 enabled externalTrafficPolicy@16
gatewayClass@16{create} hostNetwork@16{enabled nodes{matchLabels*}} secretsNamespace{create name sync} xffNumTrustedHops@16} genericDigest@-8
gke@9{disableDefaultSnat@9-10 enabled} healthCheckICMPFailureThreshold@17 healthChecking healthPort@9 highScaleIPcache@14-17{enabled}
hostFirewall@9{enabled@11} hostPort@9-17{enabled} hostServices@9-12{enabled@9-11 hostNamespaceOnly@10-11 protocols@9-12} hubble@9{annotations*@15
dropEventEmitter@16{enabled interval reasons} enabled eventBufferCapacity@10 eventQueueSize export@15{aggregationInterval@19 dynamic{config*
enabled} fileCompress@18 fileMaxBackups fileMaxSizeMb static{aggregationInterval@19 allowList denyList enabled fieldAggregate@19 fieldMask
fileCompress@18 fileMaxBackups@18 fileMaxSizeMb@18 filePath}} flowBufferSize@9-12 listenAddress lostEventSendInterval@19
metrics{dashboards@13{annotations* enabled label labelValue namespace} dynamic@17{config* enabled} enableOpenMetrics@13 enabled port
serviceAnnotations*@11 serviceMonitor{annotations*@10 enabled interval@13 jobLabel@15 labels@10 metricRelabelings*@12 relabelings@12
scrapeTimeout@18 tlsConfig*@16} tls@16{enabled server{cert existingSecret@16.1 extraDnsNames extraIpAddresses key mtls{enabled key name
useSecret}}}} metricsServer@9-10 networkPolicyCorrelation@18{enabled} peerService@10{clusterDomain enabled@10-13 servicePort targetPort}
preferIpv6@13 redact@15{enabled http{headers{allow deny} urlQuery userInfo} kafka{apiKey}} relay{affinity*@12 annotations*@15 dialTimeout@9-17
enabled extraEnv@12 extraVolumeMounts@12 extraVolumes@12 gops@14{enabled port} image% listenHost listenPort logOptions*@18.7 nodeSelector*
podAnnotations* podDisruptionBudget@12{enabled maxUnavailable minAvailable unhealthyPodEvictionPolicy@18} podLabels* podSecurityContext*@14
pprof@12{address blockProfileRate@19 enabled mutexProfileFraction@19 port} priorityClassName@11 prometheus@12{enabled port
serviceMonitor{annotations* enabled interval labels metricRelabelings* namespace relabelings* scrapeTimeout@18}} replicas resources* retryTimeout
rollOutPods securityContext*@12 service@12{nodePort type} servicePort sortBufferDrainTimeout sortBufferLenMax terminationGracePeriodSeconds@12
tls{client{cert existingSecret@16.1 key} server{cert enabled existingSecret@16.1 extraDnsNames@11 extraIpAddresses@11 key mtls@14 relayName@15}}
tolerations topologySpreadConstraints@13 updateStrategy*} skipUnknownCGroupIDs@13 socketPath tls{auto{certManagerIssuerRef*@11
certValidityDuration enabled method schedule} ca@9-13{cert key} enabled server{cert existingSecret@16.1 extraDnsNames@11 extraIpAddresses@11 key}}
ui{affinity*@12 annotations*@15 backend{extraEnv@10 extraVolumeMounts@11 extraVolumes@11 image% livenessProbe*@15 readinessProbe*@15 resources*
securityContext*@11} baseUrl@11 enabled frontend{extraEnv@10 extraVolumeMounts@11 extraVolumes@11 image% resources* securityContext*@11
server@10{ipv6{enabled}}} ingress{annotations* className@12 enabled hosts labels@14 tls} labels@17 nodeSelector* podAnnotations*
podDisruptionBudget@12{enabled maxUnavailable minAvailable unhealthyPodEvictionPolicy@18} podLabels* priorityClassName@11 proxy@9-11{image%
resources*} replicas rollOutPods securityContext* service@12{annotations* labels@18 nodePort type} standalone@11{enabled tls{certsVolume*}}
tls@11{client{cert existingSecret@16.1 key}} tmpVolume*@19 tolerations topologySpreadConstraints@13 updateStrategy*}} hubble-relay@-8{numReplicas}
identityAllocationMode@9 identityChangeGracePeriod identityGCInterval@9-12 identityHeartbeatTimeout@9-12 identityManagementMode@18 image%
imagePullSecrets@9 ingress@-8{annotations enabled hosts path tls} ingressController@12{default@14 defaultSecretName@14 defaultSecretNamespace@14
enableProxyProtocol@15 enabled enforceHttps hostNetwork@16{enabled nodes{matchLabels*} sharedListenerPort} ingressLBAnnotationPrefixes
loadbalancerMode@13 secretsNamespace{create name sync} service@13{allocateLoadBalancerNodePorts annotations* externalTrafficPolicy@16
insecureNodePort labels loadBalancerClass loadBalancerIP name secureNodePort type}} initResources* installIptablesRules@9-13
installNoConntrackIptablesRules@10 ipMasqAgent@9{config@13 enabled} ipam{ciliumNodeUpdateRate@14 installUplinkRoutesForDelegatedIPAM@17 mode@9
multiPoolPreAllocation@17 nodeSpec@19{ipamMaxAllocate ipamMinAllocate ipamPreAllocate ipamStaticIPTags} operator@9{autoCreateCiliumPodIPPools*@14
clusterPoolIPv4MaskSize clusterPoolIPv4PodCIDR@9-18 clusterPoolIPv4PodCIDRList@11 clusterPoolIPv6MaskSize clusterPoolIPv6PodCIDR@9-18
clusterPoolIPv6PodCIDRList@11 externalAPILimitBurstSize@13 externalAPILimitQPS@13}} iptablesLockTimeout@9 iptablesRandomFully@9 ipv4@9{enabled}
ipv4NativeRoutingCIDR@11 ipv6@9{enabled} ipv6NativeRoutingCIDR@12 ipvlan@9-12{enabled masterDevice} k8s@9{apiServerURLs@18 requireIPv4PodCIDR
requireIPv6PodCIDR serviceProxyName} k8sClientExponentialBackoff@18{backoffBaseSeconds backoffMaxDurationSeconds enabled}
k8sClientRateLimit@14{burst operator@17{burst qps} qps} k8sNetworkPolicy@14{enabled} k8sServiceHost@9 k8sServiceHostRef@18{key name}
k8sServiceLookupConfigMapName@17 k8sServiceLookupNamespace@17 k8sServicePort@9 keepDeprecatedLabels keepDeprecatedProbes kubeConfigPath@9
kubeProxyReplacement@9 kubeProxyReplacementHealthzBindAddr@9 kvstore@9-9{managed ssl} l2NeighDiscovery@10{arping-refresh-period@10-11 enabled
refreshPeriod@10-17} l2announcements@14{enabled leaseDuration leaseRenewDeadline leaseRetryPeriod} l2podAnnouncements@14{enabled interface
interfacePattern@18} l7Proxy@9 labels@9 legacyDigest@-8 listenHost@-8 listenPort@-8 livenessProbe*@10 loadBalancer@9{acceleration algorithm
dsrDispatch@10 experimental@17-17 l7@13{algorithm backend ports} mode protocolDifferentiation@17-18{enabled} serviceTopology@11 standalone@10}
localRedirectPolicies@18{addressMatcherCIDRs enabled} localRedirectPolicy@9 logOptions@9 logSystemLoad@9 maglev@9{hashSeed tableSize}
masquerade@9-10 maxUnavailable@-8 monitor{enabled eventTypes resources} name@9 namespaceOverride@17 nat@16.1{mapStatsEntries mapStatsInterval}
nat46x64Gateway@13{enabled} nativeRoutingCIDR@9-11 nodeIPAM@16{enabled} nodeLabels@18 nodePort@9{addresses@16 autoProtectPortRange bindProtection
directRoutingDevice enableHealthCheck enableHealthCheckLoadBalancerIP@15 enabled@9-18 range} nodeSelector* nodeSelectorLabels@16
nodeinit@9{affinity*@12 annotations*@15 bootstrapFile enabled extraArgs*@9-9 extraConfigmapMounts@9-11 extraEnv extraHostPathMounts@9-11
extraInitContainers@9-11 extraVolumeMounts@12 extraVolumes@12 image% nodeSelector* podAnnotations* podDisruptionBudget@9-11{enabled
maxUnavailable} podLabels* podSecurityContext*@15.5 prestop@14{postScript preScript} priorityClassName reconfigureKubelet@9-10
removeCbrBridge@9-10 resources* restartPods@9-10 revertReconfigureKubelet securityContext* startup@14{postScript preScript} tolerations
updateStrategy* waitForCloudInit@19} nonIdempotentAnnotations@19 numReplicas@-8 operator{affinity*@9 annotations*@15 dashboards@14{annotations*
enabled label labelValue namespace} dnsPolicy@11 enabled endpointGCInterval@9 extraArgs@9 extraConfigmapMounts@9-11 extraEnv@9
extraHostPathMounts@9 extraInitContainers@9-11 extraVolumeMounts@12 extraVolumes@12 hostNetwork@16 identityGCInterval@9 identityHeartbeatTimeout@9
image@9{alibabacloudDigest@10 awsDigest azureDigest genericDigest override pullPolicy repository suffix tag useDigest} nodeGCInterval@10
nodeSelector*@9 numReplicas@-8 podAnnotations*@9 podDisruptionBudget@9{enabled maxUnavailable minAvailable@12 unhealthyPodEvictionPolicy@18}
podLabels*@9 podSecurityContext*@11 pprof@12{address blockProfileRate@19 enabled mutexProfileFraction@19 port} priorityClassName@9
prometheus@9{enabled metricsService@17 port serviceMonitor{annotations*@10 enabled interval@13 jobLabel@15 labels@10 metricRelabelings*@12
namespace relabelings*@12 scrapeTimeout@18} tls@19{enabled server{existingSecret mtls{enabled}}}} removeNodeTaints@10 replicas@9 resources*@9
rollOutPods@9 securityContext*@9 serviceAccountName@10-11 setNodeNetworkStatus@9 setNodeTaints@14 skipCNPStatusStartupClean@10-15
skipCRDCreation@10 tolerations@9 topologySpreadConstraints@13 unmanagedPodWatcher@9{intervalSeconds restart selector*@19} updateStrategy*@9}
pmtuDiscovery@13{enabled packetizationLayerPMTUDMode@19} podAnnotations* podDisruptionBudget@9-11{enabled maxUnavailable} podLabels*@9
podSecurityContext*@11 policyAuditMode policyCIDRMatchMode@15 policyDenyResponse@19 policyEnforcementMode pprof@9{address@12 blockProfileRate@19
enabled mutexProfileFraction@19 port@12} preflight{affinity*@12 annotations*@15 enabled envoy@18{image%} extraArgs*@9-9 extraConfigmapMounts@9-11
extraEnv@9 extraHostPathMounts@9-11 extraInitContainers@9-11 extraVolumeMounts@11 extraVolumes@11 image%@9 nodeSelector*@9 podAnnotations*@9
podDisruptionBudget@9{enabled maxUnavailable minAvailable@12 unhealthyPodEvictionPolicy@18} podLabels*@9 podSecurityContext*@11
priorityClassName@9 readinessProbe*@16 resources*@9 securityContext*@9 terminationGracePeriodSeconds@12 tofqdnsPreCache tolerations@9
updateStrategy*@9 validateCNPs} priorityClassName@9 prometheus@9{controllerGroupMetrics@15 enabled metrics@10 metricsService@17 port
serviceMonitor{annotations*@10 enabled interval@13 jobLabel@15 labels@10 metricRelabelings*@12 namespace relabelings@12 scrapeTimeout@18
trustCRDsExist@13}} proxy@9-15{prometheus{enabled@10-15 port} sidecarImageRegex} rbac@9{create} readinessProbe*@10 reconfigureKubelet@-8
registry@-8 remoteNodeIdentity@9-15 removeCbrBridge@-8 replicas@-8 resourceQuotas*@9 resources* restartPods@-8 retryTimeout@-8
revertReconfigureKubelet@-8 rollOutCiliumPods@9 routingMode@14 scheduling@17{mode} sctp@13{enabled} secretsNamespaceAnnotations*@18
secretsNamespaceLabels*@19 securityContext* serviceAccount@-8{annotations} serviceAccounts@9{certgen@9-9{annotations* create} cilium{annotations*
automount@11 create name@10} clustermeshApiserver{annotations* automount@11 create name@10} clustermeshcertgen@10{annotations* automount@11 create
name} corednsMCSAPI@19{annotations* automount create name} envoy@14{annotations* automount create name} etcd@9-15{annotations* automount@11-15
create name@10-15} hubblecertgen@10{annotations* automount@11 create name} nodeinit@12{annotations* automount create enabled name}
operator{annotations* automount@11 create name@10} preflight{annotations* automount@11 create name@10} relay{annotations* automount@11 create
name@10} ui{annotations* automount@11 create name@10} ztunnel@19.2{annotations* automount create name}} serviceNoBackendResponse@15 servicePort@-8
sessionAffinity@-18 sleepAfterInit socketLB@12{enabled hostNamespaceOnly terminatePodConnections@16 tracing@16.4} sockops@9-13{enabled}
sortBufferDrainTimeout@-8 sortBufferLenMax@-8 standaloneDnsProxy@19{annotations* automountServiceAccountToken debug enabled image% nodeSelector*
rollOutPods serverPort tolerations updateStrategy*} startupProbe*@10 svcSourceRangeCheck@-18 synchronizeK8sNodes sysctlfix@14.13{enabled} tag@-8
terminationGracePeriodSeconds@12 tls@9{ca@12{cert certValidityDuration key} caBundle@14{content enabled key name useSecret} enabled@9-11
readSecretsOnlyFromSecretsNamespace@17 secretSync@17{enabled} secretsBackend secretsNamespace@17{create name}} tmpVolume*@19 tofqdnsPreCache@-8
tolerations tunnel@9 tunnelPort@11 tunnelProtocol@14 tunnelSourcePortRange@17.2 underlayProtocol@18 updateStrategy*@9 upgradeCompatibility
useDigest@-8 validateCNPs@-8 vtep@12{cidr enabled endpoint mac mask} waitForKubeProxy@10 wellKnownIdentities@9{enabled}
`;
