// The list of conversations as far as it is known: pages, refreshes and single rows merged into one order. Pure.

import { parentOf } from "./internal.js";

/** @import { Conversation, InboxPage } from "./api.js" */

/**
 * Where a page begins: `before` asks the service for it, `key` is the place in our own order.
 *
 * @typedef {{before: string, key: Key}} Place
 */

/** A place in the order: the time of the last activity in a form that compares as text, and the id. @typedef {readonly [string, string]} Key */

/**
 * What one row of the screen shows. `row` is null where only the notes are in the list: a colleague wrote one about a
 * conversation that the filter leaves out, or that is further down.
 *
 * @typedef {object} Item
 * @property {string} id of the conversation that it opens
 * @property {Conversation | null} row
 * @property {Conversation | null} notes its internal conversation
 * @property {number} unread messages that this operator has not read
 * @property {number} unreadNotes
 * @property {boolean} counted whether the numbers are counts, and not only more than 0
 */

/** Conversations of which it is remembered how far they were read here. */
const READ = 1_000;

export class InboxList {
  /** @type {Map<string, Conversation>} by id, internal ones included */
  #rows = new Map();
  /** Where what is loaded ends; null: everything is loaded; undefined: nothing is. @type {Place | null | undefined} */
  #end = undefined;
  /** Where the next sweep goes on; null: behind the first page. @type {Place | null} */
  #sweep = null;
  /** @type {Place | null} of the second page, as of the last refresh */
  #second = null;
  /** The row that stays although the filter leaves it out: the one that is open. @type {string | null} */
  kept = null;
  /** How far this page itself has read, ahead of what the service lists. @type {Map<string, number>} */
  #read;
  /** @type {Map<string, Item>} items of the last time, which keep their identity while nothing of theirs changes */
  #made = new Map();
  /** @type {readonly Item[] | null} */
  #items = null;
  #counted;

  /**
   * @param {{counted?: boolean, read?: Iterable<[string, number]>}} [how] `counted` false: the service does not count for
   *   this caller, as all callers without keys are one; then what ends with a visitor's message is unread until this
   *   browser has `read` so far
   */
  constructor({ counted = true, read = [] } = {}) {
    this.#counted = counted;
    this.#read = new Map(read);
  }

  /** Whether the first page came. */
  get loaded() {
    return this.#end !== undefined;
  }

  /** Where the next page begins; null: there is none. @returns {Place | null} */
  get more() {
    return this.#end ?? null;
  }

  /** @param {string} id @returns {Conversation | undefined} */
  get(id) {
    return this.#rows.get(id);
  }

