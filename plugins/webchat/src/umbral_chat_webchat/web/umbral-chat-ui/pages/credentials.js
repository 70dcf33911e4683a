// The visitor's token: it comes in the fragment of the link, which no server and no log sees, and stays in this tab.

/** @import { Sender } from "../../umbral-chat.d.ts" */

/** @typedef {"localStorage" | "sessionStorage"} Area */

const VISITOR = "umbral-chat:visitor";

export class Credentials {
  #key;

  /** @param {string} conversation */
  constructor(conversation) {
    this.#key = `umbral-chat:token:${conversation}`;
  }

  /** Whether the address has a token. */
  isGiven() {
    return this.#given() !== null;
  }

  /** The token, which is taken out of the address: it does not stay in the history, nor in what is copied. */
  take() {
    const given = this.#given();
    if (given !== null) {
      history.replaceState(history.state, "", location.pathname + location.search);
      store("sessionStorage", this.#key, given);
      return given;
    }
    return stored("sessionStorage", this.#key);
  }

  forget() {
    try {
      sessionStorage.removeItem(this.#key);
    } catch {
      // Nothing could be kept.
    }
  }

  /** The person in this browser, for a service without keys. @returns {Sender} */
  visitor() {
    let id = stored("localStorage", VISITOR);
    if (!id) {
      id = `web-${randomId()}`;
      store("localStorage", VISITOR, id);
    }
    return { role: "user", id };
  }

  #given() {
    return new URLSearchParams(location.hash.slice(1)).get("token");
  }
}

/** Random, as an id of the visitor that no other browser has. */
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Where a page may store nothing, the very property throws: it works without, until it is reloaded. @param {Area} area @param {string} key */
function stored(area, key) {
  try {
    return globalThis[area].getItem(key);
  } catch {
    return null;
  }
}

/** @param {Area} area @param {string} key @param {string} value */
function store(area, key, value) {
  try {
    globalThis[area].setItem(key, value);
  } catch {
    // See `stored`.
  }
}
