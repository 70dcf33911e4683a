// Reading by polls what is missing: the history to begin with, and what follows the cursor.

/** @import { Reading } from "./edges/edge.js" */
/** @import { Http } from "./http.js" */
/** @import { Input, Merge, Outcome } from "./merge.js" */

export class CatchUp {
  #http;
  #merge;
  #path;
  #pageSize;
  #signal;
  #take;
  #foreign;
  /** @type {Promise<Reading> | null} */
  #reading = null;
  #again = false;

  /**
   * @param {object} parts
   * @param {Http} parts.http
   * @param {Merge} parts.merge
   * @param {string} parts.path of the conversation
   * @param {number} parts.pageSize messages of the history to begin with
   * @param {AbortSignal} parts.signal ends everything
   * @param {(input: Input) => Outcome} parts.take feeds the merge
   * @param {() => void} parts.foreign called when the log is another one
   */
  constructor({ http, merge, path, pageSize, signal, take, foreign }) {
    this.#http = http;
    this.#merge = merge;
    this.#path = path;
    this.#pageSize = pageSize;
    this.#signal = signal;
    this.#take = take;
    this.#foreign = foreign;
  }

  /** Loads the newest page of the history. Rejects with `Problem` and `Unreachable`. */
  async load() {
    const query = { limit: this.#pageSize };
    const { body } = await this.#http.call("GET", `${this.#path}/messages`, { query, signal: this.#signal });
    this.#take({ type: "page", page: body });
  }

  /**
   * Reads what follows the cursor by polls. One reading at a time; a call during one makes it go on. Rejects as `load` does.
   *
   * @param {boolean} pushed whether signals are pushed
   */
  read(pushed) {
    this.#again = true;
    this.#reading ??= this.#readAll(pushed).finally(() => (this.#reading = null));
    return this.#reading;
  }

  /** @param {boolean} pushed @returns {Promise<Reading>} */
  async #readAll(pushed) {
    /** @type {Reading} */
    const reading = { news: false, mode: null };
    while (this.#again) {
      this.#again = false;
      const merge = this.#merge;
      const query = { after: merge.cursor, presence: pushed ? undefined : (merge.signals.presence?.version ?? "0") };
      const { body } = await this.#http.call("GET", `${this.#path}/events`, { query, signal: this.#signal });
      reading.news ||= Boolean(body.entries?.some((/** @type {{seq: number}} */ { seq }) => seq > merge.seq));
      reading.mode = body.mode ?? null;
      const { foreign } = this.#take({ type: "answer", answer: body, pushed });
      if (foreign) {
        this.#foreign();
        break;
      }
      if (body.has_more) this.#again = true;
    }
    return reading;
  }
}