  /** Newest activity first; the same array while nothing changes. @returns {readonly Item[]} */
  get items() {
    return (this.#items ??= this.#make());
  }

  /** Forgets everything but what was read: the filter is another one. */
  clear() {
    this.#rows.clear();
    this.#end = undefined;
    this.#sweep = this.#second = null;
    this.#items = null;
  }

  /**
   * Takes a page that was asked for at `from` (null: the first one). What is known of its range and not in it has left
   * the filter, or is deleted. Returns whether something changed.
   *
   * @param {InboxPage} page @param {Place | null} [from]
   */
  take({ conversations, before }, from = null) {
    const known = this.#end;
    const top = this.loaded ? this.#newest() : null;
    const last = conversations.at(-1);
    const key = last ? keyOf(last) : (from?.key ?? FIRST);
    const end = before === null ? null : { before, key };
    const listed = new Set(conversations.map(({ id }) => id));
    let changed = known === undefined;
    for (const [id, row] of this.#rows) {
      const place = keyOf(row);
      const inside = (from === null || compare(place, from.key) > 0) && (end === null || compare(place, end.key) <= 0);
      if (inside && !listed.has(id) && id !== this.kept) changed = this.#rows.delete(id) || changed;
    }
    for (const row of conversations) changed = this.#set(row) || changed;
    // A first page that does not reach what was the newest before leaves out what may lie between the two. (An empty one
    // that has more is of a search, which looks at a part of the inbox.)
    const gap = from === null && end !== null && last !== undefined && top !== null && compare(end.key, top) < 0;
    if (gap) this.#cut(end.key);
    if (known === undefined || gap || (known !== null && (end === null || compare(end.key, known.key) >= 0))) this.#end = end;
    if (from === null) this.#second = end;
    if (from === null && gap) this.#sweep = null;
    if (changed || gap) this.#items = null;
    return changed || gap;
  }

  /**
   * Where to refresh next, below the first page; null: nothing is loaded there. Each call goes on behind the one
   * before, as `swept` has it, so that in the end every row that is shown was looked at again.
   *
   * @returns {Place | null}
   */
  get sweepFrom() {
    const rows = [...this.#rows.values()];
    // Where nothing is left below, the sweep is over, and begins anew.
    const below = (/** @type {Place | null} */ place) => place !== null && rows.some((row) => compare(keyOf(row), place.key) > 0);
    return [this.#sweep, this.#second].find(below) ?? null;
  }

  /** A page of a sweep was taken. @param {InboxPage} page */
  swept({ conversations, before }) {
    const last = conversations.at(-1);
    this.#sweep = before === null || !last ? null : { before, key: keyOf(last) };
    if (this.#sweep && this.#end && compare(this.#sweep.key, this.#end.key) >= 0) this.#sweep = null;
  }

  /** A conversation as an answer of the service just showed it; only one that is listed already. @param {Conversation} row */
  update(row) {
    const changed = this.#rows.has(row.id) && this.#set(row);
    if (changed) this.#items = null;
    return changed;
  }

  /** It is deleted. @param {string} id */
  remove(id) {
    const changed = this.#rows.delete(id);
    if (changed) this.#items = null;
    return changed;
  }

  /** The operator has it open and has read so far. @param {string} id @param {number} seq */
  readTo(id, seq) {
    if (seq <= (this.#read.get(id) ?? 0)) return false;
    this.#read.delete(id); // to the end: the oldest are forgotten first
    this.#read.set(id, seq);
    if (this.#read.size > READ) for (const oldest of this.#read.keys()) if (this.#read.delete(oldest)) break;
    this.#items = null;
    return true;
  }

  /** How far this page has read, to be kept beyond a reload. @returns {[string, number][]} */
  get read() {
    return [...this.#read];
  }

  /** @param {Conversation} row */
  #set(row) {
    const known = this.#rows.get(row.id);
    // Answers may overtake each other; within one log the higher head is the later one.
    if (known && known.epoch === row.epoch && known.head > row.head) return false;
    if (known && JSON.stringify(known) === JSON.stringify(row)) return false;
    if (known && known.epoch !== row.epoch) this.#read.delete(row.id);
    this.#rows.set(row.id, row);
    return true;
  }

  /** Forgets what is below a place. @param {Key} key */
  #cut(key) {
    for (const [id, row] of this.#rows) if (compare(keyOf(row), key) > 0 && id !== this.kept) this.#rows.delete(id);
  }

  /** @returns {Key | null} */
  #newest() {
    let newest = null;
    for (const row of this.#rows.values()) {
      const key = keyOf(row);
      if (row.id !== this.kept && (newest === null || compare(key, newest) < 0)) newest = key;
    }
    return newest;
  }

  /** @returns {readonly Item[]} */
  #make() {
    /** @type {{key: Key, item: Item}[]} */
    const found = [];
    const made = new Map();
    for (const row of this.#rows.values()) {
      const parent = parentOf(row.id);
      if (parent === null) {
        const notes = this.#rows.get(`internal:${row.id}`) ?? null;
        found.push({ key: keyOf(row), item: this.#item(row.id, row, notes) });
      } else if (parent !== "" && !this.#rows.has(parent)) found.push({ key: keyOf(row), item: this.#item(parent, null, row) });
    }
    found.sort((one, other) => compare(one.key, other.key));
    for (const { item } of found) made.set(item.id, item);
    this.#made = made;
    return found.map(({ item }) => item);
  }

  /** @param {string} id @param {Conversation | null} row @param {Conversation | null} notes @returns {Item} */
  #item(id, row, notes) {
    const unread = row ? this.#unread(row) : 0;
    const unreadNotes = notes ? this.#unread(notes) : 0;
    const known = this.#made.get(id);
    if (known && known.row === row && known.notes === notes && known.unread === unread && known.unreadNotes === unreadNotes)
      return known;
    return { id, row, notes, unread, unreadNotes, counted: this.#counted };
  }

  /** @param {Conversation} row */
  #unread({ id, head, unread, last_message }) {
    const read = this.#read.get(id) ?? 0;
    if (this.#counted) return head <= read ? 0 : unread;
    return last_message?.sender.role === "user" && last_message.seq > read ? 1 : 0;
  }
}

/** Before every row. @type {Key} */
const FIRST = ["~", ""];

/** @param {Conversation} row @returns {Key} */
const keyOf = (row) => [comparable(row.last_activity), row.id];

/** Negative where `one` comes first: the later activity, then the higher id. @param {Key} one @param {Key} other */
function compare(one, other) {
  for (const at of [0, 1]) if (one[at] !== other[at]) return one[at] > other[at] ? -1 : 1;
  return 0;
}

/**
 * A time of the API, whose fraction is left out where it is zero, in a form that compares as text.
 *
 * @param {string} time RFC 3339, in UTC
 */
export function comparable(time) {
  const [seconds, fraction = ""] = time.replace(/Z$|\+00:00$/, "").split(".");
  return `${seconds}.${fraction.padEnd(6, "0")}`;
}
