// How the connection is, as a page sees it.

/** @import { ConnectionState, Environment } from "../umbral-chat.d.ts" */

export class ConnectionStatus {
  #env;
  /** @type {ConnectionState} */
  #now;

  /** @param {Environment} env */
  constructor(env) {
    this.#env = env;
    this.#now = {
      state: "connecting",
      edge: null,
      reason: "starting",
      since: new Date(env.now()).toISOString(),
      mode: null,
      stale_since: null,
      leader: false,
    };
  }

  get now() {
    return this.#now;
  }

  /** Whether anything is different. `since` moves with state, edge and reason. @param {Partial<ConnectionState>} change */
  change(change) {
    const before = this.#now;
    const now = { ...before, ...change };
    if (now.state !== "open") Object.assign(now, { mode: null, stale_since: null });
    const moved = before.state !== now.state || before.edge !== now.edge || before.reason !== now.reason;
    if (moved) now.since = new Date(this.#env.now()).toISOString();
    if (JSON.stringify(before) === JSON.stringify(now)) return false;
    this.#now = now;
    return true;
  }
}
