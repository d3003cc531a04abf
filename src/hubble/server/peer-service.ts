/** `peer.Peer`: how Relay and `hubble watch peers` learn of nodes. Those of a run are there from the start. */
import { create } from "@bufbuild/protobuf";
import type { ServerWritableStream, UntypedServiceImplementation } from "@grpc/grpc-js";
import { ChangeNotificationSchema, ChangeNotificationType, type ChangeNotification, type NotifyRequest } from "../proto/peer_pb.js";
import type { FlowHub } from "./flow-hub.js";

/** `ending`: streams end with the server. */
export function peerService(hub: FlowHub, address: () => string, ending: AbortSignal): UntypedServiceImplementation {
  return {
    notify: (call: ServerWritableStream<NotifyRequest, ChangeNotification>) => {
      for (const { name } of hub.nodes) {
        call.write(create(ChangeNotificationSchema, { name, address: address(), type: ChangeNotificationType.PEER_ADDED }));
      }
      const end = (): void => void call.end();
      ending.addEventListener("abort", end, { once: true });
      call.once("cancelled", () => ending.removeEventListener("abort", end));
    },
  };
}
