// The token that requests are sent with, and how a new one is had.

import { Problem, Unreachable } from "./errors.js";

/** @import { Environment, Options, Sender } from "../umbral-chat.d.ts" */

/** The page's own function may take this long, in milliseconds. */
const PATIENCE = 20_000;

export class Tokens {
  #env;
  #getToken;
  /** @type {string | null} */
  #token;
  #asked;
  /** @type {Promise<string | null> | null} */
  #pending = null;

  /** @param {Environment} env @param {Pick<Options, "token" | "getToken">} options */
  constructor(env, { token = null, getToken }) {
    this.#env = env;
    this.#getToken = getToken;
    this.#token = token;
    this.#asked = token !== null || !getToken;
  }

  /** Whether a new one can be had. */
  get renewable() {
    return this.#getToken !== undefined;
  }

  /** The claims that the token shows, if it is a JWT; nothing is verified. @returns {Record<string, any>} */
  get claims() {
    try {
      const payload = (this.#token ?? "").split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
      const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
      return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
    } catch {
      return {};
    }
  }

  /** The sender that messages with this token have, as far as it shows. @returns {Sender | null} */
  get sender() {
    const { role, sub, name, iss } = this.claims;
    return iss === "umbral-chat" && sub ? { role, id: sub, ...(name ? { name } : {}) } : null;
  }

  /** The token to send. Rejects as `renew` does. @returns {Promise<string | null>} */
  async current() {
    return this.#asked ? this.#token : this.#ask("start");
  }

  /**
   * Another token than `refused`. Rejects with `Unreachable` when the page's function fails, and with a `Problem` 401
   * when there is none.
   *
   * @param {string | null} refused
   * @returns {Promise<string | null>}
   */
  async renew(refused) {
    if (this.#token !== refused) return this.#token; // it was renewed meanwhile
    return this.#ask("renew");
  }

  /** @param {"start" | "renew"} why */
  #ask(why) {
    this.#pending ??= this.#call(why).finally(() => (this.#pending = null));
    return this.#pending;
  }

  /** @param {"start" | "renew"} why */
  async #call(why) {
    if (!this.#getToken) throw new Problem(401, { code: "token_expired", detail: "The token is refused, and there is no getToken." });
    /** @type {any} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = this.#env.setTimeout(() => reject(new Error("getToken did not answer in time")), PATIENCE);
    });
    try {
      this.#token = /** @type {string | null} */ (await Promise.race([this.#getToken(why), late]));
    } catch (error) {
      if (error instanceof Problem) throw error;
      // Its own words may hold what the page sent for it: they go no further than the cause.
      throw new Unreachable("getToken failed", error);
    } finally {
      this.#env.clearTimeout(timer);
    }
    this.#asked = true;
    return this.#token;
  }
}
