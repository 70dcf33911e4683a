// What a person does besides sending: edits, redactions, typing, the read marker. Nothing of it outlives the page.

import { Backoff } from "./backoff.js";
import { described, isTransient, Problem } from "./errors.js";

/** @import { Environment, Metadata, Sender } from "../umbral-chat.d.ts" */
/** @import { Http } from "./http.js" */
/** @import { Waker } from "./waker.js" */

/** Typing is reported this often, in milliseconds: well within the time after which the service ends it (8 s). */
const TYPING = 4_000;

/** Read markers are gathered this long, in milliseconds: scrolling raises them often. */
const MARKER = 300;

/** Attempts of one call. */
const ATTEMPTS = 5;

export class Writes {
  #env;
  #http;
  #waker;
  #path;
  #sender;
  #receipts;
  #signal;
  #typedAt = -Infinity;
  #typingOff = false;
  /** What is to be reported. @type {boolean | null} */
  #typing = null;
  #reporting = false;
  #marker = 0;
  /** @type {any} */
  #timer = null;

  /**
   * @param {object} parts
   * @param {Environment} parts.env
   * @param {Http} parts.http
   * @param {Waker} parts.waker
   * @param {string} parts.path of the conversation
   * @param {Sender | undefined} parts.sender named in what is sent
   * @param {boolean | undefined} parts.receipts whether others see the read marker; undefined: as before
   * @param {AbortSignal} parts.signal ends everything
   */
  constructor({ env, http, waker, path, sender, receipts, signal }) {
    this.#env = env;
    this.#http = http;
    this.#waker = waker;
    this.#path = path;
    this.#sender = sender;
    this.#receipts = receipts;
    this.#signal = signal;
    signal.addEventListener("abort", () => env.clearTimeout(this.#timer));
  }

  /**
   * Rejects with `Problem` and `Unreachable`.
   *
   * @param {string} messageId @param {string} content @param {Metadata} [metadata]
   * @returns {Promise<Record<string, any>>} what was stored
   */
  edit(messageId, content, metadata) {
    return this.#change("PATCH", messageId, { content, ...(metadata ? { metadata } : {}) });
  }

  /** Rejects as `edit` does. @param {string} messageId @returns {Promise<Record<string, any>>} what was stored */
  redact(messageId) {
    return this.#change("DELETE", messageId, undefined);
  }

  /** Rejects as `edit` does. @param {string} runId */
  async cancelRun(runId) {
    const path = `${this.#path}/runs/${encodeURIComponent(runId)}/cancel`;
    await this.#attempts(() => this.#http.call("POST", path, { body: {}, signal: this.#signal }));
  }

  /** @param {boolean} typing */
  typing(typing) {
    const now = this.#env.now();
    if (this.#typingOff || (typing ? now - this.#typedAt < TYPING : this.#typedAt === -Infinity)) return;
    this.#typedAt = typing ? now : -Infinity;
    this.#typing = typing;
    if (!this.#reporting) void this.#report();
  }

  /** One report at a time: of two requests at once either may arrive last. */
  async #report() {
    this.#reporting = true;
    while (this.#typing !== null) {
      const body = { typing: this.#typing, ...(this.#sender ? { sender: this.#sender } : {}) };
      this.#typing = null;
      try {
        await this.#http.call("POST", `${this.#path}/typing`, { body, signal: this.#signal });
      } catch (error) {
        // Without presence there is no such route. Anything else passes: typing is said again, and ends by itself.
        if (error instanceof Problem && error.code === "route_not_found") this.#typingOff = true;
      }
    }
    this.#reporting = false;
  }

  /** A message ends its author's typing: the next keystroke is reported at once. */
  typed() {
    this.#typedAt = -Infinity;
    // A report under way may arrive after the message.
    this.#typing = this.#reporting ? false : null;
  }

  /**
   * @param {number} seq @param {(failed: unknown) => void} report
   * @returns {boolean} whether the marker was lower
   */
  markRead(seq, report) {
    if (seq <= this.#marker) return false;
    this.#marker = seq;
    this.#env.clearTimeout(this.#timer);
    this.#timer = this.#env.setTimeout(() => {
      const body = { seq: this.#marker, ...(this.#receipts === undefined ? {} : { receipt: this.#receipts }) };
      this.#attempts(() => this.#http.call("POST", `${this.#path}/read`, { body, signal: this.#signal })).catch(report);
    }, MARKER);
    return true;
  }

  /** @param {string} method @param {string} messageId @param {object | undefined} body */
  async #change(method, messageId, body) {
    const headers = { "Idempotency-Key": this.#env.uuid() };
    const path = `${this.#path}/messages/${encodeURIComponent(messageId)}`;
    const { body: stored } = await this.#attempts(() => this.#http.call(method, path, { body, headers, signal: this.#signal }));
    return stored;
  }

  /** @template T @param {() => Promise<T>} call @returns {Promise<T>} */
  async #attempts(call) {
    const backoff = new Backoff({ random: this.#env.random });
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!isTransient(error) || backoff.failures >= ATTEMPTS - 1) throw error;
        await this.#waker.wait(backoff.next(described(error).retryAfter), this.#signal);
      }
    }
  }
}
