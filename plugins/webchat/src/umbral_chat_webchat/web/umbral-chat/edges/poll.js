// The edges `long_poll` and `poll`: one request after the other, which the service answers when there is something new,
// or at once.

/** @import { Edge, EdgeContext, Ending } from "./edge.js" */
/** @import { Offer } from "../../umbral-chat.d.ts" */

/** A long poll that is answered empty earlier than this, in milliseconds, was not held: the service stops, say. */
const EARLY = 500;

/** Shortest pause of a tab that nobody sees, in milliseconds. */
const HIDDEN = 10_000;

/** @type {Edge} */
export const longPoll = (context, offer, signal) => follow(context, offer, signal, Number(offer.parameters?.wait ?? 55));

/** @type {Edge} */
export const poll = (context, offer, signal) => follow(context, offer, signal, 0);

/**
 * @param {EdgeContext} context @param {Offer} offer @param {AbortSignal} signal
 * @param {number} longest seconds that a poll may wait
 * @returns {Promise<Ending>}
 */
async function follow(context, offer, signal, longest) {
  const { env, merge, waker } = context;
  let wait = 0; // the first one says at once whether it works, and what is missing
  let known = "";
  let etag = "";
  while (!signal.aborted) {
    const sent = env.now();
    const after = merge.cursor;
    const answer = await ask(context, offer, signal, wait, known === after ? etag : "");
    if (answer === null) continue;
    known = after;
    etag = answer.headers.get("ETag") ?? etag;
    let pause = Number(answer.headers.get("Poll-After-Ms") ?? 0);
    let quiet = true;
    if (answer.status !== 304) {
      context.take({ type: "answer", answer: answer.body, pushed: false });
      context.opened({ mode: answer.body.mode, stale_since: answer.body.stale_since ?? null });
      quiet = !answer.body.entries?.length && !answer.body.has_more;
      pause = answer.body.has_more ? 0 : answer.body.poll_after_ms;
    }
    if (wait === longest && longest > 0) pause = quiet && env.now() - sent < EARLY ? Math.min(Math.max(pause, 100), 5000) : 0;
    else if (longest > 0) pause = 0;
    else if (!env.visible()) pause = Math.max(pause, HIDDEN);
    wait = longest;
    if (pause > 0) await waker.wait(pause, signal);
  }
  return { code: "aborted", reconnect: "now" };
}

/**
 * One poll; null: it was given up because it may be dead, after sleep or a change of the network.
 *
 * @param {EdgeContext} context @param {Offer} offer @param {AbortSignal} signal @param {number} wait @param {string} etag
 */
async function ask({ http, merge, waker }, offer, signal, wait, etag) {
  const given = new AbortController();
  const abort = () => given.abort();
  signal.addEventListener("abort", abort);
  const off = waker.on((why) => (why === "sleep" || why === "online") && abort());
  try {
    return await http.call("GET", "", {
      url: offer.url,
      query: {
        after: merge.cursor,
        wait: wait || undefined,
        presence: merge.signals.presence?.version ?? "0",
        signals: merge.signals.version,
      },
      headers: etag ? { "If-None-Match": etag } : {},
      signal: given.signal,
      timeout: wait * 1000 + 15_000,
    });
  } catch (error) {
    if (given.signal.aborted && !signal.aborted) return null;
    throw error;
  } finally {
    off();
    signal.removeEventListener("abort", abort);
  }
}
