// Waits that end early: when they are aborted, when the network is back, when the page is shown, after sleep.

/** @import { Environment } from "../umbral-chat.d.ts" */

/** @typedef {"online" | "offline" | "visible" | "sleep" | "poke"} Wake why a wait ends early */

/** How often it is looked whether timers ran late, in milliseconds. A tab in the background may run timers once a minute. */
const TICK = 10_000;

/** A timer this late, in milliseconds, means that the machine or the tab slept: what is open may be dead. */
const LATE = 20_000;

/** One a chat: what its waits listen to. */
export class Waker {
  #env;
  /** @type {Set<(why: Wake) => void>} */
  #listeners = new Set();
  #stop;
  /** @type {any} */
  #timer = null;

  /** @param {Environment} env */
  constructor(env) {
    this.#env = env;
    this.#stop = env.listen((event) => this.wake(event));
    this.#tick(env.now());
  }

  /** Calls back at each wake. Returns how to end it. @param {(why: Wake) => void} listener */
  on(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {Wake} why */
  wake(why) {
    for (const listener of [...this.#listeners]) listener(why);
  }

  /**
   * Resolves after `ms` milliseconds, or at a wake (but not at `offline`), or when it is aborted.
   *
   * @param {number} ms @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  wait(ms, signal) {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const off = this.on((why) => why !== "offline" && done());
      const timer = this.#env.setTimeout(() => done(), ms);
      const done = () => {
        off();
        this.#env.clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done);
    });
  }

  stop() {
    this.#stop();
    this.#env.clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  /** @param {number} since */
  #tick(since) {
    this.#timer = this.#env.setTimeout(() => {
      const now = this.#env.now();
      if (now - since > TICK + LATE) this.wake("sleep");
      this.#tick(now);
    }, TICK);
  }
}
