// Reports that the person is here, for as long as the page is open: `away` while nobody sees it.

import { Backoff } from "./backoff.js";
import { described, isTransient, Problem } from "./errors.js";

/** @import { Environment, Sender } from "../umbral-chat.d.ts" */
/** @import { Http } from "./http.js" */
/** @import { Waker } from "./waker.js" */

/**
 * Reports until it is aborted; then that the device left. Returns where nothing provides presence, or it is refused.
 *
 * @param {object} parts
 * @param {Environment} parts.env
 * @param {Http} parts.http
 * @param {Waker} parts.waker
 * @param {string} parts.path of the conversation
 * @param {Sender | undefined} parts.sender the person, where the service allows one to be named
 * @param {AbortSignal} parts.signal
 * @param {(person: string) => void} parts.known called with who the person is among those who are here
 */
export async function reportPresence({ env, http, waker, path, sender, signal, known }) {
  const device = `web-${env.uuid().slice(0, 16)}`; // a tab's own: a person is here while any of the devices is
  const backoff = new Backoff({ random: env.random, initial: 1000 });
  while (!signal.aborted) {
    const body = { device, status: env.visible() ? "online" : "away", ...(sender ? { sender } : {}) };
    try {
      const answer = await http.call("PUT", `${path}/presence`, { body, signal });
      backoff.reset();
      if (answer.body.person) known(answer.body.person);
      await waker.wait(answer.body.renew_in * 1000, signal);
    } catch (error) {
      if (signal.aborted) break;
      // Full is no refusal for ever: places become free.
      const full = error instanceof Problem && error.code.startsWith("too_many");
      if (!isTransient(error) && !full) return;
      await waker.wait(backoff.next(described(error).retryAfter), signal);
    }
  }
  const named = sender ? { role: sender.role, id: sender.id ?? undefined } : {};
  // Nothing waits for it: a device that does not say that it leaves expires by itself.
  await http.call("DELETE", `${path}/presence`, { query: { device, ...named } }).catch(() => {});
}
