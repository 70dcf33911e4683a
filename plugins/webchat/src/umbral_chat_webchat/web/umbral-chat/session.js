// One run of an edge, from the moment at which it is opened to its end.

import { direct } from "./edges/direct.js";
import { longPoll, poll } from "./edges/poll.js";
import { sse } from "./edges/sse.js";
import { websocket } from "./edges/websocket.js";

/** @import { EdgeName } from "../umbral-chat.d.ts" */
/** @import { Edge, EdgeContext, Ending } from "./edges/edge.js" */
/** @import { Rung } from "./ladder.js" */
/** @import { Input } from "./merge.js" */

/** @type {Record<EdgeName, Edge>} */
const EDGES = { direct, websocket, sse, long_poll: longPoll, poll };

/**
 * @typedef {object} Session
 * @property {Rung} rung
 * @property {AbortController} controller ends it
 * @property {Promise<boolean>} opened resolves to whether it was opened at all
 * @property {Promise<{ending: Ending | null, error: unknown}>} done
 * @property {number} since milliseconds since 1970
 */

/**
 * What a session reports while it lasts. `use`: it works, first and when something about it changed.
 *
 * @typedef {object} Reports
 * @property {(session: Session, input: Input) => void} feed
 * @property {(session: Session, about: {mode?: string, stale_since?: string | null}) => void} use
 */

/** Whether the service itself pushes signals on this edge. @param {EdgeName} edge */
export const isPushed = (edge) => edge === "websocket" || edge === "sse";

/**
 * @param {Rung} rung @param {Omit<EdgeContext, "take" | "opened">} parts @param {AbortSignal} signal ends it as well
 * @param {Reports} reports
 * @returns {Session}
 */
export function openSession(rung, parts, signal, { feed, use }) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  /** @type {(opened: boolean) => void} */
  let settle = () => {};
  const opened = /** @type {Promise<boolean>} */ (new Promise((resolve) => (settle = resolve)));
  const done = opened.then(() => ({ ending: null, error: null }));
  /** @type {Session} */
  const session = { rung, controller, opened, done, since: parts.env.now() };
  /** @type {EdgeContext} */
  const context = {
    ...parts,
    take: (input) => {
      if (!controller.signal.aborted) feed(session, input);
    },
    opened: (about) => {
      if (controller.signal.aborted) return;
      settle(true);
      use(session, about);
    },
  };
  session.done = EDGES[rung.edge](context, rung.offer, controller.signal)
    .then((ending) => ({ ending, error: null }))
    .catch((error) => ({ ending: null, error }))
    .finally(() => {
      settle(false);
      signal.removeEventListener("abort", abort);
    });
  return session;
}

/** Resolves when it is aborted. @param {AbortSignal} signal @returns {Promise<void>} */
export function aborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
