// The calls of the inbox, on the client's own HTTP: each is one attempt, and what it fails with is shown to the operator.

/** @import { ConversationFields, FoldedMessage, Offer } from "../../umbral-chat.d.ts" */
/** @import { Http } from "../../umbral-chat/http.js" */

/**
 * A conversation as the service lists it.
 *
 * @typedef {object} Conversation
 * @property {string} id
 * @property {string} epoch
 * @property {number} head
 * @property {string} cursor
 * @property {"open" | "closed"} status
 * @property {"assistant" | "human"} responder
 * @property {string | null} [assignee]
 * @property {string | null} [title]
 * @property {Record<string, unknown> | null} [metadata]
 * @property {string} last_activity RFC 3339
 * @property {FoldedMessage | null} [last_message]
 * @property {number} unread
 */

/** @typedef {{conversations: Conversation[], before: string | null}} InboxPage */

/**
 * Who calls. `local`: the service has no keys, and needs no sign-in.
 *
 * @typedef {{kind: string, subject: string, role: string, name: string | null, rights: string[], expires_at: string | null}} Who
 */

/** @typedef {"markdown" | "text" | "json"} TranscriptFormat */

/** Conversations of a page. */
const PAGE = 50;

/** A transcript is written while it is read, and may be long; milliseconds. */
const TRANSCRIPT_TIMEOUT = 120_000;

export class InboxApi {
  #http;
  /** Of the last first page, for the query that it was of. @type {{query: string, etag: string | null}} */
  #known = { query: "", etag: null };

  /** @param {Http} http */
  constructor(http) {
    this.#http = http;
  }

  /**
   * A page of the list. Null: the first page of this query is as it was at the last call.
   *
   * @param {Record<string, string | undefined>} query @param {string | null} before @param {AbortSignal} signal
   * @returns {Promise<InboxPage | null>}
   */
  async list(query, before, signal) {
    const asked = JSON.stringify(query);
    const etag = before === null && this.#known.query === asked ? this.#known.etag : null;
    const { status, headers, body } = await this.#http.call("GET", "/v1/conversations", {
      query: { ...query, limit: PAGE, before: before ?? undefined },
      headers: etag ? { "If-None-Match": etag } : {},
      signal,
    });
    if (status === 304) return null;
    if (before === null) this.#known = { query: asked, etag: headers.get("ETag") };
    return body;
  }

  /** The next first page comes whole: what was made of the last one is gone. */
  forget() {
    this.#known = { query: "", etag: null };
  }

  /** @param {string} id @param {AbortSignal} [signal] @returns {Promise<Conversation>} */
  async one(id, signal) {
    return (await this.#http.call("GET", path(id), { signal })).body;
  }

  /** The URL of the WebSocket that `connect` offers, which carries all conversations. @param {string} id @param {AbortSignal} signal */
  async webSocket(id, signal) {
    const { body } = await this.#http.call("POST", `${path(id)}/connect`, { signal });
    const offer = body.offers.find((/** @type {Offer} */ { edge }) => edge === "websocket");
    return offer ? this.#http.resolve(offer.url).replace(/^http/i, "ws") : null;
  }

  /** Rejects with the `Problem` `already_taken`, whose body has the `assignee`. @param {string} id @returns {Promise<Conversation>} */
  async takeOver(id) {
    return (await this.#http.call("POST", `${path(id)}/takeover`, { body: {} })).body;
  }

  /** @param {string} id @returns {Promise<Conversation>} */
  async giveBack(id) {
    return (await this.#http.call("DELETE", `${path(id)}/takeover`)).body;
  }

  /** @param {string} id @param {ConversationFields} changes @returns {Promise<Conversation>} */
  async change(id, changes) {
    return (await this.#http.call("PATCH", path(id), { body: changes })).body;
  }

  /** @param {string} id @param {TranscriptFormat} format @returns {Promise<Blob>} */
  async transcript(id, format) {
    const bound = AbortSignal.timeout(TRANSCRIPT_TIMEOUT);
    const response = await this.#http.open("GET", `${path(id)}/transcript`, { query: { format }, signal: bound });
    return response.blob();
  }

  /** Who the service takes this page for. Rejects with the `Problem` 401 where somebody has to sign in. @returns {Promise<Who>} */
  async who() {
    return (await this.#http.call("GET", "/v1/session")).body;
  }

  /**
   * Exchanges a key for a session; the key goes into this one request and nowhere else.
   *
   * @param {string} name @param {string} key
   * @returns {Promise<Who>}
   */
  async signIn(name, key) {
    const headers = { Authorization: `Bearer ${key}` };
    return (await this.#http.call("POST", "/v1/session", { body: { name }, headers })).body;
  }

  async signOut() {
    await this.#http.call("DELETE", "/v1/session");
  }
}

/** @param {string} id */
const path = (id) => `/v1/conversations/${encodeURIComponent(id)}`;
