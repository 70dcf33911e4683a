// The page's listeners, called once for all that changes in one turn.

/** @import { ChatState } from "../umbral-chat.d.ts" */

export class Listeners {
  /** @type {Set<(state: ChatState) => void>} */
  #listeners = new Set();
  #current;
  #notifying = false;

  /** @param {() => ChatState} current what they are called with */
  constructor(current) {
    this.#current = current;
  }

  /** Returns how to remove it. @param {(state: ChatState) => void} listener */
  add(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Something changed: they are called behind what runs now. */
  notify() {
    if (this.#notifying) return;
    this.#notifying = true;
    queueMicrotask(() => {
      this.#notifying = false;
      const state = this.#current();
      for (const listener of [...this.#listeners]) {
        try {
          listener(state);
        } catch (error) {
          complain(error); // the page's own, which stops nothing here
        }
      }
    });
  }
}

/** To the page's handler of errors. @param {unknown} error */
export function complain(error) {
  if (typeof reportError === "function") reportError(error);
  else console.error(error);
}
