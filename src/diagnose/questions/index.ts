/** All questions, in the order in which they are asked. */
import type { Question } from "../question.js";
import { DROP_QUESTIONS } from "./drops.js";
import { MAP_QUESTIONS } from "./maps.js";
import { NAT_QUESTIONS } from "./nat.js";
import { PEER_QUESTIONS } from "./peers.js";

export const QUESTIONS: readonly Question[] = [...DROP_QUESTIONS, ...MAP_QUESTIONS, ...NAT_QUESTIONS, ...PEER_QUESTIONS];
