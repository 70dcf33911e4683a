// Keeps a conversation followed: the best edge that works, the next one where it fails, and back up when it can.

import { Backoff } from "./backoff.js";
import { CatchUp } from "./catch-up.js";
import { described, isTransient, Problem, Unreachable } from "./errors.js";
import { Ladder } from "./ladder.js";
import { aborted, isPushed, openSession } from "./session.js";

/** @import { ConnectionState, EdgeName, Environment, Options } from "../umbral-chat.d.ts" */
/** @import { Ending } from "./edges/edge.js" */
/** @import { Http } from "./http.js" */
/** @import { Rung } from "./ladder.js" */
/** @import { Input, Merge, Outcome } from "./merge.js" */
/** @import { Session } from "./session.js" */
/** @import { Tokens } from "./tokens.js" */
/** @import { Waker } from "./waker.js" */

/** An edge that lasted this long works, in milliseconds: what ends it later is no fault of its own. */
const LASTED = 10_000;

/** Offers are used again for this long, in milliseconds. */
const FRESH = 5_000;

/** While there is no network it is tried all the same, this often, in milliseconds: browsers have been wrong about it. */
const OFFLINE = 30_000;

/** So many refused tokens in a row end the connection. */
const REFUSALS = 5;

/** Endings after which the service itself will be there again at once. */
const PLANNED = new Set(["draining", "rebalance", "slow_consumer", "token_expired", "realtime_off"]);

/** @typedef {Partial<ConnectionState> & Pick<ConnectionState, "state" | "reason">} Report */

export class Connection {
  #env;
  #http;
  #tokens;
  #merge;
  #waker;
  #options;
  #path;
  #take;
  #report;
  #ladder;
  #backoff;
  #refusals = 0;
  /** Code of the error that ended the last session. */
  #refusal = "";
  #offered = -Infinity;
  #catchUp;
  /** @type {Session | null} the one that feeds the merge */
  #current = null;
  #signal;
  #restarts;

  /**
   * @param {object} parts
   * @param {Environment} parts.env
   * @param {Http} parts.http
   * @param {Tokens} parts.tokens
   * @param {Merge} parts.merge
   * @param {Waker} parts.waker
   * @param {Options} parts.options
   * @param {string} parts.path of the conversation
   * @param {AbortSignal} parts.signal ends everything
   * @param {(input: Input) => Outcome} parts.take feeds the merge
   * @param {(report: Report) => void} parts.report called with each change of the connection
   */
  constructor({ env, http, tokens, merge, waker, options, path, signal, take, report }) {
    this.#env = env;
    this.#http = http;
    this.#tokens = tokens;
    this.#merge = merge;
    this.#waker = waker;
    this.#options = options;
    this.#path = path;
    this.#signal = signal;
    this.#take = take;
    this.#report = report;
    this.#backoff = new Backoff({ random: env.random });
    this.#restarts = new Backoff({ random: env.random, initial: 100 });
    const foreign = () => this.#restart(this.#current);
    this.#catchUp = new CatchUp({ http, merge, path, pageSize: options.pageSize ?? 50, signal, take, foreign });
    /** @type {EdgeName[]} */
    const usable = ["long_poll", "poll"];
    if (typeof ReadableStream !== "undefined") usable.unshift("sse");
    if (env.WebSocket) usable.unshift("websocket");
    if (options.supabase) usable.unshift("direct");
    this.#ladder = new Ladder({ random: env.random, usable, order: options.edges ?? null });
  }

