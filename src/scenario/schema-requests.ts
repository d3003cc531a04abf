/** What a scenario says about requests and questions: their size, and what they say to whoever reads them. */

import { z } from "zod";
import { address } from "./names.js";
import { text, whole } from "./quantities.js";
import { distribution } from "./schema-distribution.js";

const PAYLOAD_MAX = 1024 ** 3;
/** `RES_MAXNDOTS` of glibc's resolver. */
const DOTS_MAX = 15;
/** Final statuses of HTTP. */
const STATUS_MIN = 200;
const STATUS_MAX = 599;
/** RFC 1035, with the underscores of service records. */
const NAME_ASKED = /^[a-z0-9_]([a-z0-9_-]*)(\.[a-z0-9_][a-z0-9_-]*)*$/;

export const requestFields = {
  requestBytes: whole(0, PAYLOAD_MAX).prefault(256).describe("Payload of a request."),
  responseBytes: whole(0, PAYLOAD_MAX).prefault(1024).describe("Payload of an answer."),
  serverTime: distribution().prefault("1ms").describe("From the request's arrival to the answer."),
};

export const http = z
  .strictObject({
    method: text({ form: "a method such as GET", pattern: /^[A-Z]{1,20}$/, examples: ["GET", "POST"] }).prefault("GET"),
    path: text({ form: "a path such as /items?page=2", pattern: /^\/[A-Za-z0-9._~!$&'()*+,;=:@\/?%-]*$/, examples: ["/", "/items?page=2"] }).prefault("/"),
    host: text({ form: "a host, with its port if it has one", pattern: /^[a-z0-9.-]+(:\d{1,5})?$/, examples: ["cart.shop", "api.example.com:8080"] })
      .optional()
      .describe("Host header; without it the service's name in the cluster, or the address."),
    status: whole(STATUS_MIN, STATUS_MAX).prefault(200).describe("Status of the answers."),
  })
  .prefault({})
  .describe("What requests and answers say to an L7 proxy that reads them (policies with l7: http).");

export const dns = z
  .strictObject({
    ndots: whole(0, DOTS_MAX).prefault(5).describe("Names with fewer dots are tried with the search domains first."),
    search: whole(0, DOTS_MAX).prefault(3).describe("Search domains."),
    dots: whole(0, DOTS_MAX).prefault(1).describe("Dots in the name."),
    foundAt: whole(0, DOTS_MAX).prefault(0).describe("Which candidate exists: the name itself (0) or the n-th search domain."),
    name: text({ form: "a name such as api.example.com", pattern: NAME_ASKED, examples: ["api.example.com", "cart"] })
      .optional()
      .describe("The name, with as many dots as `dots` says; flows of the DNS proxy show it. Without it they show a placeholder."),
    address: address().optional().describe("Address that the name has, in answers that the DNS proxy sees."),
  })
  .describe("How a name is looked up.");
