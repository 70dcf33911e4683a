// What the list of messages shows, in order. Pure: the states of the chats in, rows out.

/** @import { ChatState, Draft, Message, RunEntry, Sender } from "../umbral-chat.d.ts" */
/** @import { Viewer } from "../umbral-chat-ui.d.ts" */

/** Messages of one sender within this time form a group, in milliseconds. */
const GROUP = 300_000;

/**
 * One row. `key` stays from the first optimistic display of a message, or the first piece of its draft, to its last edit.
 * `first`: it begins a group, so the sender is named. `day`: a divider is shown above it.
 *
 * @typedef {object} Row
 * @property {string} key
 * @property {"message" | "draft" | "run"} kind
 * @property {Message | Draft | RunEntry} of
 * @property {Sender} sender
 * @property {string} at of a draft, when it was first shown
 * @property {number | null} seq
 * @property {boolean} own
 * @property {boolean} note of the second conversation
 * @property {boolean} first
 * @property {boolean} day
 */

/** Drafts whose place is remembered. */
const DRAFTS = 100;

/** A draft that ended is shown for so long, until its entry is there: the end may arrive first. Milliseconds. */
export const LINGERS = 2_000;

/** Makes rows of states. What did not change keeps its identity, and so does the whole list. */
export class Rows {
  #viewer;
  /** @type {unknown[]} */
  #inputs = [];
  /** @type {readonly Row[]} */
  #rows = [];
  /** @type {unknown[]} */
  #logged = [];
  /** @type {readonly Row[]} */
  #log = [];
  /** @type {WeakMap<object, Row>} */
  #made = new WeakMap();
  /** By key, how a draft was first shown: its entry is shown so, too, or what is below it would move. @type {Map<string, {at: string, first?: boolean, day?: boolean}>} */
  #drafted = new Map();
  /** Rows that were the first of what was loaded: they begin a group, also when what is before them is there. @type {Set<string>} */
  #begins = new Set();
  /** Drafts as they were shown last, and until when each is shown though it ended. @type {Map<string, {row: Row, until: number}>} */
  #live = new Map();
  #now;

  /** @param {Viewer} viewer @param {() => number} now milliseconds since 1970 */
  constructor(viewer, now = Date.now) {
    this.#viewer = viewer;
    this.#now = now;
  }

