// Who the operator is, and what happens when the session ends: the form, and then everything goes on where it was.

import { Backoff } from "../../umbral-chat/backoff.js";
import { described, isTransient } from "../../umbral-chat/errors.js";
import { operatorOf } from "./operator.js";
import { SignIn } from "./sign-in.js";

/** @import { Environment } from "../../umbral-chat.d.ts" */
/** @import { Waker } from "../../umbral-chat/waker.js" */
/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { InboxApi, Who } from "./api.js" */
/** @import { Operator } from "./operator.js" */
/** @import { PollState } from "./poller.js" */
/** @import { Way } from "./sign-in-ways.js" */

/** Before it is known who it is. @type {Who} */
const NOBODY = { kind: "", subject: "", role: "agent", name: null, rights: [], expires_at: null };

export class Session {
  #parts;
  #form;
  /** @type {Operator} */
  operator = operatorOf(NOBODY, "");

  /**
   * @param {object} parts
   * @param {InboxApi} parts.api
   * @param {Environment} parts.env
   * @param {Waker} parts.waker
   * @param {AbortSignal} parts.signal
   * @param {Strings} parts.strings
   * @param {(state: PollState, reason: string) => void} parts.report
   * @param {[Way, ...Way[]]} parts.ways to sign in
   * @param {(again: boolean) => void} parts.entered there is an operator; `again`: after a session that ended
   */
  constructor(parts) {
    this.#parts = parts;
    this.#form = new SignIn(parts.strings, parts.ways);
  }

  /** The form's dialog, for the page. */
  get element() {
    return this.#form.element;
  }

  /** Asks until the service says who this is, which may need somebody to sign in. */
  async begin() {
    const { api, env, waker, report, signal } = this.#parts;
    const backoff = new Backoff({ random: env.random });
    while (!signal.aborted) {
      try {
        const who = await api.who();
        report("open", "open");
        return this.#enter(who, false);
      } catch (error) {
        const { code, status, retryAfter } = described(error);
        if (status === 401) return this.#enter(await this.#form.ask(false), false);
        report(isTransient(error) ? "waiting" : "refused", code);
        await waker.wait(backoff.next(retryAfter), signal);
      }
    }
  }

  /** The service does not know the session any more. */
  async lost() {
    if (this.#form.isOpen || !this.operator.subject) return;
    this.#enter(await this.#form.ask(true), true);
  }

  /** The service answers: if the form is open, somebody has signed in in another tab, whose cookie is this page's, too. */
  async answers() {
    if (!this.#form.isOpen || !this.operator.subject) return;
    try {
      this.#form.settle(await this.#parts.api.who());
    } catch {
      // The form stays.
    }
  }

  /** Ends the session, and with the page all that it showed. Rejects with `Problem` and `Unreachable`. */
  async leave() {
    try {
      await this.#parts.api.signOut();
    } catch (error) {
      const { status } = described(error);
      if (status !== 401 && status !== 404) throw error; // else it had ended already
    }
    location.reload();
  }

  /** @param {Who} who @param {boolean} again */
  #enter(who, again) {
    this.operator = operatorOf(who, this.#parts.strings.t("inbox.operator"));
    this.#parts.entered(again);
  }
}
