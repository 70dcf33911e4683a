// Hints of what happens in the listed conversations, over one WebSocket for all of them: who types, who is here, and that
// there is something new. They make the list quick; what it shows of the log comes from the poller, with them or without.

import { Backoff } from "../../umbral-chat/backoff.js";

/** @import { Environment, PersonTyping, PresenceList } from "../../umbral-chat.d.ts" */
/** @import { Waker } from "../../umbral-chat/waker.js" */

/** Conversations that are watched: more than a screen shows, and less than the service lets a socket have. */
const MOST = 30;

/** A socket that does not open or answer within it is given up, in milliseconds. */
const PATIENCE = 10_000;

/** How often it is asked whether the socket is alive; milliseconds. */
const PING = 25_000;

/** Where no WebSocket is on offer, it is looked for again after so long, in milliseconds. */
const NONE = 120_000;

/** What is known of a conversation beside its log. @typedef {{typing: readonly PersonTyping[], presence: PresenceList | null}} Live */

/** A conversation that is to be watched, from where on. @typedef {{id: string, cursor: string}} Target */

export class Watch {
  #parts;
  /** @type {Map<string, Target>} */
  #wanted = new Map();
  /** @type {Set<string>} */
  #watched = new Set();
  /** @type {Map<string, Live>} */
  #live = new Map();
  /** @type {WebSocket | null} */
  #socket = null;
  #ready = false;

  /**
   * @param {object} parts
   * @param {Environment} parts.env
   * @param {Waker} parts.waker
   * @param {(conversation: string) => Promise<string | null>} parts.url of the WebSocket that `connect` offers; null: none
   * @param {(conversation: string) => void} parts.news an entry came
   * @param {() => void} parts.changed somebody types or is here, or does not any more
   * @param {AbortSignal} parts.signal
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Who types and who is here, as far as it is known. @param {string} id @returns {Live | undefined} */
  of(id) {
    return this.#live.get(id);
  }

  /** Watches these and no others; of more than there is room for the first. @param {readonly Target[]} targets */
  want(targets) {
    this.#wanted = new Map(targets.slice(0, MOST).map((target) => [target.id, target]));
    this.#subscribe();
  }

  /** Keeps a socket open while the page is seen. */
  async run() {
    const { env, waker, signal } = this.#parts;
    const backoff = new Backoff({ random: env.random, initial: 1_000, maximum: 60_000 });
    while (!signal.aborted) {
      const first = this.#wanted.keys().next().value;
      if (first === undefined || !env.online() || !env.visible() || !env.WebSocket) {
        await waker.wait(PING, signal);
        continue;
      }
      const begun = env.now();
      let pause = 0;
      try {
        const url = await this.#parts.url(first);
        if (url) await this.#follow(url);
        else pause = NONE;
      } catch {
        // The poller finds out, and says, whether the service is there.
      }
      this.#forget();
      if (env.now() - begun > PATIENCE) backoff.reset();
      await this.#rest(Math.max(pause, backoff.next()));
    }
  }

  /** A pause that hints do not end. @param {number} ms */
  async #rest(ms) {
    const { env, waker, signal } = this.#parts;
    for (const end = env.now() + ms; !signal.aborted && env.now() < end; ) await waker.wait(end - env.now(), signal);
  }

  /** One socket from its beginning to its end. @param {string} url @returns {Promise<void>} */
  #follow(url) {
    const { env, waker, signal } = this.#parts;
    return new Promise((resolve) => {
      const Socket = /** @type {new (url: string) => WebSocket} */ (env.WebSocket);
      const socket = (this.#socket = new Socket(url));
      let answered = env.now();
      const end = () => {
        env.clearTimeout(timer);
        signal.removeEventListener("abort", end);
        off();
        socket.onclose = socket.onmessage = socket.onopen = null;
        socket.close();
        resolve();
      };
      const look = () => {
        if (!env.visible() || env.now() - answered > PING + PATIENCE) return end();
        this.#send({ type: "ping" });
        timer = env.setTimeout(look, PING);
      };
      let timer = env.setTimeout(() => (this.#ready ? look() : end()), PATIENCE);
      const off = waker.on((why) => (why === "offline" || why === "sleep") && end());
      signal.addEventListener("abort", end);
      socket.onopen = () => this.#send({ type: "auth", token: null });
      socket.onclose = end;
      socket.onerror = () => {}; // a close follows
      socket.onmessage = ({ data }) => {
        answered = env.now();
        try {
          this.#receive(JSON.parse(String(data)));
        } catch {
          end(); // not the protocol
        }
      };
    });
  }

  /** @param {Record<string, any>} frame */
  #receive(frame) {
    const { conversation } = frame;
    if (frame.type === "ready") {
      this.#ready = true;
      this.#subscribe();
    } else if (frame.type === "entry") {
      const target = this.#wanted.get(conversation);
      if (target) this.#wanted.set(conversation, { ...target, cursor: frame.cursor });
      this.#parts.news(conversation);
    } else if (frame.type === "signal") this.#signal(conversation, frame.signal);
    else if (frame.type === "status" && frame.status.state === "closed" && conversation) {
      this.#watched.delete(conversation);
      this.#parts.news(conversation);
    }
  }

  /** @param {string} conversation @param {Record<string, any>} signal */
  #signal(conversation, signal) {
    if ((signal.signal !== "typing" && signal.signal !== "presence") || !this.#watched.has(conversation)) return;
    const known = this.#live.get(conversation) ?? { typing: [], presence: null };
    this.#live.set(conversation, { ...known, [signal.signal]: signal[signal.signal] });
    this.#parts.changed();
  }

  /** Tells the service what is wanted and not watched yet, and the other way round. */
  #subscribe() {
    if (!this.#ready) return;
    for (const id of this.#watched)
      if (!this.#wanted.has(id)) {
        this.#send({ type: "unsubscribe", id: "unsubscribe", conversation: id });
        this.#watched.delete(id);
        this.#live.delete(id);
      }
    for (const { id, cursor } of this.#wanted.values())
      if (!this.#watched.has(id)) {
        this.#send({ type: "subscribe", id: "subscribe", conversation: id, after: cursor });
        this.#watched.add(id);
      }
  }

  #forget() {
    const any = this.#live.size > 0;
    this.#socket = null;
    this.#ready = false;
    this.#watched.clear();
    this.#live.clear();
    if (any) this.#parts.changed();
  }

  /** @param {Record<string, unknown>} frame */
  #send(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }
}