  /**
   * @param {ChatState} state @param {ChatState | null} notes of the second conversation
   * @returns {readonly Row[]}
   */
  of(state, notes) {
    const logged = [state.messages, state.endedRuns, notes?.messages];
    const hasEarlier = state.hasEarlier || notes?.hasEarlier === true;
    const inputs = [...logged, state.drafts, notes?.drafts, hasEarlier];
    if (same(inputs, this.#inputs) && !this.lingering) return this.#rows;
    this.#inputs = inputs;
    if (!same(logged, this.#logged)) {
      this.#logged = logged;
      const own = withRuns(state.messages, state.endedRuns).map((one) => this.#row(one, false));
      this.#log = notes ? merged(own, notes.messages.map((one) => this.#row(one, true))) : own;
    }
    const drafts = [...state.drafts.map((draft) => this.#row(draft, false)), ...(notes?.drafts ?? []).map((draft) => this.#row(draft, true))];
    this.#rows = this.#arranged([...this.#log, ...this.#ended(drafts), ...drafts], hasEarlier);
    return this.#rows;
  }

  /** Whether a draft that ended is shown. Then the rows are to be made again after `LINGERS`. */
  get lingering() {
    return [...this.#live.values()].some(({ until }) => until < Infinity);
  }

  /** Drafts that ended, and whose entries are not there yet. @param {Row[]} drafts that go on */
  #ended(drafts) {
    const now = this.#now();
    const going = new Set(drafts.map(({ key }) => key));
    for (const [key, live] of this.#live) {
      if (going.has(key)) continue;
      if (live.until === Infinity) live.until = now + LINGERS;
      if (now >= live.until || this.#log.findLast((row) => row.key === key)) this.#live.delete(key);
    }
    for (const row of drafts) this.#live.set(row.key, { row, until: Infinity });
    return [...this.#live.values()].filter(({ until }) => until < Infinity).map(({ row }) => row);
  }

  /** @param {Message | Draft | RunEntry} of @param {boolean} note @returns {Row} */
  #row(of, note) {
    const known = this.#made.get(of);
    if (known) return known;
    const kind = "text" in of ? "draft" : "run_id" in of ? "run" : "message";
    const key = "run_id" in of ? `run:${of.run_id}` : "key" in of ? of.key : of.message_id;
    const row = {
      key: note ? `note:${key}` : key,
      kind: /** @type {Row["kind"]} */ (kind),
      of,
      sender: of.sender,
      at: "at" in of ? of.at : this.#begun(note ? `note:${key}` : key),
      seq: "seq" in of ? of.seq : null,
      own: this.#isOwn(of),
      note,
      first: false,
      day: false,
    };
    this.#made.set(of, row);
    return row;
  }

  /** @param {string} key of a draft */
  #begun(key) {
    let drafted = this.#drafted.get(key);
    if (!drafted) this.#drafted.set(key, (drafted = { at: new Date(this.#now()).toISOString() }));
    for (const oldest of this.#drafted.keys()) if (this.#drafted.size > DRAFTS) this.#drafted.delete(oldest);
    return drafted.at;
  }

  /** @param {Message | Draft | RunEntry} of */
  #isOwn(of) {
    const { role, subject } = this.#viewer;
    if (of.sender.role !== role) return false;
    if (subject !== null) return of.sender.id === subject || ("delivery" in of && of.seq === null);
    return "key" in of && of.client_id != null && of.key === of.client_id; // it was sent here
  }

  /**
   * Rows with their groups and days. Whether the first row begins a day is not known while there are earlier ones.
   *
   * @param {Row[]} rows @param {boolean} hasEarlier
   */
  #arranged(rows, hasEarlier) {
    if (hasEarlier && rows.length) this.#begins.add(rows[0].key);
    /** @type {Row | null} */
    let before = null;
    return rows.map((made) => {
      const row = this.#made.get(made.of) ?? made; // as it was placed before
      const drafted = this.#drafted.get(row.key);
      const day = drafted?.day ?? (before ? !sameDay(before.at, row.at) : !hasEarlier);
      const first = drafted?.first ?? (day || !before || this.#begins.has(row.key) || !sameGroup(before, row));
      if (drafted) Object.assign(drafted, { day, first });
      const placed = row.first === first && row.day === day ? row : { ...row, first, day };
      if (placed !== row) this.#made.set(row.of, placed);
      before = placed;
      return placed;
    });
  }
}

/**
 * Ended runs at their place in the log, between the messages.
 *
 * @param {readonly Message[]} messages @param {readonly RunEntry[]} runs @returns {(Message | RunEntry)[]}
 */
function withRuns(messages, runs) {
  const shown = runs.filter(({ outcome }) => outcome !== "completed");
  const oldest = messages[0]?.seq ?? 0;
  /** @type {(Message | RunEntry)[]} */
  const found = [];
  let at = shown.findIndex(({ seq }) => seq > oldest || !messages.length);
  if (at < 0) return [...messages];
  for (const message of messages) {
    while (at < shown.length && shown[at].seq < (message.seq ?? Infinity)) found.push(shown[at++]);
    found.push(message);
  }
  return [...found, ...shown.slice(at)];
}

/**
 * Two logs by time, each in its own order.
 *
 * @param {Row[]} rows @param {Row[]} others
 */
function merged(rows, others) {
  const found = [];
  let at = 0;
  for (const row of rows) {
    while (at < others.length && Date.parse(others[at].at) < Date.parse(row.at)) found.push(others[at++]);
    found.push(row);
  }
  return [...found, ...others.slice(at)];
}

/** @param {string} one @param {string} other */
function sameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** @param {Row} before @param {Row} row */
function sameGroup(before, row) {
  const [one, other] = [before.sender, row.sender];
  if (before.kind === "run" || row.kind === "run" || before.note !== row.note) return false;
  if (one.role !== other.role || (one.id ?? one.name) !== (other.id ?? other.name)) return false;
  return Date.parse(row.at) - Date.parse(before.at) < GROUP;
}

/** @param {unknown[]} one @param {unknown[]} other */
function same(one, other) {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}
