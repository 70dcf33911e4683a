// A conversation as a page uses it: its state, and what the person does.

import { Backoff } from "./backoff.js";
import { Connection } from "./connection.js";
import { ConnectionStatus } from "./connection-status.js";
import { parseCursor } from "./cursor.js";
import { environment } from "./environment.js";
import { described, isTransient, Problem } from "./errors.js";
import { Http } from "./http.js";
import { complain, Listeners } from "./listeners.js";
import { Merge } from "./merge.js";
import { Outbox } from "./outbox.js";
import { reportPresence } from "./present.js";
import { States } from "./state.js";
import { Tabs } from "./tabs.js";
import { Tokens } from "./tokens.js";
import { Waker } from "./waker.js";
import { Writes } from "./writes.js";

/** @import { Chat, ChatState, ConnectionState, Entry, Options, Sender } from "../umbral-chat.d.ts" */
/** @import { Report } from "./connection.js" */
/** @import { Input, Outcome } from "./merge.js" */
/** @import { Item } from "./outbox.js" */
/** @import { Note } from "./tabs.js" */

const A_DAY = 86_400;

/** A tab that is not the leader by now loads the history for itself, in milliseconds. */
const FOLLOWING = 200;

/**
 * @param {Options} options
 * @returns {Chat}
 */
export function connect(options) {
  return new Conversation(options);
}

