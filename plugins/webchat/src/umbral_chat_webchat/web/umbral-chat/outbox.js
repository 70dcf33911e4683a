// Messages on their way out: kept beyond a reload, sent in order, each until it is stored or refused.

import { Backoff } from "./backoff.js";
import { described, isTransient, Problem } from "./errors.js";

/** @import { Environment, Failure, Metadata, Sender, Storage } from "../umbral-chat.d.ts" */
/** @import { Waker } from "./waker.js" */

/** Messages that wait at once: a page in a loop must not fill the browser's storage. */
const LONGEST = 200;

/**
 * The body of `POST …/messages`.
 *
 * @typedef {{content: string, client_id: string, metadata?: Metadata, reply_to?: string, sender?: Sender}} SendBody
 */

/**
 * `sent`: stored as entry number `seq`, which has not arrived yet.
 *
 * @typedef {{body: SendBody, created: number, state: "pending" | "sent" | "failed" | "discarded", seq?: number,
 *   error?: Failure}} Item
 */

export class Outbox {
  #env;
  /** @type {Storage | null} */
  #storage;
  /** @type {string | null} of keys in the storage; null until it is known whose outbox this is */
  #prefix = null;
  #post;
  #changed;
  #longest;
  #waker;
  /** @type {Map<string, Item>} by client id, oldest first */
  #items = new Map();
  #draining = false;

  /**
   * @param {object} options
   * @param {Environment} options.env
   * @param {Storage | null} options.storage
   * @param {number} options.seconds after which a message is not sent any more
   * @param {Waker} options.waker
   * @param {(body: SendBody, signal: AbortSignal) => Promise<{seq: number}>} options.post
   * @param {(item: Item) => void} options.changed called with each item that is changed here
   */
  constructor({ env, storage, seconds, waker, post, changed }) {
    this.#env = env;
    this.#storage = storage;
    this.#longest = seconds * 1000;
    this.#waker = waker;
    this.#post = post;
    this.#changed = changed;
  }

  /** Oldest first. @returns {Item[]} */
  get items() {
    return [...this.#items.values()];
  }

  /**
   * Takes what was kept of an earlier page, or by a tab that is gone, and keeps what was added since.
   *
   * @param {string} prefix of keys in the storage: of this service, person and conversation
   */
  async load(prefix) {
    const found = await this.#kept(() => this.#storage?.load(prefix));
    const added = this.items;
    this.#prefix = prefix;
    this.#items.clear();
    const items = [...(found ?? [])].map(([, text]) => parse(text)).filter((item) => item !== null);
    for (const item of items.sort((one, other) => one.created - other.created))
      this.take(item);
    for (const item of added) {
      this.take(item);
      this.#keep(item);
    }
  }

  /**
   * Throws `Problem` with the code `outbox_full`.
   *
   * @param {SendBody} body
   * @returns {Item}
   */
  add(body) {
    if (this.#items.size >= LONGEST)
      throw new Problem(429, { code: "outbox_full", detail: `${LONGEST} messages wait to be sent.` });
    /** @type {Item} */
    const item = { body, created: this.#env.now(), state: "pending" };
    this.#set(item);
    return item;
  }

  /** Takes a change that another tab made. @param {Item} item */
  take(item) {
    const known = this.#items.get(item.body.client_id);
    if (item.state === "discarded") this.#items.delete(item.body.client_id);
    else if (known?.state !== "sent") this.#items.set(item.body.client_id, item);
  }

  /** Failed messages are sent again, with a new age. @param {string} [clientId] */
  retry(clientId) {
    for (const item of this.items)
      if (item.state === "failed" && (clientId === undefined || clientId === item.body.client_id))
        this.#set({ body: item.body, created: this.#env.now(), state: "pending" });
  }

  /** @param {string} clientId */
  discard(clientId) {
    const item = this.#items.get(clientId);
    if (item && item.state !== "sent") this.#set({ ...item, state: "discarded" });
  }

  /**
   * The log is applied up to `seq`, or has an entry of this client id: what is sent is shown from there.
   *
   * @param {number} seq @param {ReadonlySet<string>} clientIds
   * @returns {boolean} whether something changed
   */
  confirm(seq, clientIds) {
    let changed = false;
    for (const item of this.items) {
      const { client_id } = item.body;
      if (!clientIds.has(client_id) && !(item.state === "sent" && (item.seq ?? Infinity) <= seq)) continue;
      this.#items.delete(client_id);
      this.#keep({ ...item, state: "sent" });
      changed = true;
    }
    return changed;
  }

  /**
   * Sends what is pending, oldest first, each until it is stored or refused. Returns when nothing is left, or at an
   * abort. In one tab at a time: that is the caller's part.
   *
   * @param {AbortSignal} signal
   */
  async drain(signal) {
    if (this.#draining) return;
    this.#draining = true;
    const backoff = new Backoff({ random: this.#env.random });
    try {
      let item;
      while (!signal.aborted && (item = this.items.find(({ state }) => state === "pending")))
        await this.#send(item, backoff, signal);
    } finally {
      this.#draining = false;
    }
  }

  /** @param {Item} item @param {Backoff} backoff @param {AbortSignal} signal */
  async #send(item, backoff, signal) {
    const left = item.created + this.#longest - this.#env.now();
    if (left <= 0) return this.#set({ ...item, state: "failed", error: EXPIRED });
    try {
      const { seq } = await this.#post(item.body, signal);
      backoff.reset();
      // The log may have brought it before the answer, or the person may have dropped it: then there is no item to mark.
      if (this.#items.has(item.body.client_id)) this.#set({ ...item, state: "sent", seq });
    } catch (error) {
      if (signal.aborted) return;
      const { retryAfter, ...failure } = described(error);
      if (isTransient(error)) await this.#waker.wait(Math.min(left, backoff.next(retryAfter)), signal);
      else if (this.#items.has(item.body.client_id)) this.#set({ ...item, state: "failed", error: failure });
    }
  }

  /** @param {Item} item */
  #set(item) {
    this.take(item);
    this.#keep(item);
    this.#changed(item);
  }

  /** @param {Item} item */
  #keep(item) {
    if (this.#prefix === null) return;
    const key = this.#prefix + item.body.client_id;
    if (item.state === "sent" || item.state === "discarded") void this.#kept(() => this.#storage?.remove(key));
    else void this.#kept(() => this.#storage?.save(key, JSON.stringify(item)));
  }

  /**
   * A storage that is full or forbidden costs only that a reload forgets.
   *
   * @template T
   * @param {() => T | Promise<T>} call
   */
  async #kept(call) {
    try {
      return await call();
    } catch {
      return undefined;
    }
  }
}

/** @type {Failure} */
const EXPIRED = { code: "expired", detail: "The message could not be sent in time." };

/** @param {string} text @returns {Item | null} */
function parse(text) {
  try {
    const item = JSON.parse(text);
    return typeof item.body.content === "string" && typeof item.body.client_id === "string" ? item : null;
  } catch {
    return null;
  }
}