  /** Follows until it is aborted, or the service says that there is nothing to come back to. */
  async run() {
    const signal = this.#signal;
    this.#report({ state: "connecting", reason: "starting", edge: null });
    const off = this.#waker.on((why) => why === "offline" && this.#current?.controller.abort());
    try {
      while (!signal.aborted && (await this.#round(signal)));
    } finally {
      off();
    }
  }

  /** See `CatchUp.read`. @param {boolean} pushed */
  read(pushed) {
    return this.#catchUp.read(pushed);
  }

  /** See `CatchUp.load`. */
  load() {
    return this.#catchUp.load();
  }

  /** One edge from its beginning to its end. @param {AbortSignal} signal @returns {Promise<boolean>} whether to go on */
  async #round(signal) {
    if (!this.#env.online()) {
      this.#report({ state: "offline", reason: "offline", edge: null });
      await this.#waker.wait(OFFLINE, signal);
      if (signal.aborted) return false;
    }
    try {
      if (!this.#merge.loaded) await this.load();
      await this.#askOffers(signal);
    } catch (error) {
      return this.#recover(error, signal);
    }
    const rung = this.#ladder.best(this.#env.now());
    if (!rung) return this.#close({ code: "no_edge", detail: "The service offers no edge that this client can use." });
    const pause = this.#ladder.pause(rung.edge, this.#env.now());
    if (pause > 0) {
      this.#report({ state: "waiting", reason: this.#refusal, edge: null });
      await this.#waker.wait(pause, signal);
      return !signal.aborted;
    }
    const { session, ending, error } = await this.#follow(this.#open(rung, signal), signal);
    if (signal.aborted) return false;
    return this.#after(session, ending, error, signal);
  }

  /** What `connect` offers, unless it was asked a moment ago. @param {AbortSignal} signal */
  async #askOffers(signal) {
    const now = this.#env.now();
    if (now - this.#offered < FRESH) return;
    try {
      const { body } = await this.#http.call("POST", `${this.#path}/connect`, { signal });
      this.#ladder.offer(body.offers);
      this.#offered = this.#env.now();
      this.#refusals = 0;
      this.#backoff.reset();
    } catch (error) {
      // Asked too often: what was offered before is still the best guess.
      if (!(error instanceof Problem && error.status === 429 && this.#offered > 0)) throw error;
    }
  }

  /** @param {Rung} rung @param {AbortSignal} signal */
  #open(rung, signal) {
    const parts = {
      env: this.#env,
      http: this.#http,
      tokens: this.#tokens,
      waker: this.#waker,
      merge: this.#merge,
      conversation: this.#options.conversation,
      supabase: this.#options.supabase,
      read: (/** @type {boolean} */ how) => this.read(how),
      offered: async () => {
        this.#offered = -Infinity;
        await this.#askOffers(signal);
        return this.#ladder.offered(rung.edge);
      },
    };
    return openSession(rung, parts, signal, {
      feed: (session, input) => this.#feed(input, isPushed(rung.edge), session),
      use: (session, about) => this.#use(session, about),
    });
  }

  /** It works: the one before it is not needed any more. @param {Session} session @param {{mode?: string, stale_since?: string | null}} about */
  #use(session, about) {
    const before = this.#current;
    this.#current = session;
    if (before && before !== session) before.controller.abort();
    this.#backoff.reset();
    const { mode = null, stale_since = null } = about;
    this.#report({ state: "open", reason: "open", edge: session.rung.edge, mode, stale_since });
  }

  /** @param {Input} input @param {boolean} pushed @param {Session} session */
  #feed(input, pushed, session) {
    const { gap, foreign } = this.#take(input);
    if (foreign) this.#restart(session);
    else if (gap) void this.read(pushed).catch(() => session.controller.abort());
  }

  /** The log is another one. @param {Session | null} session */
  #restart(session) {
    this.#merge.restart();
    this.#offered = -Infinity; // what is not in the log comes with the next connection
    session?.controller.abort();
  }

