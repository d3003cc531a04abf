// Draws the outcome of every scenario of the library, one picture each: npm run build && node scripts/library-pictures.mjs [NAME…]
// Runs the scenarios that are named, or all, and writes scenarios/pictures/NAME.svg: a strip for each variant, all on one scale.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "scenarios", "pictures");

/** What tells the story: a column of the time series, or one figure for each variant. */
const map = (name, field) => (variant) => variant.maps.find((each) => each.name === name)[field];
const PICTURES = {
  "ct-exhaustion": { column: "syn_retransmitted", title: "SYNs sent again, each second" },
  "lru-live-eviction": { column: "drops_133", title: "SYN-ACKs dropped, each second" },
  "small-map-many-cpus": { figure: map("ct4_global", "evictionsLive"), title: "live entries evicted" },
  "gc-busy-inserts": { column: "drops_155", title: "inserts that met a locked bucket, each second" },
  "gc-deletes-live": { column: "drops", title: "packets of live connections dropped, each second" },
  "snat-port-exhaustion": { column: "drops_167", title: "packets without a port, each second" },
  "nat-pair-eviction": { figure: ({ counts }) => counts.connectionsBroken + counts.synRetransmitted, title: "connections broken, and SYNs sent again" },
  "nat-orphans": { column: "snat_v4_external_pressure", title: "share of the NAT map in use" },
  "gc-family-starvation": { column: "ct6_global_pressure", title: "share of ct6_global in use" },
  "sticky-service": { figure: ({ counts }) => counts.addedServersReached / counts.serversReached, title: "share of the load that the added pods get" },
  "map-resize": { column: "drops", title: "packets dropped, each second" },
  "dns-fills-any-map": { column: "ct_any4_global_pressure", title: "share of ct_any4_global in use" },
  "dns-backend-lag": { column: "queries_failed", title: "lookups that fail, each second" },
  "node-local-dns-restart": { column: "connections_broken", title: "connections reset, each second of an hour" },
  "maglev-backend-churn": { figure: ({ counts }) => counts.strayResets, title: "packets at a backend that does not know the connection" },
  "syn-flood-xdp": { column: "connections_broken", title: "customers' connections reset, each second" },
  "hubble-flow-loss": { column: "flows_read", title: "flows that Relay's client gets, each second" },
  "multi-tenant-deny": { column: "drops", title: "packets dropped at the border, each second" },
};

const WIDTH = 420;
const LABEL = 130;
const TITLE = 22;
const STRIP = 26;
const GAP = 6;
const CELLS = 140;

const names = process.argv.slice(2);
const files = readdirSync(join(root, "scenarios")).filter((file) => file.endsWith(".yaml"));
for (const name of names.length > 0 ? names : files.map((file) => file.replace(".yaml", ""))) {
  if (PICTURES[name] === undefined) throw new Error(`no picture is described for ${name}`);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, `${name}.svg`), draw(PICTURES[name], outcomeOf(name).variants));
  console.log(`scenarios/pictures/${name}.svg`);
}

function outcomeOf(name) {
  const folder = mkdtempSync(join(tmpdir(), "ctlab-pictures-"));
  try {
    const out = join(folder, name);
    const run = spawnSync(process.execPath, [join(root, "dist/main.js"), "run", `scenarios/${name}.yaml`, "--quiet", "--out", out], { cwd: root });
    if (run.status !== 0) throw new Error(`${name} ended with ${run.status}: ${run.stderr}`);
    return JSON.parse(readFileSync(join(out, "summary.json"), "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function draw({ column, figure, title }, variants) {
  const rows = variants.map((variant) => ({
    name: variant.name,
    values: column === undefined ? [figure(variant)] : cells(variant.series.columns.find((each) => each.name === column)?.values ?? [0]),
  }));
  const highest = Math.max(...rows.flatMap(({ values }) => values)) || 1;
  const height = TITLE + rows.length * (STRIP + GAP);
  const strips = rows.map(({ name, values }, index) => strip(name, values, highest, TITLE + index * (STRIP + GAP), column === undefined));
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    "<style>text{font:11px sans-serif;fill:#57606a}.base{stroke:#d0d7de}.area{fill:#cf222e}" +
      "@media(prefers-color-scheme:dark){text{fill:#9198a1}.base{stroke:#3d444d}.area{fill:#f85149}}</style>",
    `<text x="0" y="13">${title}${column === undefined ? "" : "; at the right its peak"}</text>`,
    ...strips,
    "</svg>",
  ].join("\n")}\n`;
}

/** The highest value of each cell. */
function cells(values) {
  if (values.length <= CELLS) return values;
  return Array.from({ length: CELLS }, (_, i) => {
    const [from, to] = [Math.floor((i * values.length) / CELLS), Math.floor(((i + 1) * values.length) / CELLS)];
    return Math.max(...values.slice(from, to));
  });
}

function strip(name, values, highest, top, isFigure) {
  const bottom = top + STRIP;
  const width = WIDTH - LABEL - 60;
  const most = Math.max(...values);
  const label = `<text x="0" y="${bottom - 8}">${name}</text><text x="${LABEL + width + 6}" y="${bottom - 8}">${text(most)}</text>`;
  const base = `<line class="base" x1="${LABEL}" y1="${bottom}" x2="${LABEL + width}" y2="${bottom}"/>`;
  if (isFigure) return `${label}${base}<rect class="area" x="${LABEL}" y="${top + 6}" width="${round((width * most) / highest)}" height="${STRIP - 10}"/>`;
  const step = width / values.length;
  const path = values.map((value, i) => `H${round(LABEL + i * step)}V${round(bottom - ((STRIP - 2) * value) / highest)}`).join("");
  return `${label}${base}<path class="area" d="M${LABEL} ${bottom}${path}H${LABEL + width}V${bottom}Z"/>`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

/** Shares as percentages, counts with their thousands. */
function text(value) {
  if (value !== 0 && value < 1.001 && !Number.isInteger(value)) return `${Math.round(value * 100)} %`;
  return value === 0 ? "none" : String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}
