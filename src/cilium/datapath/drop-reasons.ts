/**
 * Drop reasons: numbers, texts and flow names. bpf/lib/common.h, pkg/monitor/api/drop.go and api/v1/flow/flow.proto of
 * v1.17.1; 205 of v1.19.4, 206 from a later one, whose text is not known.
 *
 * Inside the programs a reason is a negative number, as in the original (`return DROP_POLICY`); events and metrics carry
 * the positive one. The number of a flow's `drop_reason_desc` equals the code.
 */

/** What a reason is called; a missing text means that monitors print the bare number. */
export interface DropReason {
  readonly code: number;
  readonly text?: string;
  /** Name in `flow.DropReason`; missing where the API has none. */
  readonly flowName?: string;
}

const reason = (code: number, text?: string, flowName?: string): DropReason => ({
  code,
  ...(text === undefined ? {} : { text }),
  ...(flowName === undefined ? {} : { flowName }),
});

/** All reasons, by code. */
export const DROP_REASONS: readonly DropReason[] = [
  reason(130, "Invalid source mac", "INVALID_SOURCE_MAC"),
  reason(131, "Invalid destination mac", "INVALID_DESTINATION_MAC"),
  reason(132, "Invalid source ip", "INVALID_SOURCE_IP"),
  reason(133, "Policy denied", "POLICY_DENIED"),
  reason(134, "Invalid packet", "INVALID_PACKET_DROPPED"),
  reason(135, "CT: Truncated or invalid header", "CT_TRUNCATED_OR_INVALID_HEADER"),
  reason(136, "Fragmentation needed", "CT_MISSING_TCP_ACK_FLAG"),
  reason(137, "CT: Unknown L4 protocol", "CT_UNKNOWN_L4_PROTOCOL"),
  reason(138, "CT: Can't create entry from packet", "CT_CANNOT_CREATE_ENTRY_FROM_PACKET"),
  reason(139, "Unsupported L3 protocol", "UNSUPPORTED_L3_PROTOCOL"),
  reason(140, "Missed tail call", "MISSED_TAIL_CALL"),
  reason(141, "Error writing to packet", "ERROR_WRITING_TO_PACKET"),
  reason(142, "Unknown L4 protocol", "UNKNOWN_L4_PROTOCOL"),
  reason(143, "Unknown ICMPv4 code", "UNKNOWN_ICMPV4_CODE"),
  reason(144, "Unknown ICMPv4 type", "UNKNOWN_ICMPV4_TYPE"),
  reason(145, "Unknown ICMPv6 code", "UNKNOWN_ICMPV6_CODE"),
  reason(146, "Unknown ICMPv6 type", "UNKNOWN_ICMPV6_TYPE"),
  reason(147, "Error retrieving tunnel key", "ERROR_RETRIEVING_TUNNEL_KEY"),
  reason(148, "Error retrieving tunnel options", "ERROR_RETRIEVING_TUNNEL_OPTIONS"),
  reason(149, "Invalid Geneve option", "INVALID_GENEVE_OPTION"),
  reason(150, "Unknown L3 target address", "UNKNOWN_L3_TARGET_ADDRESS"),
  reason(151, "Stale or unroutable IP", "STALE_OR_UNROUTABLE_IP"),
  reason(152, "No matching local container found", "NO_MATCHING_LOCAL_CONTAINER_FOUND"),
  reason(153, "Error while correcting L3 checksum", "ERROR_WHILE_CORRECTING_L3_CHECKSUM"),
  reason(154, "Error while correcting L4 checksum", "ERROR_WHILE_CORRECTING_L4_CHECKSUM"),
  reason(155, "CT: Map insertion failed", "CT_MAP_INSERTION_FAILED"),
  reason(156, "Invalid IPv6 extension header", "INVALID_IPV6_EXTENSION_HEADER"),
  reason(157, "IP fragmentation not supported", "IP_FRAGMENTATION_NOT_SUPPORTED"),
  reason(158, "Service backend not found", "SERVICE_BACKEND_NOT_FOUND"),
  reason(159),
  reason(160, "No tunnel/encapsulation endpoint (datapath BUG!)", "NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT"),
  reason(161, "NAT 46/64 not enabled", "FAILED_TO_INSERT_INTO_PROXYMAP"),
  reason(162, "Reached EDT rate-limiting drop horizon", "REACHED_EDT_RATE_LIMITING_DROP_HORIZON"),
  reason(163, "Unknown connection tracking state", "UNKNOWN_CONNECTION_TRACKING_STATE"),
  reason(164, "Local host is unreachable", "LOCAL_HOST_IS_UNREACHABLE"),
  reason(165, "No configuration available to perform policy decision", "NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION"),
  reason(166, "Unsupported L2 protocol", "UNSUPPORTED_L2_PROTOCOL"),
  reason(167, "No mapping for NAT masquerade", "NO_MAPPING_FOR_NAT_MASQUERADE"),
  reason(168, "Unsupported protocol for NAT masquerade", "UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE"),
  reason(169, "FIB lookup failed", "FIB_LOOKUP_FAILED"),
  reason(170, "Encapsulation traffic is prohibited", "ENCAPSULATION_TRAFFIC_IS_PROHIBITED"),
  reason(171, "Invalid identity", "INVALID_IDENTITY"),
  reason(172, "Unknown sender", "UNKNOWN_SENDER"),
  reason(173, "NAT not needed", "NAT_NOT_NEEDED"),
  reason(174, "Is a ClusterIP", "IS_A_CLUSTERIP"),
  reason(175, "First logical datagram fragment not found", "FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND"),
  reason(176, "Forbidden ICMPv6 message", "FORBIDDEN_ICMPV6_MESSAGE"),
  reason(177, "Denied by LB src range check", "DENIED_BY_LB_SRC_RANGE_CHECK"),
  reason(178, "Socket lookup failed", "SOCKET_LOOKUP_FAILED"),
  reason(179, "Socket assign failed", "SOCKET_ASSIGN_FAILED"),
  reason(180, "Proxy redirection not supported for protocol", "PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL"),
  reason(181, "Policy denied by denylist", "POLICY_DENY"),
  reason(182, "VLAN traffic disallowed by VLAN filter", "VLAN_FILTERED"),
  reason(183, "Incorrect VNI from VTEP", "INVALID_VNI"),
  reason(184, "Failed to update or lookup TC buffer", "INVALID_TC_BUFFER"),
  reason(185, "No SID was found for the IP address", "NO_SID"),
  reason(186, "SRv6 state was removed during tail call", "MISSING_SRV6_STATE"),
  reason(187, "L3 translation from IPv4 to IPv6 failed (NAT46)", "NAT46"),
  reason(188, "L3 translation from IPv6 to IPv4 failed (NAT64)", "NAT64"),
  reason(189, "Authentication required", "AUTH_REQUIRED"),
  reason(190, "No conntrack map found", "CT_NO_MAP_FOUND"),
  reason(191, "No nat map found", "SNAT_NO_MAP_FOUND"),
  reason(192, "Invalid ClusterID", "INVALID_CLUSTER_ID"),
  reason(193, "Unsupported packet protocol for DSR encapsulation", "UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP"),
  reason(194, "No egress gateway found", "NO_EGRESS_GATEWAY"),
  reason(195, "Traffic is unencrypted", "UNENCRYPTED_TRAFFIC"),
  reason(196, "TTL exceeded", "TTL_EXCEEDED"),
  reason(197, "No node ID found", "NO_NODE_ID"),
  reason(198, "Rate limited", "DROP_RATE_LIMITED"),
  reason(199, "IGMP handled", "IGMP_HANDLED"),
  reason(200, "IGMP subscribed", "IGMP_SUBSCRIBED"),
  reason(201, "Multicast handled", "MULTICAST_HANDLED"),
  reason(202, "Host datapath not ready", "DROP_HOST_NOT_READY"),
  reason(203, "Endpoint policy program not available", "DROP_EP_NOT_READY"),
  reason(204, "No Egress IP configured", "DROP_NO_EGRESS_IP"),
  reason(205, "Punt to proxy", "DROP_PUNT_PROXY"),
  reason(206, undefined, "DROP_NO_DEVICE"),
];