  /**
   * Waits for the end of the session, or of a better one that was opened beside it.
   *
   * @param {Session} session @param {AbortSignal} signal
   */
  async #follow(session, signal) {
    for (;;) {
      const over = new AbortController();
      const ended = session.done.then((how) => ({ session, better: null, ...how }));
      const climbed = this.#climb(session, over.signal, signal).then((better) => ({ session, better, ending: null, error: null }));
      const first = await Promise.race([ended, climbed]);
      over.abort();
      if (!first.better) {
        // A climb that is under way may just have opened; then that one is followed.
        const late = (await climbed).better;
        if (!late) return first;
        session = late;
      } else session = first.better;
    }
  }

  /**
   * Opens a better edge beside this one, again and again. Resolves to it once it is open; to null when it is `over`.
   *
   * @param {Session} session @param {AbortSignal} over @param {AbortSignal} signal
   * @returns {Promise<Session | null>}
   */
  async #climb(session, over, signal) {
    await Promise.race([session.opened, aborted(over)]);
    while (!over.aborted) {
      const at = this.#ladder.climbAt(session.rung.edge, this.#env.now());
      if (at === null) return aborted(over).then(() => null);
      await this.#waker.wait(Math.max(at - this.#env.now(), 1000), over);
      if (over.aborted || !this.#env.online()) continue;
      try {
        await this.#askOffers(over);
      } catch {
        continue; // the session itself notices whether the service is there
      }
      const rung = this.#ladder.best(this.#env.now());
      if (over.aborted || !rung || !this.#ladder.isBetter(rung.edge, session.rung.edge)) continue;
      const better = this.#open(rung, signal);
      if (await better.opened) return better;
      this.#ladder.failed(rung.edge, this.#env.now());
    }
    return null;
  }

  /** What follows the end of a session. @returns {Promise<boolean>} whether to go on
   * @param {Session} session @param {Ending | null} ending @param {unknown} error @param {AbortSignal} signal */
  async #after(session, ending, error, signal) {
    const { edge } = session.rung;
    const now = this.#env.now();
    const wasOpen = this.#current === session;
    if (wasOpen) this.#current = null;
    const lasted = wasOpen && now - session.since >= LASTED;
    if (lasted) {
      this.#ladder.worked(edge);
      this.#restarts.reset();
    }
    if (!this.#env.online()) return true; // we ended it ourselves
    if (!this.#merge.loaded) return this.#waker.wait(this.#restarts.next(), signal).then(() => true); // so here
    if (error !== null || ending === null) {
      const problem = error instanceof Problem ? error : null;
      if (problem && !isTransient(problem)) return this.#recover(problem, signal);
      const retryAfter = problem?.retryAfter ?? null;
      if (!lasted || retryAfter) this.#ladder.failed(edge, now, retryAfter);
      this.#refusal = described(error).code;
      this.#offered = -Infinity; // whether the edge or the service is to blame, `connect` will tell
      this.#report({ state: "connecting", reason: this.#refusal, edge: null });
      return true;
    }
    if (ending.code === "aborted") return true;
    if (ending.code === "cursor_expired") {
      this.#restart(null);
      return this.#waker.wait(this.#restarts.next(), signal).then(() => true);
    }
    if (ending.reconnect === "never" && !ending.faulty) return this.#close(ending);
    if (ending.faulty || !(lasted || PLANNED.has(ending.code))) this.#ladder.failed(edge, now);
    this.#offered = -Infinity;
    this.#report({ state: "connecting", reason: ending.code, edge: null });
    if (ending.reconnect === "renew") {
      try {
        await this.#tokens.renew(await this.#tokens.current());
      } catch (renewal) {
        return this.#recover(renewal, signal);
      }
    }
    // `draining` spreads its clients over the time that it names; after any other the time is a minimum.
    const { retryMs = 0 } = ending;
    const pause = ending.spread ? retryMs * this.#env.random() : ending.reconnect === "now" ? retryMs * (1 + this.#env.random() / 4) : 0;
    if (pause > 0) await this.#waker.wait(pause, signal);
    return true;
  }

  /** After an error of the service itself. @param {unknown} error @param {AbortSignal} signal @returns {Promise<boolean>} */
  async #recover(error, signal) {
    if (signal.aborted) return false;
    if (!this.#env.online()) return true;
    const known = described(error);
    if (known.code === "cursor_expired") {
      this.#restart(null);
      return this.#waker.wait(this.#restarts.next(), signal).then(() => true);
    }
    if (known.status === 401 && ++this.#refusals >= (this.#tokens.renewable ? REFUSALS : 1)) return this.#close(known);
    // What is no answer at all, such as a proxy's page, is no verdict either.
    if (error instanceof Problem && !isTransient(error) && known.code !== "error") return this.#close(known);
    if (error instanceof Unreachable) this.#ladder.forgive();
    this.#offered = -Infinity;
    this.#report({ state: "waiting", reason: known.code, edge: null });
    await this.#waker.wait(this.#backoff.next(known.retryAfter), signal);
    return true;
  }

  /** @param {{code: string, detail?: string}} why */
  #close({ code }) {
    this.#report({ state: "closed", reason: code, edge: null });
    return false;
  }
}
