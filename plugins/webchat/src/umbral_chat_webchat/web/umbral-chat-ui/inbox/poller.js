// When the list is asked for again: at a bounded pace, slower in the background, with back-off while it fails, and at
// once when something is known to have changed.

import { Backoff } from "../../umbral-chat/backoff.js";
import { described, isTransient } from "../../umbral-chat/errors.js";

/** @import { Environment } from "../../umbral-chat.d.ts" */
/** @import { Waker } from "../../umbral-chat/waker.js" */

/** Milliseconds between two questions while things happen, and the most of them while nothing does. */
const PACE = 2_000;
const PACE_AT_MOST = 6_000;

/** What each question in vain adds, in milliseconds. */
const SLOWING = 500;

/** In a tab that nobody sees, in milliseconds: for the title's count alone. */
const BACKGROUND = 30_000;

/** The least between the beginnings of two questions, in milliseconds, however many hints there are. */
const SPACING = 400;

/** After an answer that waiting does not mend, in milliseconds; a poke asks before that. */
const REFUSED = 60_000;

/** A browser may not say that the network is back; milliseconds. */
const OFFLINE = 30_000;

/** `signed_out` and `refused` do not mend themselves. @typedef {"open" | "waiting" | "offline" | "signed_out" | "refused"} PollState */

export class Poller {
  #parts;
  #quiet = 0;
  #again = false;
  #asked = -Infinity;
  /** Whether the service did not answer: then hints do not shorten the pause, whatever they are of. */
  #failing = false;

  /**
   * @param {object} parts
   * @param {Environment} parts.env
   * @param {Waker} parts.waker
   * @param {(signal: AbortSignal) => Promise<boolean>} parts.ask resolves to whether something changed
   * @param {(state: PollState, reason: string) => void} parts.report
   * @param {AbortSignal} parts.signal
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Something changed: ask soon. `now`: the person asked for it, so a back-off ends, too. @param {boolean} [now] */
  poke(now = false) {
    this.#quiet = 0;
    if (this.#failing && !now) return;
    this.#again = true;
    this.#parts.waker.wake("poke");
  }

  /** Asks until it is aborted. */
  async run() {
    const { env, waker, signal, report } = this.#parts;
    const backoff = new Backoff({ random: env.random, initial: 1_000, maximum: 60_000 });
    const off = waker.on((why) => why === "offline" && report("offline", "offline"));
    signal.addEventListener("abort", off);
    while (!signal.aborted) {
      if (!env.online()) {
        report("offline", "offline");
        await waker.wait(OFFLINE, signal);
        continue;
      }
      const pause = await this.#once(backoff);
      // A hint during the answer, or in the pause, leads to another question, but not sooner than the spacing.
      if (!this.#again) await waker.wait(pause, signal);
      while (!signal.aborted && env.now() - this.#asked < SPACING) await waker.wait(this.#asked + SPACING - env.now(), signal);
    }
  }

  /** One question. Returns the pause after it, in milliseconds. @param {Backoff} backoff */
  async #once(backoff) {
    const { env, ask, report, signal } = this.#parts;
    this.#again = false;
    this.#asked = env.now();
    try {
      this.#quiet = (await ask(signal)) ? 0 : this.#quiet + 1;
      backoff.reset();
      this.#failing = false;
      report("open", "open");
      return pace(this.#quiet, env.visible());
    } catch (error) {
      if (signal.aborted) return 0;
      const { code, status, retryAfter } = described(error);
      this.#failing = status !== 401 && isTransient(error);
      if (status === 401) {
        report("signed_out", code);
        return REFUSED;
      }
      if (!isTransient(error)) {
        report("refused", code);
        return REFUSED;
      }
      this.#again = false;
      report("waiting", code);
      return backoff.next(retryAfter);
    }
  }
}

/** The pause after so many questions in vain, in milliseconds. @param {number} quiet @param {boolean} visible */
export function pace(quiet, visible) {
  return visible ? Math.min(PACE_AT_MOST, PACE + quiet * SLOWING) : BACKGROUND;
}