/** Codes below 130 in metrics and events: forwarded packets and statistics, not drops. */
export const FORWARD_REASONS: readonly DropReason[] = [
  reason(0, "Success"),
  reason(2, "Invalid packet"),
  reason(3, "Interface"),
  reason(4, "Interface Decrypted"),
  reason(5, "LB, sock cgroup: No backend slot entry found"),
  reason(6, "LB, sock cgroup: No backend entry found"),
  reason(7, "LB, sock cgroup: Reverse entry update failed"),
  reason(8, "LB, sock cgroup: Reverse entry stale"),
  reason(9, "Fragmented packet"),
  reason(10, "Fragmented packet entry update failed"),
  reason(11, "Missed tail call to custom program"),
];

const BY_CODE = new Map([...FORWARD_REASONS, ...DROP_REASONS].map((entry) => [entry.code, entry]));

/** The reason with that positive code. */
export function dropReason(code: number): DropReason | undefined {
  return BY_CODE.get(code);
}

/** Text of a drop as monitors print it: with the extra error when that is not zero (`CT: Map insertion failed, -16`). */
export function dropText(code: number, extError = 0): string {
  const text = BY_CODE.get(code)?.text ?? String(code);
  return extError === 0 ? text : `${text}, ${extError}`;
}

// The reasons that the modelled programs give, as they return them.
export const DROP_INVALID_SIP = -132;
export const DROP_POLICY = -133;
export const DROP_INVALID = -134;
export const DROP_FRAG_NEEDED = -136;
export const DROP_CT_UNKNOWN_PROTO = -137;
export const DROP_UNKNOWN_L3 = -139;
export const DROP_UNKNOWN_L4 = -142;
export const DROP_UNROUTABLE = -151;
export const DROP_CSUM_L4 = -154;
export const DROP_CT_CREATE_FAILED = -155;
export const DROP_FRAG_NOSUPPORT = -157;
export const DROP_NO_SERVICE = -158;
/** Not TCP, UDP or SCTP: no service can match. Internal, never a drop. */
export const DROP_UNSUPP_SERVICE_PROTO = -159;
export const DROP_NO_TUNNEL_ENDPOINT = -160;
export const DROP_EDT_HORIZON = -162;
export const DROP_UNKNOWN_CT = -163;
export const DROP_NAT_NO_MAPPING = -167;
export const DROP_NAT_UNSUPP_PROTO = -168;
export const DROP_NO_FIB = -169;
export const DROP_ENCAP_PROHIBITED = -170;
export const DROP_INVALID_IDENTITY = -171;
/** Internal: the stack shall handle the packet untranslated; never a drop. */
export const NAT_PUNT_TO_STACK = -173;
export const DROP_IS_CLUSTER_IP = -174;
export const DROP_FRAG_NOT_FOUND = -175;
export const DROP_NOT_IN_SRC_RANGE = -177;
export const DROP_POLICY_DENY = -181;
export const DROP_POLICY_AUTH_REQUIRED = -189;
export const DROP_NO_EGRESS_GATEWAY = -194;
export const DROP_TTL_EXCEEDED = -196;
export const DROP_EP_NOT_READY = -203;
export const DROP_NO_EGRESS_IP = -204;
