// Who the visitor is: the conversation of this browser, and its tokens.

import { normalized } from "./read.js";

/** @import { EmbedOptions } from "../../umbral-chat-embed.d.ts" */

/** Milliseconds for a token's source: a workflow that starts cold takes some seconds. */
const TIMEOUT = 20_000;

/** @typedef {Pick<globalThis.Storage, "getItem" | "setItem">} Memory */

export class Visitor {
  #options;
  #memory;
  #fetch;
  #prefix;
  /** @type {string | null} known, and not used yet */
  #first = null;
  /** @type {string} */
  conversation;
  /** @type {string | null} of the token */
  subject = null;

  /**
   * @param {EmbedOptions} options @param {string} service its address
   * @param {{memory?: Memory | null, fetch?: typeof globalThis.fetch}} [parts]
   */
  constructor(options, service, { memory = localMemory(), fetch = (...args) => globalThis.fetch(...args) } = {}) {
    this.#options = options;
    this.#memory = memory;
    this.#fetch = fetch;
    this.#prefix = `umbral-chat-embed:${service}:`;
    this.conversation = options.conversation ?? this.#own();
  }

  /** Whether the visitor has a token's source; without one the service has to be one without keys. */
  get hasTokens() {
    return Boolean(this.#options.token ?? this.#options.tokenUrl ?? this.#options.getToken);
  }

  /** Whether there may be something to read before the visitor opens the chat. */
  get hasBegun() {
    return this.#options.conversation !== undefined || this.recall("begun") === "yes";
  }

  /** Asks for the first token, which may say which conversation it is for. Rejects with what its source fails with. */
  async begin() {
    if (this.hasTokens) {
      const { token, conversation } = await this.#ask("start");
      if (conversation) this.conversation = conversation;
      this.#first = token;
      this.subject = subjectOf(token);
    } else this.subject = this.conversation;
    this.remember("begun", "yes");
  }

  /** For `connect`. @param {"start" | "renew"} why */
  async token(why) {
    const first = this.#first;
    this.#first = null;
    return first ?? (await this.#ask(why)).token;
  }

  /** What this browser kept. @param {string} name */
  recall(name) {
    return this.#memory?.getItem(this.#prefix + name) ?? null;
  }

  /** A full or forbidden storage costs the memory, and nothing else. @param {string} name @param {string} value */
  remember(name, value) {
    try {
      this.#memory?.setItem(this.#prefix + name, value);
    } catch {
      this.#memory = null;
    }
  }

  /** @param {"start" | "renew"} why */
  async #ask(why) {
    const { token, tokenUrl, getToken } = this.#options;
    if (getToken) return normalized(await getToken(this.conversation, why));
    if (!tokenUrl) return normalized(token ?? null);
    const response = await this.#fetch(tokenUrl, {
      method: "POST",
      body: new URLSearchParams({ session: this.conversation }),
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (!response.ok) throw new Error(`no token: ${response.status}`);
    return normalized(await response.json());
  }

  /** The conversation of this browser. Whoever knows its id can ask for its token, so it is random. */
  #own() {
    const known = this.recall("conversation");
    if (known) return known;
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const made = `web:${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    this.remember("conversation", made);
    return made;
  }
}

/** The subject that a token shows, if it is a JWT; nothing is verified. @param {string | null} token */
export function subjectOf(token) {
  try {
    const payload = (token ?? "").split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === "string" ? sub : null;
  } catch {
    return null;
  }
}

/** Where a page may not store anything, reading the very property throws. @returns {Memory | null} */
function localMemory() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}
