// The event stream format (HTML, "Server-sent events", 9.2.6), as text arrives. Pure.

/** Longest event that is kept, in characters: the longest message and its frame are far below. */
const LONGEST = 4_000_000;

/**
 * @typedef {{event: string, data: string, id: string | null}} StreamEvent `id`: of this very event; null: it has none
 */

export class SseParser {
  #rest = "";
  /** @type {string[]} */
  #data = [];
  #event = "";
  /** @type {string | null} */
  #id = null;
  #begun = false;
  #size = 0;
  /** Milliseconds that the service asks to wait before a reconnect; null: it did not say. @type {number | null} */
  retry = null;

  /**
   * The events that `text` completes. Throws RangeError for an event that is too long.
   *
   * @param {string} text
   * @returns {StreamEvent[]}
   */
  push(text) {
    if (!this.#begun && text) {
      this.#begun = true;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?=[^])/);
    // What follows the last line break, or a "\r" that a "\n" may still follow.
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length + this.#size > LONGEST) throw new RangeError("an event of the stream is too long");
    /** @type {StreamEvent[]} */
    const events = [];
    for (const line of lines) this.#line(line, events);
    return events;
  }

  /** @param {string} line @param {StreamEvent[]} events */
  #line(line, events) {
    if (line === "") return this.#dispatch(events);
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") {
      this.#data.push(value);
      this.#size += value.length;
    } else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
  }

  /** @param {StreamEvent[]} events */
  #dispatch(events) {
    if (this.#data.length) events.push({ event: this.#event || "message", data: this.#data.join("\n"), id: this.#id });
    this.#data = [];
    this.#event = "";
    this.#id = null;
    this.#size = 0;
  }
}
