// One tab holds the connection for all tabs of a conversation: it is the leader by a Web Lock, and passes on what it
// receives over a BroadcastChannel. The others feed their own merge with that, so that any of them can go on.

/** @import { Environment } from "../umbral-chat.d.ts" */
/** @import { Report } from "./connection.js" */
/** @import { Input } from "./merge.js" */
/** @import { Item } from "./outbox.js" */

/**
 * Between tabs. `hello`: a tab is new, the leader answers. `leader`: the leader's cursor and connection, at a hello and
 * as a heartbeat. `item`: a change of the outbox.
 *
 * @typedef {{type: "hello"} | {type: "leader", cursor: string, report: Report | null} | {type: "input", input: Input}
 *   | {type: "report", report: Report} | {type: "item", item: Item}} Note
 */

/** Heartbeats of the leader, in milliseconds. In the background its timers may run once a minute. */
const HEARTBEAT = 15_000;

/** Silence after which a follower reads for itself, in milliseconds: the leader is throttled or frozen. */
const SILENCE = 75_000;

/**
 * @typedef {object} Callbacks
 * @property {() => void} lead this tab is the leader from now on
 * @property {() => {cursor: string, inputs: Input[], report: Report | null}} present what the leader tells a new tab
 * @property {(note: Note) => void} note another tab's
 * @property {() => void} silence the leader has said nothing for long
 */

export class Tabs {
  #env;
  #callbacks;
  #signal;
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #leading = false;
  /** @type {any} */
  #timer = null;

  /**
   * @param {Environment} env
   * @param {string} name of the lock and the channel: of the service, the person and the conversation
   * @param {boolean} share false: this tab connects by itself
   * @param {AbortSignal} signal
   * @param {Callbacks} callbacks
   */
  constructor(env, name, share, signal, callbacks) {
    this.#env = env;
    this.#callbacks = callbacks;
    this.#signal = signal;
    if (!share || !env.locks || !env.channel) {
      this.#lead();
      return;
    }
    this.#channel = env.channel(name);
    this.#channel.onmessage = ({ data }) => this.#receive(data);
    this.#silence();
    signal.addEventListener("abort", () => this.#stop());
    env.locks.request(name, { signal }, () => this.#hold()).catch((error) => {
      // Where locks are forbidden, such as in a sandboxed frame, each tab connects by itself.
      if (!signal.aborted && error?.name !== "AbortError") this.#lead();
    });
  }

  get leading() {
    return this.#leading;
  }

  /** Asks the leader for what is not in the log. */
  hello() {
    if (!this.#leading) this.#post({ type: "hello" });
  }

  /** Tells the followers, if this tab is the leader. @param {Input | Report} what @param {"input" | "report"} type */
  tell(type, what) {
    if (this.#leading) this.#post(/** @type {Note} */ ({ type, [type]: what }));
  }

  /** Tells all tabs of a change of the outbox. @param {Item} item */
  tellItem(item) {
    this.#post({ type: "item", item });
  }

  /** Holds the lock until the end. @returns {Promise<void>} */
  #hold() {
    if (this.#signal.aborted) return Promise.resolve();
    this.#lead();
    return new Promise((resolve) => this.#signal.addEventListener("abort", () => resolve()));
  }

  #lead() {
    if (this.#leading) return;
    this.#leading = true;
    this.#env.clearTimeout(this.#timer);
    this.#callbacks.lead();
    if (this.#channel) this.#heartbeat();
  }

  /** @param {Note} note */
  #receive(note) {
    if (note.type === "hello") {
      if (this.#leading) this.#present();
      return;
    }
    // What a leader says of itself to another leader is late: it has gone, or does not know it yet.
    if (this.#leading && note.type !== "item") return;
    if (!this.#leading) this.#silence();
    this.#callbacks.note(note);
  }

  #present() {
    const { cursor, inputs, report } = this.#callbacks.present();
    this.#post({ type: "leader", cursor, report });
    for (const input of inputs) this.#post({ type: "input", input });
  }

  #heartbeat() {
    if (this.#signal.aborted) return;
    const { cursor, report } = this.#callbacks.present();
    this.#post({ type: "leader", cursor, report });
    this.#timer = this.#env.setTimeout(() => this.#heartbeat(), HEARTBEAT);
  }

  #silence() {
    this.#env.clearTimeout(this.#timer);
    if (this.#leading || this.#signal.aborted) return;
    this.#timer = this.#env.setTimeout(() => {
      this.#callbacks.silence();
      this.#silence();
    }, SILENCE);
  }

  /** @param {Note} note */
  #post(note) {
    if (!this.#signal.aborted) this.#channel?.postMessage(note);
  }

  #stop() {
    this.#env.clearTimeout(this.#timer);
    this.#channel?.close();
    this.#channel = null;
  }
}
