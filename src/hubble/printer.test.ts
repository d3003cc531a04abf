import { describe, expect, it } from "vitest";
import { fromProtoJson } from "./json.js";
import { FlowPrinter, PRINTER_DEFAULTS, type PrinterOptions } from "./printer.js";
import { GetFlowsResponseSchema } from "./proto/observer_pb.js";

function print(options: Partial<PrinterOptions>, ...responses: object[]): { readonly out: string; readonly err: string } {
  let out = "";
  let err = "";
  const printer = new FlowPrinter({ ...PRINTER_DEFAULTS, ...options }, { out: (text) => void (out += text), err: (text) => void (err += text) });
  for (const response of responses) printer.print(fromProtoJson(GetFlowsResponseSchema, response as never));
  printer.close();
  return { out, err };
}

const time = "2025-07-29T03:24:25.572Z";
const flow = (more: object = {}) => ({
  flow: {
    time,
    verdict: "DROPPED",
    IP: { source: "fd00::1", destination: "10.0.0.2" },
    l4: { TCP: { source_port: 1, destination_port: 80 } },
    source: { identity: 9 },
    event_type: { type: 1, sub_type: 198 },
    Summary: "TCP",
    ...more,
  },
  node_name: "n",
  time,
});
const lost = { lost_events: { source: "HUBBLE_RING_BUFFER", num_events_lost: "7", cpu: 3 }, node_name: "n", time };
const failure = { node_status: { state_change: "NODE_ERROR", node_names: ["a", "b"], message: 'no "route"\n' }, node_name: "relay", time };

describe("FlowPrinter", () => {
  it("knows newer names as a newer client only", () => {
    expect(print({}, flow()).out).toBe("Jul 29 03:24:25.572: [fd00::1]:1 (ID:9) <> 10.0.0.2:80 (unknown) 198, 0 DROPPED (TCP)\n");
    expect(print({ release: "latest" }, flow()).out).toBe("Jul 29 03:24:25.572: [fd00::1]:1 (world-ipv4) <> 10.0.0.2:80 (unknown) Rate limited DROPPED (TCP)\n");
    const trace = flow({ event_type: { type: 4, sub_type: 12 } });
    expect(print({}, trace).out).toContain(" 12 DROPPED");
    expect(print({ release: "latest" }, trace).out).toContain(" from-crypto DROPPED");
  });

  it("codes and points are bytes", () => {
    expect(print({}, flow({ event_type: { type: 1, sub_type: 256 + 155 } })).out).toContain(" CT: Map insertion failed DROPPED");
    expect(print({}, flow({ event_type: { type: 4, sub_type: -1 } })).out).toContain(" 255 DROPPED");
  });

  it("paints, but not tables", () => {
    expect(print({ color: true }, flow({ auth_type: "SPIRE" })).out).toBe(
      "Jul 29 03:24:25.572: \u001b[36m[fd00::1]:\u001b[33m1\u001b[0m\u001b[0m \u001b[35m(ID:9)\u001b[0m <> " +
        "\u001b[36m10.0.0.2:\u001b[33m80\u001b[0m\u001b[0m \u001b[35m(unknown)\u001b[0m 198, 0 \u001b[31mDROPPED\u001b[0m (TCP; Auth: \u001b[32mSPIRE\u001b[0m)\n",
    );
    expect(print({ color: true, output: "table" }, flow()).out).not.toContain("\u001b");
  });

  it("says errors of nodes in every format", () => {
    expect(print({}, failure)).toEqual({ out: "", err: 'Jul 29 03:24:25.572 [relay]: Error "no \\"route\\"\\n" on 2 nodes: a, b\n' });
    expect(print({ output: "dict" }, failure, flow())).toEqual({
      out: "------------\n" + print({ output: "dict" }, flow()).out,
      err: '  TIMESTAMP: Jul 29 03:24:25.572\n      STATE: NODE_ERROR\n      NODES: a, b\n    MESSAGE: "no \\"route\\"\\n"\n',
    });
    expect(print({ output: "jsonpb" }, failure).err).toMatch(/^\{"node_status":.*\}\n$/);
    expect(print({ output: "json-legacy" }, failure)).toEqual({ out: "", err: "" });
  });

  it("lost events are nothing to the recorded client, and lines to later ones", () => {
    expect(print({}, lost)).toEqual({ out: "", err: "" });
    expect(print({ debug: true }, lost).err).toBe("unknown response type: &{LostEvents:source:HUBBLE_RING_BUFFER num_events_lost:7 cpu:{value:3}}\n");
    const latest = { release: "latest" } as const;
    const spanned = { ...lost, lost_events: { ...lost.lost_events, first: time, last: time } };
    expect(print(latest, spanned).out).toBe(
      "Jul 29 03:24:25.572 EVENTS LOST: HUBBLE_RING_BUFFER CPU(3) 7 (first: Jul 29 03:24:25.572, last: Jul 29 03:24:25.572)\n",
    );
    expect(print({ ...latest, output: "dict", nodeName: true }, lost).out).toBe(
      "  TIMESTAMP: Jul 29 03:24:25.572\n       NODE: n\n     SOURCE: HUBBLE_RING_BUFFER\n       TYPE: EVENTS LOST\n    VERDICT: -\n    SUMMARY: CPU(3) - 7\n",
    );
    expect(print({ ...latest, output: "table" }, lost).out).toBe(
      "TIMESTAMP             SOURCE               DESTINATION   TYPE          VERDICT   SUMMARY\n" +
        "Jul 29 03:24:25.572   HUBBLE_RING_BUFFER   -             EVENTS LOST   -         CPU(3) - 7\n",
    );
    expect(print({ ...latest, output: "jsonpb" }, lost).out).toMatch(/^\{"lost_events":/);
  });

  it("prints nothing for a response without content", () => {
    expect(print({ debug: true }, { node_name: "n" })).toEqual({ out: "", err: "" });
  });
});
