// What is said to those who do not see the screen: whole messages, politely, each once.

import { make } from "./dom.js";

/** What was said is removed after this time, in milliseconds: long enough to be taken, and not to be found again. */
const KEPT = 10_000;

export class Announcer {
  /** A log: what is added is read, what is removed is not. */
  element = make("div", "hidden", { role: "log", "aria-live": "polite", "aria-relevant": "additions" });
  /** @type {Set<number>} */
  #timers = new Set();

  /** @param {string} label */
  constructor(label) {
    this.element.setAttribute("aria-label", label);
  }

  /** @param {string} text */
  say(text) {
    if (!text) return;
    const line = make("p", "", { textContent: text });
    this.element.append(line);
    const timer = window.setTimeout(() => {
      this.#timers.delete(timer);
      line.remove();
    }, KEPT);
    this.#timers.add(timer);
  }

  end() {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
