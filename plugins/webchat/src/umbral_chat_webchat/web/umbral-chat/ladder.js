// Which edge to use: the best one that is offered, of those that did not fail lately. Pure.

/** @import { EdgeName, Offer } from "../umbral-chat.d.ts" */

/** The first suspension of an edge that failed, and the longest, in milliseconds. */
const SUSPENDED = 5_000;
const SUSPENDED_AT_MOST = 300_000;

/** Without a better edge on offer, one is asked for this often: realtime may have been switched on. Milliseconds. */
const ASK_AGAIN = 15_000;
const ASK_AGAIN_AT_MOST = 120_000;

/**
 * The edges of an offer, best first. A long poll is a poll that waits, so that one offer is of both.
 *
 * @type {Record<string, EdgeName[]>}
 */
const EDGES_OF_AN_OFFER = { direct: ["direct"], websocket: ["websocket"], sse: ["sse"], poll: ["long_poll", "poll"] };

/** @typedef {{edge: EdgeName, offer: Offer}} Rung */

export class Ladder {
  #random;
  /** @type {readonly EdgeName[]} */
  #usable;
  #preferDirect;
  /** @type {readonly EdgeName[] | null} */
  #order;
  /** @type {Rung[]} best first */
  #rungs = [];
  /** @type {Map<EdgeName, {failures: number, until: number, asked: number}>} */
  #suspended = new Map();
  #askedInVain = 0;

  /**
   * @param {{random: () => number, usable: readonly EdgeName[], order?: readonly EdgeName[] | null}} options
   *   `usable`: the edges that this environment has; `order`: the user's choice of edges, best first
   */
  constructor({ random, usable, order = null }) {
    this.#random = random;
    this.#usable = usable;
    this.#order = order;
    // A page that brings supabase-js wants its channel, though the service ranks what it pushes itself higher.
    this.#preferDirect = usable.includes("direct");
  }

  /** What `connect` offers now. @param {readonly Offer[]} offers */
  offer(offers) {
    const found = [...offers]
      .sort((one, other) => this.#rank(other) - this.#rank(one))
      .flatMap((offer) => (EDGES_OF_AN_OFFER[offer.edge] ?? []).map((edge) => ({ edge, offer })))
      .filter(({ edge }) => this.#usable.includes(edge) && (!this.#order || this.#order.includes(edge)));
    const order = this.#order;
    this.#rungs = order ? found.sort((one, other) => order.indexOf(one.edge) - order.indexOf(other.edge)) : found;
    this.#askedInVain = this.#wanted.every((edge) => this.offered(edge)) ? 0 : this.#askedInVain + 1;
  }

  /** What `connect` last offered of an edge; undefined: nothing. @param {EdgeName} edge @returns {Offer | undefined} */
  offered(edge) {
    return this.#rungs.find((rung) => rung.edge === edge)?.offer;
  }

  /** The edges that this client can use and may, best first. */
  get #wanted() {
    return (this.#order ?? this.#usable).filter((name) => this.#usable.includes(name));
  }

  /** The edge to use now; null: none is on offer. @param {number} now @returns {Rung | null} */
  best(now) {
    const free = this.#rungs.find(({ edge }) => (this.#suspended.get(edge)?.until ?? 0) <= now);
    // With all of them suspended the lowest one is the most likely to work.
    return free ?? this.#rungs.at(-1) ?? null;
  }

  /** Whether `edge` comes before `other`. @param {EdgeName} edge @param {EdgeName} other */
  isBetter(edge, other) {
    const at = (/** @type {EdgeName} */ name) => this.#rungs.findIndex((rung) => rung.edge === name);
    return at(edge) >= 0 && (at(other) < 0 || at(edge) < at(other));
  }

  /**
   * It could not be opened, or did not last, while the service answered.
   *
   * @param {EdgeName} edge @param {number} now
   * @param {number | null} [retryAfter] seconds that the service asked to wait: before that it is not opened, whatever else
   *   there is
   */
  failed(edge, now, retryAfter = null) {
    const failures = (this.#suspended.get(edge)?.failures ?? 0) + 1;
    const most = Math.min(SUSPENDED_AT_MOST, SUSPENDED * 2 ** (failures - 1));
    const drawn = now + most / 2 + (most / 2) * this.#random();
    const asked = retryAfter ? now + retryAfter * 1000 * (1 + this.#random() / 4) : now;
    this.#suspended.set(edge, { failures, until: Math.max(drawn, asked), asked });
  }

  /** Milliseconds for which the service asked not to open this edge. @param {EdgeName} edge @param {number} now */
  pause(edge, now) {
    return Math.max(0, (this.#suspended.get(edge)?.asked ?? now) - now);
  }

  /** It lasted. @param {EdgeName} edge */
  worked(edge) {
    this.#suspended.delete(edge);
  }

  /** The service itself does not answer: no edge is to blame. */
  forgive() {
    this.#suspended.clear();
  }

  /**
   * When to look for something better than `edge`, in milliseconds since 1970; null: there is nothing better.
   *
   * @param {EdgeName} edge @param {number} now
   */
  climbAt(edge, now) {
    const better = this.#rungs.filter((rung) => this.isBetter(rung.edge, edge));
    if (better.length) return Math.min(...better.map((rung) => Math.max(now, this.#suspended.get(rung.edge)?.until ?? now)));
    // What the service does not offer now, it may later: realtime was switched off, or its own link to Supabase is down.
    const wanted = this.#wanted;
    if (wanted.slice(0, Math.max(0, wanted.indexOf(edge))).every((name) => this.offered(name))) return null;
    const most = Math.min(ASK_AGAIN_AT_MOST, ASK_AGAIN * 2 ** Math.max(0, Math.min(this.#askedInVain - 1, 10)));
    return now + most / 2 + (most / 2) * this.#random();
  }

  /** @param {Offer} offer */
  #rank(offer) {
    return offer.edge === "direct" && this.#preferDirect ? Infinity : offer.rank;
  }
}
