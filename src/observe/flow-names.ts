/** Names of what the datapath counts in numbers, as flows spell them: api/v1/flow/flow.proto. */

/** `flow.TraceObservationPoint` by the datapath's number. */
export const OBSERVATION_POINTS = [
  "TO_ENDPOINT",
  "TO_PROXY",
  "TO_HOST",
  "TO_STACK",
  "TO_OVERLAY",
  "FROM_ENDPOINT",
  "FROM_PROXY",
  "FROM_HOST",
  "FROM_STACK",
  "FROM_OVERLAY",
  "FROM_NETWORK",
  "TO_NETWORK",
  "FROM_CRYPTO",
  "TO_CRYPTO",
] as const;

/** `flow.SocketTranslationPoint`, by XLATE_*. */
export const SOCKET_POINTS = [
  "",
  "SOCK_XLATE_POINT_PRE_DIRECTION_FWD",
  "SOCK_XLATE_POINT_POST_DIRECTION_FWD",
  "SOCK_XLATE_POINT_PRE_DIRECTION_REV",
  "SOCK_XLATE_POINT_POST_DIRECTION_REV",
] as const;

/** `flow.TraceReason` by the datapath's number; 5 (unknown) is the zero value and left out. */
export const TRACE_REASONS = [
  "NEW",
  "ESTABLISHED",
  "REPLY",
  "RELATED",
  "REOPENED",
  "",
  "SRV6_ENCAP",
  "SRV6_DECAP",
  "ENCRYPT_OVERLAY",
] as const;
