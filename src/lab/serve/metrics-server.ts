/** An HTTP server with the metrics of a run: `/metrics` as scraped now, `/metrics.om` the whole series with time stamps. */
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import type { ListenAddress } from "../../hubble/server/address.js";
import { metricsPage, OPEN_METRICS_TYPE } from "./metrics-page.js";

export interface MetricsServer {
  readonly address: string;
  close(): Promise<void>;
}

/** `nowSeconds`: the moment of the run, seconds since 1970. Rejects when the address can't be had. */
export async function serveMetrics(path: string, listen: ListenAddress, nowSeconds: () => number): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/metrics.om") {
      response.writeHead(200, { "content-type": OPEN_METRICS_TYPE });
      createReadStream(path).pipe(response);
    } else if (pathname === "/metrics") {
      metricsPage(path, nowSeconds()).then(
        (page) => response.writeHead(200, { "content-type": OPEN_METRICS_TYPE }).end(page),
        (error: unknown) => response.writeHead(500).end(`${(error as Error).message}\n`),
      );
    } else {
      response.writeHead(404).end("/metrics: as scraped now; /metrics.om: the whole run\n");
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen.port, listen.host === "" ? undefined : listen.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : listen.port;
  return {
    address: listen.target.replace(/:\d+$/, `:${port}`),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
