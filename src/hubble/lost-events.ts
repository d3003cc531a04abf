/** Lost events as clients from 1.16 on print them, and as 0.12.3 mentions them when it is told to debug. */
import { enumText } from "./flow-parts.js";
import { LostEventSourceSchema, type LostEvent } from "./proto/flow_pb.js";
import { formatTime, type TimeLayout } from "./times.js";

export function lostSource({ source }: LostEvent): string {
  return enumText(LostEventSourceSchema, source);
}

/** `CPU(0)`, a separator, the number, and the times of the first and the last one when both are known. */
export function lostSummary({ cpu, numEventsLost, first, last }: LostEvent, separator: string, layout: TimeLayout): string {
  const span = first === undefined || last === undefined ? "" : ` (first: ${formatTime(layout, first)}, last: ${formatTime(layout, last)})`;
  return `CPU(${cpu ?? 0})${separator}${numEventsLost}${span}`;
}

/** Go's text form of the message. Its library puts one blank or two between fields, by build; here it is one. */
export function lostGoText({ source, numEventsLost, cpu }: LostEvent): string {
  return [
    ...(source === 0 ? [] : [`source:${enumText(LostEventSourceSchema, source)}`]),
    ...(numEventsLost === 0n ? [] : [`num_events_lost:${numEventsLost}`]),
    ...(cpu === undefined ? [] : [cpu === 0 ? "cpu:{}" : `cpu:{value:${cpu}}`]),
  ].join(" ");
}