/** @implements {Chat} */
class Conversation {
  #options;
  #env;
  #base;
  #path;
  #tokens;
  #http;
  #waker;
  #merge = new Merge();
  #states = new States();
  #outbox;
  #connection;
  /** @type {Tabs | null} */
  #tabs = null;
  #name = "";
  #over = new AbortController();
  #listeners = new Listeners(() => this.state);
  /** @type {ChatState | null} */
  #state = null;
  #connectionStatus;
  /** @type {Report | null} */
  #lastReport = null;
  #unread = 0;
  /** @type {number | null} */
  #unreadAtOpening = null;
  #drainQueued = false;
  #writes;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    const env = (this.#env = environment(options.environment));
    this.#base = (options.url ?? globalThis.location?.origin ?? "").replace(/\/+$/, "");
    this.#path = `/v1/conversations/${encodeURIComponent(options.conversation)}`;
    this.#tokens = new Tokens(env, options);
    this.#http = new Http(env, this.#base, this.#tokens, options.credentials);
    this.#waker = new Waker(env);
    this.#connectionStatus = new ConnectionStatus(env);
    this.#outbox = new Outbox({
      env,
      storage: options.storage === undefined ? env.storage : options.storage,
      seconds: options.outboxSeconds ?? A_DAY,
      waker: this.#waker,
      post: (body, signal) => this.#post(body, signal),
      changed: (item) => this.#itemChanged(item),
    });
    this.#connection = new Connection({
      env,
      http: this.#http,
      tokens: this.#tokens,
      merge: this.#merge,
      waker: this.#waker,
      options,
      path: this.#path,
      signal: this.#over.signal,
      take: (input) => this.#take(input),
      report: (report) => this.#reported(report),
    });
    this.#writes = new Writes({
      env,
      http: this.#http,
      waker: this.#waker,
      path: this.#path,
      sender: options.sender,
      receipts: options.receipts,
      signal: this.#over.signal,
    });
    this.#own(this.#start());
  }

  get state() {
    const sender = this.#options.sender ?? this.#tokens.sender ?? { role: "user" };
    const others = { unread: this.#unread, unreadAtOpening: this.#unreadAtOpening, connection: this.#connectionStatus.now };
    return (this.#state ??= this.#states.make(this.#merge, this.#outbox.items, sender, others));
  }

  /** @type {Chat["subscribe"]} */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /** @type {Chat["send"]} */
  send(content, { metadata, replyTo } = {}) {
    if (this.#over.signal.aborted) throw new Problem(409, { code: "closed", detail: "This chat is closed." });
    const { sender } = this.#options;
    const clientId = this.#env.uuid();
    this.#states.remember(clientId, null);
    this.#outbox.add({
      content,
      client_id: clientId,
      ...(metadata ? { metadata } : {}),
      ...(replyTo ? { reply_to: replyTo } : {}),
      ...(sender ? { sender } : {}),
    });
    this.#writes.typed();
    const { messages } = this.state;
    return messages[messages.length - 1];
  }

  /** @type {Chat["retry"]} */
  retry(key) {
    this.#outbox.retry(key);
  }

  /** @type {Chat["discard"]} */
  discard(key) {
    this.#outbox.discard(key);
  }

  /** @type {Chat["edit"]} */
  async edit(messageId, content, { metadata } = {}) {
    this.#takeOwn(await this.#writes.edit(messageId, content, metadata));
  }

  /** @type {Chat["redact"]} */
  async redact(messageId) {
    this.#takeOwn(await this.#writes.redact(messageId));
  }

  /** @type {Chat["cancelRun"]} */
  async cancelRun(runId) {
    await this.#writes.cancelRun(runId);
  }

  /** @type {Chat["typing"]} */
  typing(typing) {
    this.#writes.typing(typing);
  }

  /** @type {Chat["markRead"]} */
  markRead(seq = this.#merge.seq) {
    const marker = Math.min(seq, this.#merge.seq);
    if (!this.#writes.markRead(marker, (error) => this.#own(Promise.reject(error)))) return;
    this.#unread = [...this.#merge.messages.values()].filter((one) => one.seq > marker && !this.#isOwn(one)).length;
    this.#changed();
  }

  /** @type {Chat["loadEarlier"]} */
  async loadEarlier() {
    const oldest = Math.min(...[...this.#merge.messages.values()].map(({ seq }) => seq));
    if (!this.#merge.hasEarlier || oldest === Infinity) return false;
    const query = { before: oldest, limit: this.#options.pageSize ?? 50 };
    const { body } = await this.#http.call("GET", `${this.#path}/messages`, { query, signal: this.#over.signal });
    this.#take({ type: "earlier", page: body });
    return this.#merge.hasEarlier;
  }

  /** @type {Chat["close"]} */
  close() {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#waker.stop();
    this.#setConnection({ state: "closed", reason: "closed", edge: null, leader: false });
  }

  /** Learns whose conversation it is, and joins the tabs that have it open. */
  async #start() {
    const { signal } = this.#over;
    const user = this.#options.user ?? (await this.#subject(signal));
    if (signal.aborted) return;
    this.#name = `umbral-chat:${this.#base}:${user}:${this.#options.conversation}`;
    await this.#outbox.load(`${this.#name}:outbox:`);
    if (signal.aborted) return;
    for (const { body } of this.#outbox.items) this.#states.remember(body.client_id, null);
    this.#changed();
    this.#tabs = new Tabs(this.#env, this.#name, this.#options.shareConnection ?? true, signal, {
      lead: () => this.#lead(),
      present: () => this.#present(),
      note: (note) => this.#note(note),
      silence: () => this.#own(this.#connection.read(true)),
    });
    this.#drain();
    await this.#waker.wait(FOLLOWING, signal);
    await this.#loadAsFollower(signal);
  }

  /** The subject of the token, which names what tabs and reloads share. @param {AbortSignal} signal */
  async #subject(signal) {
    const backoff = new Backoff({ random: this.#env.random });
    while (!signal.aborted) {
      try {
        await this.#tokens.current();
        return String(this.#tokens.claims.sub ?? "");
      } catch (error) {
        const { code, retryAfter } = described(error);
        if (!isTransient(error)) {
          this.#reported({ state: "closed", reason: code, edge: null });
          this.close();
          break;
        }
        this.#reported({ state: "waiting", reason: code, edge: null });
        await this.#waker.wait(backoff.next(retryAfter), signal);
      }
    }
    return "";
  }

  #lead() {
    this.#setConnection({ leader: true });
    this.#own(this.#connection.run());
    const parts = { env: this.#env, http: this.#http, waker: this.#waker, path: this.#path };
    if (this.#options.present)
      this.#own(
        reportPresence({
          ...parts,
          sender: this.#options.sender,
          signal: this.#over.signal,
          known: (person) => void this.#take({ type: "signal", signal: { signal: "me", person } }),
        }),
      );
  }

  /** A follower needs the history once; entries come from the leader. @param {AbortSignal} signal */
  async #loadAsFollower(signal) {
    const backoff = new Backoff({ random: this.#env.random });
    while (!signal.aborted && !this.#tabs?.leading) {
      try {
        if (!this.#merge.loaded) await this.#connection.load();
        this.#tabs?.hello();
        return;
      } catch (error) {
        if (!isTransient(error)) return; // the leader reports what is wrong
        await this.#waker.wait(backoff.next(described(error).retryAfter), signal);
      }
    }
  }

  /** What a new tab cannot read from the log. */
  #present() {
    const inputs = this.#merge.signals.all().map((signal) => /** @type {Input} */ ({ type: "signal", signal }));
    const { me } = this.#merge;
    if (me !== null) inputs.push({ type: "signal", signal: { signal: "me", person: me } });
    return { cursor: this.#merge.cursor, inputs, report: this.#lastReport };
  }

  /** From another tab. @param {Note} note */
  #note(note) {
    if (note.type === "item") {
      this.#states.remember(note.item.body.client_id, note.item.seq ?? null);
      this.#outbox.take(note.item);
      this.#confirm([]);
      if (note.item.state === "pending") this.#drain();
      this.#changed();
    } else if (note.type === "report") this.#setConnection(note.report);
    else if (note.type === "input") this.#follow(this.#take(note.input));
    else if (note.type === "leader") {
      if (note.report) this.#setConnection(note.report);
      const { epoch, seq } = parseCursor(note.cursor);
      const foreign = this.#merge.epoch !== null && epoch !== null && epoch !== this.#merge.epoch;
      this.#follow({ gap: seq > this.#merge.seq, foreign });
    }
  }

  /** @param {Pick<Outcome, "gap" | "foreign">} outcome of what the leader passed on */
  #follow({ gap, foreign }) {
    if (foreign) {
      this.#merge.restart();
      this.#own(this.#loadAsFollower(this.#over.signal));
    } else if (gap && this.#merge.loaded) this.#own(this.#connection.read(true));
  }

  /** All that comes in goes through here. @param {Input} input @returns {Outcome} */
  #take(input) {
    const begun = input.type === "page" && !this.#merge.loaded;
    const before = this.#merge.seq;
    const outcome = this.#merge.take(input);
    if (input.type !== "page" && input.type !== "earlier" && !outcome.foreign) this.#tabs?.tell("input", input);
    if (begun) this.#own(this.#describe());
    // A snapshot moves the copy on without entries.
    const jumped = !outcome.entries.length && this.#merge.seq > before;
    if (outcome.entries.length || begun || jumped) this.#confirm(outcome.entries, begun || jumped);
    const messages = jumped ? [...this.#merge.messages.values()] : outcome.entries.filter(({ kind }) => kind === "message");
    if (!begun) this.#unread += messages.filter((message) => message.seq > before && !this.#isOwn(message)).length;
    if (outcome.changed) this.#changed();
    return outcome;
  }

  /** @param {Entry[]} entries @param {boolean} [all] every message that is known counts */
  #confirm(entries, all = false) {
    const found = all ? [...this.#merge.messages.values()] : entries;
    const ids = new Set(found.flatMap(({ client_id }) => client_id ?? []));
    if (this.#outbox.confirm(this.#merge.seq, ids)) this.#changed();
  }

  /** @param {{client_id?: string | null, sender: Sender}} message */
  #isOwn({ client_id, sender }) {
    const me = this.#options.sender ?? this.#tokens.sender;
    return this.#states.isMine(client_id) || (me?.id != null && me.id === sender.id && me.role === sender.role);
  }

  /** What the history does not say: the conversation's title and state, and how much of it is unread. */
  async #describe() {
    try {
      const { body } = await this.#http.call("GET", this.#path, { signal: this.#over.signal });
      this.#unread = body.unread;
      this.#merge.describe(body);
    } catch {
      this.#unread = 0; // it was never made, or it is counted from here
    }
    this.#unreadAtOpening ??= this.#unread;
    this.#changed();
  }

  /** @param {Item["body"]} body @param {AbortSignal} signal */
  async #post(body, signal) {
    const answer = await this.#http.call("POST", `${this.#path}/messages`, { body, signal });
    this.#states.remember(body.client_id, answer.body.entry.seq);
    this.#takeOwn(answer.body);
    return { seq: answer.body.entry.seq };
  }

  /** What was just stored, if it is the next entry; otherwise the edge brings it. @param {Record<string, any>} answer */
  #takeOwn({ entry, cursor, created }) {
    if (created && entry.seq === this.#merge.seq + 1) this.#take({ type: "entry", entry, cursor });
    else if (entry.seq > this.#merge.seq) this.#waker.wake("poke");
  }

  /** @param {Item} item */
  #itemChanged(item) {
    this.#tabs?.tellItem(item);
    if (item.state === "sent") this.#confirm([]);
    if (item.state === "pending") this.#drain();
    this.#changed();
  }

  /** Sends what waits, in one tab at a time, so that the order holds across tabs. */
  #drain() {
    if (this.#drainQueued || !this.#tabs) return;
    this.#drainQueued = true;
    const { signal } = this.#over;
    const run = () => {
      this.#drainQueued = false;
      return this.#outbox.drain(signal);
    };
    const { locks } = this.#env;
    const alone = this.#options.shareConnection === false || !locks;
    this.#own(alone ? run() : locks.request(`${this.#name}:outbox`, { signal }, run).catch(() => run()));
  }

  /** @param {Report} report */
  #reported(report) {
    this.#lastReport = report;
    this.#tabs?.tell("report", report);
    this.#setConnection(report);
  }

  /** @param {Partial<ConnectionState>} change */
  #setConnection(change) {
    if (this.#connectionStatus.change(change)) this.#changed();
  }

  #changed() {
    this.#state = null;
    this.#listeners.notify();
  }

  /** A task of this object: what it fails with is reported, unless it is over. @param {Promise<unknown>} task */
  #own(task) {
    task.catch((error) => {
      if (this.#over.signal.aborted || isTransient(error) || error instanceof Problem) return;
      this.#reported({ state: "closed", reason: "internal_error", edge: null });
      complain(error);
    });
  }
}
