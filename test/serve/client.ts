/** A gRPC client of Hubble's API for tests: what the stock client calls, as promises. */
import { create, type DescService, type MessageInitShape } from "@bufbuild/protobuf";
import { credentials, makeGenericClientConstructor, type ChannelCredentials, type ClientReadableStream, type ServiceError } from "@grpc/grpc-js";
import { Health, HealthCheckRequestSchema, type HealthCheckResponse } from "../../src/hubble/proto/health_pb.js";
import {
  GetAgentEventsRequestSchema,
  GetDebugEventsRequestSchema,
  GetFlowsRequestSchema,
  GetNamespacesRequestSchema,
  GetNodesRequestSchema,
  Observer,
  ServerStatusRequestSchema,
  type GetAgentEventsResponse,
  type GetFlowsResponse,
  type GetNamespacesResponse,
  type GetNodesResponse,
  type ServerStatusResponse,
} from "../../src/hubble/proto/observer_pb.js";
import { NotifyRequestSchema, Peer, type ChangeNotification } from "../../src/hubble/proto/peer_pb.js";
import { serviceDefinition } from "../../src/hubble/server/service.js";

type Request = MessageInitShape<typeof GetFlowsRequestSchema>;

interface Methods {
  readonly [method: string]: (...args: unknown[]) => unknown;
}

export class HubbleClient {
  readonly #observer: Methods;
  readonly #health: Methods;
  readonly #peer: Methods;

  constructor(address: string, channel: ChannelCredentials = credentials.createInsecure()) {
    const connect = (service: DescService): Methods => {
      const Client = makeGenericClientConstructor(serviceDefinition(service), service.typeName);
      return new Client(address, channel) as unknown as Methods;
    };
    this.#observer = connect(Observer);
    this.#health = connect(Health);
    this.#peer = connect(Peer);
  }

  stream(request: Request): ClientReadableStream<GetFlowsResponse> {
    return this.#observer["getFlows"]!(create(GetFlowsRequestSchema, request)) as ClientReadableStream<GetFlowsResponse>;
  }

  /** Everything until the server ends the stream; rejects with the server's error. */
  async flows(request: Request): Promise<GetFlowsResponse[]> {
    return await collect(this.stream(request));
  }

  async status(): Promise<ServerStatusResponse> {
    return await unary<ServerStatusResponse>(this.#observer, "serverStatus", create(ServerStatusRequestSchema));
  }

  async nodes(): Promise<GetNodesResponse> {
    return await unary<GetNodesResponse>(this.#observer, "getNodes", create(GetNodesRequestSchema));
  }

  async namespaces(): Promise<GetNamespacesResponse> {
    return await unary<GetNamespacesResponse>(this.#observer, "getNamespaces", create(GetNamespacesRequestSchema));
  }

  async agentEvents(request: MessageInitShape<typeof GetAgentEventsRequestSchema> = {}): Promise<GetAgentEventsResponse[]> {
    const stream = this.#observer["getAgentEvents"]!(create(GetAgentEventsRequestSchema, request));
    return await collect(stream as ClientReadableStream<GetAgentEventsResponse>);
  }

  async debugEvents(): Promise<unknown[]> {
    return await collect(this.#observer["getDebugEvents"]!(create(GetDebugEventsRequestSchema)) as ClientReadableStream<unknown>);
  }

  async health(service: string): Promise<HealthCheckResponse> {
    return await unary<HealthCheckResponse>(this.#health, "check", create(HealthCheckRequestSchema, { service }));
  }

  peers(): ClientReadableStream<ChangeNotification> {
    return this.#peer["notify"]!(create(NotifyRequestSchema)) as ClientReadableStream<ChangeNotification>;
  }

  close(): void {
    for (const client of [this.#observer, this.#health, this.#peer]) client["close"]!();
  }
}

async function unary<Response>(client: Methods, method: string, request: unknown): Promise<Response> {
  return await new Promise((resolve, reject) => {
    client[method]!(request, (error: ServiceError | null, response: Response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

async function collect<Response>(stream: ClientReadableStream<Response>): Promise<Response[]> {
  return await new Promise((resolve, reject) => {
    const responses: Response[] = [];
    stream.on("data", (response: Response) => responses.push(response));
    stream.on("end", () => resolve(responses));
    stream.on("error", reject);
  });
}
