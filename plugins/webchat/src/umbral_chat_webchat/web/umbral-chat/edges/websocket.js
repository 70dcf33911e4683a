// The edge `websocket`: one socket, which authenticates in its first frame and subscribes to the conversation.

import { Problem, Unreachable } from "../errors.js";
import { endingOf, entryInput, OPENING } from "./edge.js";

/** @import { Edge, EdgeContext, Ending } from "./edge.js" */

/** A pong may take so long, in milliseconds; after sleep, when the socket is doubted, less. */
const PONG = 10_000;
const PONG_IN_DOUBT = 4_000;

/** A token is renewed this long before it expires, in milliseconds, or at half of its life. */
const RENEW_BEFORE = 60_000;

/**
 * What a close code means where no status came before it.
 *
 * @type {Record<number, {code: string, reconnect: Ending["reconnect"], faulty?: boolean}>}
 */
const CLOSED = {
  4001: { code: "draining", reconnect: "now" },
  4002: { code: "slow_consumer", reconnect: "now" },
  4003: { code: "rebalance", reconnect: "now" },
  4400: { code: "invalid_frame", reconnect: "never", faulty: true },
  4401: { code: "token_expired", reconnect: "renew" },
  4403: { code: "forbidden", reconnect: "never" },
  4408: { code: "auth_timeout", reconnect: "now", faulty: true },
  4409: { code: "realtime_off", reconnect: "poll" },
  4429: { code: "too_many_streams", reconnect: "now" },
  4503: { code: "unavailable", reconnect: "now" },
};

/** @type {Edge} */
export async function websocket(context, offer, signal) {
  const token = await context.tokens.current();
  signal.throwIfAborted();
  const socket = new Socket(context, offer, signal, token);
  return socket.ended;
}

class Socket {
  #context;
  #socket;
  #pingMs;
  /** @type {Ending | null} the service's own word about the end */
  #ending = null;
  #opened = false;
  /** @type {Record<string, any>} by name */
  #timers = {};
  #off;
  /** @type {{resolve: (ending: Ending) => void, reject: (error: Error) => void} | null} */
  #settle = null;
  #token;
  #aborted = () => this.#finish({ code: "aborted", reconnect: "now" });
  #signal;

  /**
   * @param {EdgeContext} context @param {import("../../umbral-chat.d.ts").Offer} offer @param {AbortSignal} signal
   * @param {string | null} token
   */
  constructor(context, offer, signal, token) {
    const { env, http, waker } = context;
    if (!env.WebSocket) throw new Unreachable("there are no WebSockets here");
    this.#context = context;
    this.#signal = signal;
    this.#token = token;
    this.#pingMs = Number(offer.parameters?.ping_ms ?? 25_000);
    /** @type {Promise<Ending>} */
    this.ended = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    const socket = (this.#socket = new env.WebSocket(http.resolve(offer.url).replace(/^http/i, "ws")));
    socket.onopen = () => this.#send({ type: "auth", token });
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#closed(code);
    socket.onerror = () => {}; // a close follows, which says as much
    signal.addEventListener("abort", this.#aborted);
    this.#off = waker.on((why) => (why === "sleep" || why === "online" || why === "visible") && this.#ping(PONG_IN_DOUBT));
    this.#after("opening", OPENING, () => this.#finish(new Unreachable("the socket did not open in time")));
  }

  /** @param {unknown} data */
  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(String(data));
    } catch (error) {
      return this.#finish(new Unreachable("a frame is no JSON", error));
    }
    const { take, opened, conversation } = this.#context;
    const mine = frame.conversation === undefined || frame.conversation === conversation;
    if (frame.type === "entry" && mine) {
      const input = entryInput(frame.entry, frame.cursor);
      if (input === null) return this.#finish(new Unreachable("a frame is no entry"));
      take(input);
    } else if (frame.type === "signal" && mine) take({ type: "signal", signal: frame.signal });
    else if (frame.type === "status" && mine) {
      if (frame.status.state === "closed") return this.#over(frame);
      this.#cancel("opening");
      this.#opened = true;
      opened(frame.status);
    } else if (frame.type === "ready") this.#ready(frame);
    else if (frame.type === "pong") this.#cancel("pong");
    else if (frame.type === "error" && frame.id === "subscribe") this.#finish(new Problem(frame.error.status, frame.error, frame.error.retry_after ?? null));
    else if (frame.type === "result" && frame.id === "renew") this.#renewLater(frame.result?.expires_at);
  }

  /** @param {{expires_at?: string, ping_ms?: number}} ready */
  #ready({ expires_at, ping_ms }) {
    const { conversation, merge } = this.#context;
    this.#pingMs = ping_ms ?? this.#pingMs;
    this.#send({ type: "subscribe", id: "subscribe", conversation, after: merge.cursor });
    this.#after("ping", this.#pingMs, () => this.#ping(PONG));
    this.#renewLater(expires_at);
  }

  /** @param {number} patience milliseconds */
  #ping(patience) {
    if (!this.#opened || "pong" in this.#timers) return;
    this.#send({ type: "ping" });
    this.#after("pong", patience, () => this.#finish(new Unreachable("the socket is silent")));
    this.#after("ping", this.#pingMs, () => this.#ping(PONG));
  }

  /** @param {string | undefined} expires */
  #renewLater(expires) {
    const { env, tokens } = this.#context;
    if (!expires || !tokens.renewable) return;
    const left = Date.parse(expires) - env.now();
    // A timer's longest time is 2^31 - 1 milliseconds.
    this.#after("renew", Math.min(Math.max(left - RENEW_BEFORE, left / 2, 1000), 2 ** 31 - 1), () => void this.#renew());
  }

  /** A token that cannot be had ends the connection when the old one expires, with a status that says so. */
  async #renew() {
    try {
      this.#token = await this.#context.tokens.renew(this.#token);
      this.#send({ type: "renew", id: "renew", token: this.#token });
    } catch {
      this.#after("renew", RENEW_BEFORE / 2, () => void this.#renew());
    }
  }

  /** @param {{conversation?: string, status: Record<string, any>}} frame */
  #over(frame) {
    this.#ending = endingOf(frame.status);
    if (frame.conversation !== undefined) this.#finish(this.#ending); // else the service closes the socket by itself
    else this.#after("closing", PONG, () => this.#finish(this.#ending ?? new Unreachable("closing")));
  }

  /** @param {number} code */
  #closed(code) {
    this.#finish(this.#ending ?? CLOSED[code] ?? new Unreachable(`the socket was closed (${code})`));
  }

  /** @param {Ending | Error} how */
  #finish(how) {
    const settle = this.#settle;
    if (!settle) return;
    this.#settle = null;
    for (const name of Object.keys(this.#timers)) this.#cancel(name);
    this.#off();
    this.#signal.removeEventListener("abort", this.#aborted);
    this.#socket.onmessage = this.#socket.onclose = this.#socket.onopen = null;
    this.#socket.close();
    if (how instanceof Error) settle.reject(how);
    else settle.resolve(how);
  }

  /** @param {Record<string, unknown>} frame */
  #send(frame) {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /** @param {string} name @param {number} ms @param {() => void} then */
  #after(name, ms, then) {
    this.#cancel(name);
    this.#timers[name] = this.#context.env.setTimeout(() => {
      delete this.#timers[name];
      then();
    }, ms);
  }

  /** @param {string} name */
  #cancel(name) {
    this.#context.env.clearTimeout(this.#timers[name]);
    delete this.#timers[name];
  }
}
