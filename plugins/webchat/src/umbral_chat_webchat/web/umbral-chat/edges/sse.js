// The edge `sse`: one response that does not end, read by fetch, so that the token travels in a header.

import { Unreachable } from "../errors.js";
import { SseParser } from "../sse-parser.js";
import { endingOf, entryInput, OPENING } from "./edge.js";

/** @import { Edge, EdgeContext, Ending } from "./edge.js" */
/** @import { StreamEvent } from "../sse-parser.js" */

/** So many heartbeats may be missing before the stream counts as dead. */
const HEARTBEATS = 3;

/** @type {Ending} */
const MALFORMED = { code: "malformed_event", reconnect: "now", faulty: true, detail: "The stream has an event that no service sends." };

/** @type {Edge} */
export async function sse(context, offer, signal) {
  const { env, http, merge, waker } = context;
  const heartbeat = Number(offer.parameters?.heartbeat_ms ?? 15_000);
  const silent = new AbortController();
  const abort = () => silent.abort();
  let received = env.now();
  let limit = OPENING;
  /** @type {any} */
  let timer;
  const watch = () => {
    env.clearTimeout(timer);
    timer = env.setTimeout(abort, limit);
  };
  signal.addEventListener("abort", abort);
  // After sleep and on another network the old connection may never say that it is dead.
  const off = waker.on((why) => (why === "online" || (why !== "offline" && env.now() - received > 1.5 * heartbeat)) && abort());
  watch();
  try {
    signal.throwIfAborted();
    const response = await http.open("GET", "", {
      url: offer.url,
      query: { after: merge.cursor },
      headers: { Accept: "text/event-stream" },
      signal: silent.signal,
    });
    if (response.status === 204 || !response.body)
      return { code: "realtime_off", reconnect: "poll", detail: "Realtime is switched off." };
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream"))
      return { code: "no_event_stream", reconnect: "now", faulty: true, detail: "The answer is no event stream." };
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Unreachable("the stream ended without a status");
      received = env.now();
      watch();
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        const ending = dispatch(context, event, () => (limit = HEARTBEATS * heartbeat));
        if (ending) return { ...(parser.retry === null ? {} : { retryMs: parser.retry }), ...ending };
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (silent.signal.aborted) throw new Unreachable("the stream was silent", error);
    if (error instanceof TypeError) throw new Unreachable("the stream was cut off", error); // how fetch says it
    throw error;
  } finally {
    off();
    env.clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    silent.abort();
  }
}

/**
 * @param {EdgeContext} context @param {StreamEvent} event @param {() => void} open
 * @returns {Ending | null}
 */
function dispatch(context, { event, data, id }, open) {
  if (event !== "entry" && event !== "signal" && event !== "status") return null; // of a newer service
  const value = object(data);
  if (value === null) return MALFORMED;
  if (event === "entry") {
    const input = entryInput(value, id);
    if (input === null) return MALFORMED;
    context.take(input);
  } else if (event === "signal") context.take({ type: "signal", signal: value });
  else {
    if (value.state === "closed") return endingOf(value);
    open();
    context.opened(value);
  }
  return null;
}

/** The JSON object in an event; null: it is none. @param {string} data @returns {any} */
function object(data) {
  try {
    const value = JSON.parse(data);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
