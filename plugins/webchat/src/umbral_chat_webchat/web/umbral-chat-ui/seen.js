// Which messages were read, and by whom. Pure.

import { listed, nameOf } from "./wording.js";

/** @import { Receipt } from "../umbral-chat.d.ts" */
/** @import { Strings, Viewer } from "../umbral-chat-ui.d.ts" */

export class Seen {
  #viewer;
  #strings;
  /** @type {readonly Receipt[]} */
  #given = [];
  /** Of others, who has read furthest first. @type {readonly Receipt[]} */
  #readers = [];
  /** By the number of readers: messages that the same have read have the same words. @type {Map<number, string>} */
  #words = new Map();

  /** @param {Viewer} viewer @param {Strings} strings */
  constructor(viewer, strings) {
    this.#viewer = viewer;
    this.#strings = strings;
  }

  /** @param {readonly Receipt[]} readers @returns {boolean} whether they are others than before */
  take(readers) {
    if (readers === this.#given) return false;
    this.#given = readers;
    const { role, subject } = this.#viewer;
    const isOwn = (/** @type {Receipt} */ reader) => reader.role === role && (subject === null || reader.subject === subject);
    this.#readers = readers.filter((reader) => !isOwn(reader)).sort((one, other) => other.seq - one.seq);
    this.#words.clear();
    return true;
  }

  /**
   * What is said of an own message: agents see by whom it was read, others that it was.
   *
   * @param {number | null} seq @returns {string | null} null: nobody who lets others see it has read it
   */
  of(seq) {
    const after = seq === null ? 0 : this.#readers.findIndex((reader) => reader.seq < seq);
    const count = after < 0 ? this.#readers.length : after;
    if (!count) return null;
    const known = this.#words.get(count);
    if (known !== undefined) return known;
    const words = this.#describe(this.#readers.slice(0, count));
    this.#words.set(count, words);
    return words;
  }

  /** @param {readonly Receipt[]} readers */
  #describe(readers) {
    const strings = this.#strings;
    if (this.#viewer.role !== "agent") return strings.t("seen");
    return strings.t("seen.by", { names: listed(readers.map((reader) => nameOf(reader, strings)), strings.lang) });
  }
}
