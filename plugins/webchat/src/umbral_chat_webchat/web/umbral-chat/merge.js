// The one merge that every edge feeds: entries in the order of the log, each once; a gap is reported, not guessed.

import { parseCursor } from "./cursor.js";
import { addMessage, fold } from "./fold.js";
import { Signals } from "./signals.js";

/** @import { ConversationFields, Entry, Events, FoldedMessage, MessagesPage, RunEntry, Signal } from "../umbral-chat.d.ts" */

/**
 * What an edge received. `answer` is a poll's; `page` a page of the history to begin with, `earlier` one to put before.
 *
 * @typedef {{type: "entry", entry: Entry, cursor: string}
 *   | {type: "signal", signal: Signal}
 *   | {type: "answer", answer: Events, pushed: boolean}
 *   | {type: "page", page: MessagesPage}
 *   | {type: "earlier", page: MessagesPage}} Input
 */

/**
 * What an input led to. `gap`: something before it is missing, read it by a poll. `foreign`: it is of another log, start
 * over. `entries`: those that are new.
 *
 * @typedef {{changed: boolean, gap: boolean, foreign: boolean, entries: Entry[]}} Outcome
 */

/** Ended runs that are kept. A page shows the end of a run near the message that it was for. */
const ENDED_RUNS = 100;

/** Messages that are kept at most, and how many of the oldest make room for new ones: a tab may be open for weeks. */
const KEPT = 5_000;
const DROPPED = 500;

/** A copy of a conversation. Pure: `take` is all that changes it. */
export class Merge {
  constructor() {
    this.#reset();
  }

  /** The log, from which epochs distinguish it from one of the same name. @type {string | null} */
  epoch = null;
  /** Up to here the log is applied. */
  seq = 0;
  /** Follow from here. */
  cursor = "0";
  /** Whether a first page was taken since the start, or since starting over. */
  loaded = false;
  hasEarlier = false;
  /** @type {Map<string, FoldedMessage>} by message id */
  messages = new Map();
  /** Rises whenever `messages` changed. */
  changes = 0;
  /** @type {ConversationFields} */
  conversation = {};
  /** The newest update that is applied. */
  #updated = 0;
  /** @type {readonly RunEntry[]} */
  endedRuns = [];
  signals = new Signals();
  /** Who this page's own person is among those who type and are here: of the service, not of a log. @type {string | null} */
  me = null;

