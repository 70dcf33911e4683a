// Which messages are news to a visitor who does not look. Pure.

/** @import { ChatState } from "../../umbral-chat.d.ts" */

export class News {
  /** @type {number | null} seq of the newest message that was looked at; null: the history is not there yet */
  #last = null;

  /**
   * The messages of others that came since the last call; of the history, none.
   *
   * @param {Pick<ChatState, "messages" | "connection">} state
   */
  take({ messages, connection }) {
    const stored = messages.filter(({ seq }) => seq !== null);
    const newest = Math.max(0, ...stored.map(({ seq }) => seq ?? 0));
    const last = this.#last;
    if (last === null) {
      if (stored.length || connection.state === "open") this.#last = newest;
      return [];
    }
    this.#last = Math.max(last, newest);
    return stored.filter(({ seq, sender, redacted }) => (seq ?? 0) > last && sender.role !== "user" && !redacted);
  }
}

/** The count as a bubble shows it. @param {number} count */
export function badge(count) {
  return count > 99 ? "99+" : String(count);
}
