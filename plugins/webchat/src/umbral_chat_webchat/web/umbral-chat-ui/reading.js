// What of a conversation was seen, and what is to be announced. Pure.

/** @import { ChatState } from "../umbral-chat.d.ts" */
/** @import { Row } from "./rows.js" */

/** So many messages at once are announced one by one; of more, how many there are. */
const ONE_BY_ONE = 3;

/** Rows that are looked through for new ones, from the end. */
const MOST = 1_000;

/**
 * What is to be announced to those who do not see the screen: whole messages, or only how many.
 *
 * @typedef {{rows: Row[], count: number}} News
 */

/**
 * Follows what the reader sees. The marker "new messages" stands above the oldest message that came while the reader did
 * not look; it stays until the reader writes, or the next message comes unseen.
 */
export class Reading {
  /** The marker's row; null: there is none. @type {string | null} */
  marker = null;
  /** Messages of others that were not seen yet. */
  unseen = 0;
  /** Up to here all was announced, or is older than the view; null: the first page is not there yet. @type {number | null} */
  #announced = null;
  /** The same of the notes, which have numbers of their own. @type {number | null} */
  #announcedNotes = null;
  #ownPending = 0;

  /**
   * @param {ChatState} state @param {ChatState | null} notes @param {readonly Row[]} rows
   * @param {boolean} looking whether the reader sees the end of them
   * @returns {News}
   */
  take(state, notes, rows, looking) {
    const [after, afterNotes] = [this.#announced, this.#announcedNotes];
    this.#announced = state.loaded ? state.seq : null;
    this.#announcedNotes = notes?.loaded ? notes.seq : null;
    this.#written(rows);
    if (state.seq < (after ?? 0)) this.marker = null; // the log is another one
    /** @type {Row[]} */
    const fresh = [];
    // From the end: what is new is there, and there may be thousands of rows.
    for (let at = rows.length - 1; at >= 0 && rows.length - at < MOST; at--) {
      const row = rows[at];
      if (row.kind === "draft" || row.seq === null) continue;
      const known = row.note ? afterNotes : after;
      if (known !== null && row.seq > known) fresh.push(row);
      else if (!notes) break; // of two logs, one may be ahead
    }
    fresh.reverse();
    const others = fresh.filter(({ own }) => !own);
    const messages = others.filter(({ kind, note }) => kind === "message" && !note);
    if (looking) this.seen();
    else if (messages.length) {
      if (this.unseen === 0) this.marker = messages[0].key;
      this.unseen += messages.length;
    }
    return others.length > ONE_BY_ONE ? { rows: [], count: others.length } : { rows: others, count: 0 };
  }

  /** The reader sees the end. */
  seen() {
    this.unseen = 0;
  }

  /**
   * Takes how many were unread when the view was opened, which is known after the first page.
   *
   * @param {number} unread @param {readonly Row[]} rows
   */
  opened(unread, rows) {
    const others = rows.filter(({ own, kind, note }) => !own && kind === "message" && !note);
    const oldest = others[Math.max(0, others.length - unread)];
    // With all that is loaded unread, the marker says nothing.
    if (unread > 0 && this.marker === null && oldest && oldest !== rows[0]) this.marker = oldest.key;
  }

  /** Who writes has read what is above. @param {readonly Row[]} rows */
  #written(rows) {
    let pending = 0;
    for (let at = rows.length - 1; at >= 0 && (rows[at].seq === null || rows[at].note); at--)
      if (rows[at].own && rows[at].kind === "message" && rows[at].seq === null) pending++;
    if (pending > this.#ownPending) this.marker = null;
    this.#ownPending = pending;
  }
}
