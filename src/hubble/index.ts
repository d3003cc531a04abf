/** `ctlab/hubble`: Hubble's messages for whoever reads or writes flows. */
export { fromProtoJson, protoJson } from "./json.js";
export * from "./proto/flow_pb.js";
export * from "./proto/health_pb.js";
export * from "./proto/observer_pb.js";
export { file_peer, type ChangeNotification, ChangeNotificationSchema, ChangeNotificationType, NotifyRequestSchema, Peer } from "./proto/peer_pb.js";
export * from "./proto/relay_pb.js";
