/** What the store hands back of an event. */
import { expect, it } from "vitest";
import { FlowRow } from "../flow-row.js";
import { EventStore } from "./event-store.js";

/** The time is the store's own; how much was captured only the perf ring asks, before. */
const ELSEWHERE = ["timeNs", "captured"];

it("keeps every other number of a row", () => {
  const store = new EventStore();
  const row = new FlowRow();
  const fields = Object.entries(row).flatMap(([name, value]) => (typeof value === "number" && !ELSEWHERE.includes(name) ? [name] : []));
  fields.forEach((name, index) => Object.assign(row, { [name]: 1000 + index }));
  for (let word = 0; word < row.addresses.length; word++) row.addresses[word] = 1 + word;
  const slot = store.take();
  store.save(slot, row);
  const loaded = new FlowRow();
  store.load(slot, loaded);
  expect(fields.length).toBeGreaterThan(20);
  expect(loaded).toEqual(row);
});