  /**
   * @param {Input} input
   * @returns {Outcome}
   */
  take(input) {
    if (input.type === "signal" && input.signal.signal === "me") {
      const changed = this.me !== input.signal.person;
      this.me = input.signal.person;
      return outcome({ changed });
    }
    // Without a place in the log nothing can be put in order. What came too early comes again with the connection.
    if (!this.loaded && input.type !== "page") return outcome({});
    switch (input.type) {
      case "entry":
        return this.#entry(input.entry, input.cursor);
      case "answer":
        return this.#answer(input.answer, input.pushed);
      case "page":
        return this.#page(input.page);
      case "earlier":
        return this.#earlier(input.page);
      case "signal": {
        const done = this.signals.signal(input.signal, this.#written);
        return outcome({ changed: done === true, gap: done === "gap" });
      }
      default:
        return outcome({});
    }
  }

  /**
   * Takes the conversation as it was read, with all updates up to `head`.
   *
   * @param {Record<string, any>} read
   */
  describe({ epoch, head, title, status, responder, assignee, realtime, metadata, members }) {
    if (epoch !== this.epoch) return;
    const fields = { title, status, responder, assignee, realtime, metadata, members };
    this.conversation = this.#updated > head ? { ...fields, ...this.conversation } : { ...this.conversation, ...fields };
  }

  /** Forget the log, to start over; what is not in the log is forgotten as well. */
  restart() {
    this.#reset();
  }

  /** @param {string} messageId */
  #written = (messageId) => this.messages.has(messageId);

  /** @param {Entry} entry @param {string} cursor @returns {Outcome} */
  #entry(entry, cursor) {
    const { epoch } = parseCursor(cursor);
    if (epoch !== this.epoch && !this.#adopt(epoch)) return outcome({ foreign: true });
    if (entry.seq <= this.seq) return outcome({});
    if (entry.seq > this.seq + 1) return outcome({ gap: true });
    this.#apply(entry);
    this.cursor = cursor;
    return outcome({ changed: true, entries: [entry] });
  }

  /** @param {Events} answer @param {boolean} pushed @returns {Outcome} */
  #answer(answer, pushed) {
    const { epoch, seq } = parseCursor(answer.cursor);
    if (epoch !== this.epoch && epoch !== null && !this.#adopt(epoch)) return outcome({ foreign: true });
    const result = answer.snapshot ? this.#snapshot(answer, seq) : this.#batch(answer, seq);
    const moved = this.signals.answer(answer, { pushed, written: this.#written });
    return { ...result, changed: result.changed || moved };
  }

  /** @param {Events} answer @param {number} seq @returns {Outcome} */
  #batch(answer, seq) {
    const fresh = answer.entries.filter((entry) => entry.seq > this.seq);
    const entries = [];
    for (const entry of fresh) {
      if (entry.seq !== this.seq + 1) return outcome({ changed: entries.length > 0, gap: true, entries });
      this.#apply(entry);
      entries.push(entry);
      this.cursor = `${this.epoch}.${entry.seq}`;
    }
    // The service's own cursor where the two are at the same place; past that, entries are missing.
    if (seq === this.seq) this.cursor = answer.cursor;
    return outcome({ changed: entries.length > 0, gap: seq > this.seq, entries });
  }

  /**
   * Folded messages, the newest ones, in place of entries. Those before them stay only where each entry since is seen in
   * what is given: any other may have changed one of them.
   *
   * @param {Events} answer @param {number} seq @returns {Outcome}
   */
  #snapshot(answer, seq) {
    const messages = answer.messages ?? [];
    if (seq <= this.seq) return outcome({});
    const explained = new Set(messages.flatMap((message) => [message.seq, message.version]).filter((at) => at > this.seq));
    const oldest = messages.reduce((least, { seq: at }) => Math.min(least, at), Infinity);
    const kept = explained.size === seq - this.seq;
    if (!kept) this.messages = new Map();
    this.changes += 1;
    this.hasEarlier ||= !kept && oldest > 1;
    let changed = false;
    for (const message of messages) {
      changed = addMessage(this.messages, message) || changed;
      if (this.signals.drafts.has(message.message_id)) this.signals.signal(ended(message.message_id), this.#written);
    }
    this.seq = seq;
    this.cursor = answer.cursor;
    return outcome({ changed });
  }

  /** @param {MessagesPage} page @returns {Outcome} */
  #page(page) {
    const { epoch, seq } = parseCursor(page.cursor);
    if (this.loaded) return outcome({});
    this.#reset();
    this.epoch = epoch;
    this.seq = seq;
    this.cursor = page.cursor;
    this.loaded = true;
    this.hasEarlier = page.has_more;
    for (const message of page.messages) addMessage(this.messages, message);
    return outcome({ changed: true });
  }

  /** @param {MessagesPage} page @returns {Outcome} */
  #earlier(page) {
    const { epoch } = parseCursor(page.cursor);
    if (epoch !== this.epoch) return outcome({ foreign: epoch !== null });
    this.changes += 1;
    for (const message of page.messages) addMessage(this.messages, message);
    this.hasEarlier = page.has_more;
    return outcome({ changed: true });
  }

  /** @param {Entry} entry */
  #apply(entry) {
    this.seq = entry.seq;
    this.changes += 1;
    fold(this.messages, entry);
    if (this.messages.size > KEPT) this.#drop();
    this.signals.entry(entry);
    if (entry.kind === "update") {
      this.conversation = { ...this.conversation, ...entry.changes };
      this.#updated = entry.seq;
    }
    if (entry.kind === "run") this.endedRuns = [...this.endedRuns, entry].slice(-ENDED_RUNS);
  }

  /** The oldest go; `loadEarlier` has them. */
  #drop() {
    const oldest = [...this.messages.values()].sort((one, other) => one.seq - other.seq).slice(0, DROPPED);
    for (const { message_id } of oldest) this.messages.delete(message_id);
    this.hasEarlier = true;
  }

  /** The log of a conversation that was made after we began to wait for it. @param {string | null} epoch */
  #adopt(epoch) {
    if (this.epoch !== null || this.seq !== 0) return false;
    this.epoch = epoch;
    return true;
  }

  #reset() {
    this.epoch = null;
    this.seq = 0;
    this.cursor = "0";
    this.loaded = false;
    this.hasEarlier = false;
    this.messages = new Map();
    this.changes += 1;
    this.conversation = {};
    this.#updated = 0;
    this.endedRuns = [];
    this.signals = new Signals();
  }
}

/** @param {Partial<Outcome>} parts @returns {Outcome} */
function outcome(parts) {
  return { changed: false, gap: false, foreign: false, entries: [], ...parts };
}

/** @param {string} message_id @returns {Signal} */
function ended(message_id) {
  return { signal: "draft", message_id, ended: true };
}
