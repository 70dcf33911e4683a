// What is not in the log: drafts, who types, who is here, runs, who has read how far. Pure: what comes in changes it, and it says whether.

/** @import { Draft, Entry, Events, PersonTyping, PresenceList, Receipt, Run, Signal } from "../umbral-chat.d.ts" */

/** The drafts, typing, presence, runs and receipts of a conversation as far as they are known. */
export class Signals {
  constructor() {
    /** @type {Map<string, Draft & {length: number}>} by message id; `length` in code points */
    this.drafts = new Map();
    /** @type {readonly PersonTyping[]} */
    this.typing = [];
    /** @type {PresenceList | null} */
    this.presence = null;
    /** @type {readonly Run[]} */
    this.runs = [];
    /** By subject. @type {readonly Receipt[]} */
    this.readers = [];
    /** Of the last poll's answer: sent back with the next one. @type {string | undefined} */
    this.version = undefined;
  }

  /** All that is known, as signals from which another copy gets as far. @returns {Signal[]} */
  all() {
    const { drafts, typing, presence, runs, readers } = this;
    return [
      { signal: "typing", typing: [...typing] },
      { signal: "runs", runs: [...runs] },
      { signal: "readers", readers: [...readers] },
      ...(presence ? [/** @type {Signal} */ ({ signal: "presence", presence })] : []),
      ...[...drafts.values()].map(({ message_id, text, sender }) => /** @type {Signal} */ ({ signal: "draft", message_id, offset: 0, text, sender })),
    ];
  }

  /**
   * Takes the present state of a poll's answer. While an edge pushes (`pushed`), what it said may be newer than the
   * answer: then only drafts that are longer than what is known are taken.
   *
   * @param {Partial<Events>} answer
   * @param {{pushed: boolean, written: (messageId: string) => boolean}} how
   * @returns {boolean} whether something changed
   */
  answer(answer, { pushed, written }) {
    let changed = false;
    const drafts = new Map();
    for (const { message_id, text, sender } of answer.drafts ?? []) {
      const known = this.drafts.get(message_id);
      const length = codePoints(text);
      if (written(message_id) || (pushed && known && known.length >= length)) continue;
      drafts.set(message_id, known?.text === text ? known : { message_id, text, sender, length });
    }
    if (pushed) {
      for (const [id, draft] of drafts) changed = this.#draft(id, draft) || changed;
      return changed;
    }
    changed = drafts.size !== this.drafts.size || [...drafts].some(([id, draft]) => this.drafts.get(id) !== draft);
    if (changed) this.drafts = drafts;
    this.version = answer.signals ?? this.version;
    if (answer.presence) changed = this.#set("presence", answer.presence) || changed;
    if (answer.typing) changed = this.#set("typing", answer.typing) || changed;
    if (answer.runs) changed = this.#set("runs", answer.runs) || changed;
    if (answer.readers) changed = this.#set("readers", answer.readers) || changed;
    return changed;
  }

  /**
   * @param {Signal} signal
   * @param {(messageId: string) => boolean} written whether the log has this message
   * @returns {boolean | "gap"} whether something changed; `gap`: a piece of a draft is missing
   */
  signal(signal, written) {
    switch (signal.signal) {
      case "draft":
        if (signal.ended) return this.drafts.delete(signal.message_id) && this.#renewDrafts();
        return written(signal.message_id) ? false : this.#piece(signal);
      case "typing":
        return this.#set("typing", signal.typing);
      case "presence":
        return this.#set("presence", signal.presence);
      case "runs":
        return this.#set("runs", signal.runs);
      case "readers":
        return this.#set("readers", signal.readers);
      case "read":
        return this.#read(signal);
      default:
        return false;
    }
  }

  /**
   * An entry ends the draft of its message, and the run that it is the end of.
   *
   * @param {Entry} entry
   */
  entry(entry) {
    if (entry.kind === "message" && this.drafts.delete(entry.message_id)) this.#renewDrafts();
    if (entry.kind === "run" && this.runs.some((run) => run.run_id === entry.run_id))
      this.runs = this.runs.filter((run) => run.run_id !== entry.run_id);
  }

  /** What the service pushed is not known any more to be so: the connection is lost. */
  forget() {
    this.version = undefined;
    this.typing = [];
  }

  /** @param {Extract<Signal, {text: string}>} piece */
  #piece({ message_id, offset, text, sender }) {
    const known = this.drafts.get(message_id);
    if (offset > (known?.length ?? 0)) return "gap";
    const before = !known || offset === 0 ? "" : offset === known.length ? known.text : take(known.text, offset);
    return this.#draft(message_id, { message_id, text: before + text, sender, length: offset + codePoints(text) });
  }

  /** @param {string} id @param {Draft & {length: number}} draft */
  #draft(id, draft) {
    this.drafts.set(id, draft);
    return this.#renewDrafts();
  }

  /** One reader, of a channel of its own. @param {Extract<Signal, {signal: "read"}>} signal */
  #read({ subject, role = "user", name, seq }) {
    const isOf = (/** @type {Receipt} */ one) => one.subject === subject && one.role === role;
    if (seq > 0 && seq <= (this.readers.find(isOf)?.seq ?? 0)) return false;
    const others = this.readers.filter((one) => !isOf(one));
    const moved = seq > 0 ? [{ subject, role, ...(name == null ? {} : { name }), seq }] : [];
    return this.#set("readers", [...others, ...moved].sort((one, other) => (one.subject < other.subject ? -1 : 1)));
  }

  /** A new map, so that whoever keeps the old one sees that it changed. */
  #renewDrafts() {
    this.drafts = new Map(this.drafts);
    return true;
  }

  /** @param {"typing" | "presence" | "runs" | "readers"} name @param {any} value */
  #set(name, value) {
    if (JSON.stringify(this[name]) === JSON.stringify(value)) return false;
    this[name] = value;
    return true;
  }
}

/**
 * The number of code points, in which the service counts; a string's `length` is in UTF-16 units.
 *
 * @param {string} text
 */
function codePoints(text) {
  let pairs = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length) (pairs++, at++);
  }
  return text.length - pairs;
}

/** The first `count` code points. @param {string} text @param {number} count */
function take(text, count) {
  let at = 0;
  for (let left = count; left > 0 && at < text.length; left--) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return text.slice(0, at);
}
