// What an edge is: a thin shell that carries the service's frames to the merge, until it ends and says why.

import { parseCursor } from "../cursor.js";

/** @import { Environment, Offer } from "../../umbral-chat.d.ts" */
/** @import { Http } from "../http.js" */
/** @import { Input, Merge } from "../merge.js" */
/** @import { Tokens } from "../tokens.js" */
/** @import { Waker } from "../waker.js" */

/**
 * Why an edge ended, and what to do: `now` (after `retryMs`), with a token that is `renew`ed, by `poll`, or `never`.
 * `faulty`: the edge itself does not work here, another one may.
 *
 * @typedef {{code: string, reconnect: "now" | "renew" | "poll" | "never", retryMs?: number, spread?: boolean,
 *   detail?: string, faulty?: boolean}} Ending
 */

/**
 * What polls found: whether there were entries that no push had brought, and the mode of the service.
 *
 * @typedef {{news: boolean, mode: string | null}} Reading
 */

/**
 * @typedef {object} EdgeContext
 * @property {Environment} env
 * @property {Http} http
 * @property {Tokens} tokens
 * @property {Waker} waker
 * @property {Merge} merge read only: the cursor to go on from, and the versions that are known
 * @property {string} conversation
 * @property {any} supabase
 * @property {(input: Input) => void} take feeds the merge
 * @property {(about: {mode?: string, stale_since?: string | null}) => void} opened it works; again when one of these changed
 * @property {(pushed: boolean) => Promise<Reading>} read reads by polls what follows the cursor
 * @property {() => Promise<Offer | undefined>} offered asks `connect` again what it offers of this edge
 */

/**
 * Runs until the connection ends or is aborted. Rejects with `Problem` and `Unreachable`.
 *
 * @typedef {(context: EdgeContext, offer: Offer, signal: AbortSignal) => Promise<Ending>} Edge
 */

/**
 * What the merge takes of an entry that was pushed; null: it is none, or not the one that the cursor stands behind. Something
 * on the way changes what it should pass on, so that another edge is better.
 *
 * @param {any} entry @param {unknown} cursor
 * @returns {Input | null}
 */
export function entryInput(entry, cursor) {
  const sound = typeof entry?.kind === "string" && Number.isSafeInteger(entry.seq) && typeof cursor === "string";
  return sound && parseCursor(cursor).seq === entry.seq ? { type: "entry", entry, cursor } : null;
}

/** Milliseconds from the first byte to the first status: a proxy that holds everything back is found out. */
export const OPENING = 10_000;

/** Codes that say that this edge is refused, not the client. */
const OF_THE_EDGE = new Set(["origin_refused", "invalid_frame", "unknown_type", "auth_timeout"]);

/**
 * The ending that a status of the service with `state: "closed"` means.
 *
 * @param {Record<string, any>} status
 * @returns {Ending}
 */
export function endingOf({ code, reconnect, retry_ms, detail }) {
  const known = ["now", "renew", "poll", "never"].includes(reconnect) ? reconnect : "now";
  return {
    code: String(code),
    reconnect: known,
    detail: detail ?? "",
    ...(retry_ms ? { retryMs: Number(retry_ms) } : {}),
    // The instance that stops has drawn a time for each connection; reconnects spread over the window.
    ...(code === "draining" ? { spread: true } : {}),
    ...(OF_THE_EDGE.has(code) ? { faulty: true } : {}),
  };
}
