// The open conversation: its head, the view with its notes, and what the operator does there.

import { connect } from "../../umbral-chat/index.js";
import { Problem } from "../../umbral-chat/errors.js";
import { make } from "../dom.js";
import { mountConversation } from "../view.js";
import { current, holder, later, nameOf, shortened } from "./details.js";
import { Header } from "./header.js";
import { internalId } from "./internal.js";
import { Notice } from "./notice.js";
import { reasonFor } from "./reasons.js";

/** @import { Chat, ChatState } from "../../umbral-chat.d.ts" */
/** @import { MountedView, Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { Conversation, InboxApi, TranscriptFormat } from "./api.js" */
/** @import { Deed } from "./header.js" */
/** @import { Operator } from "./operator.js" */

/** Conversations whose unsent text is kept while another one is open. */
const TEXTS = 50;

/** A conversation is shown without its notes, if they are not there by then; milliseconds. */
const PATIENCE = 1_500;

/** The client's codes for a connection that a new session mends. */
const LOST = new Set(["unauthorized", "session_ended", "token_expired"]);

/** @type {Record<TranscriptFormat, string>} */
const ENDINGS = { markdown: "md", text: "txt", json: "json" };

export class Pane {
  #parts;
  #strings;
  #header;
  #notice;
  #body = make("div", "pane-body");
  /** @type {Open | null} */
  #open = null;
  /** What was typed and not sent. @type {Map<string, {text: string, mode: "message" | "note"}>} */
  #texts = new Map();
  element;

  /**
   * @param {object} parts
   * @param {InboxApi} parts.api
   * @param {Strings} parts.strings
   * @param {() => Operator} parts.operator
   * @param {(subject: string) => string | null} parts.known what an agent is called, as far as the list knows
   * @param {(text: string) => void} parts.announce
   * @param {(row: Conversation) => void} parts.changed something of it is different
   * @param {boolean} parts.receipts whether visitors see how far operators have read
   * @param {(id: string, seq: number) => void} parts.read the operator has seen it up to there
   * @param {(id: string) => void} parts.deleted
   * @param {() => void} parts.lost the session has ended
   * @param {() => void} parts.back
   */
  constructor(parts) {
    this.#parts = parts;
    this.#strings = parts.strings;
    this.#header = new Header({
      strings: parts.strings,
      act: (deed) => void this.act(deed),
      download: (format) => void this.download(format),
      back: parts.back,
    });
    this.#notice = new Notice(parts.strings);
    this.element = make("section", "pane", { "aria-label": parts.strings.t("inbox.pane"), id: "conversation" });
    this.show(null);
  }

  /** The conversation that is open. @returns {string | null} */
  get conversation() {
    return this.#open?.id ?? null;
  }

  /** Opens a conversation; null: none is open. @param {string | null} id @param {Conversation} [row] what the list knows of it */
  show(id, row) {
    if (this.#open && this.#open.id === id) return;
    this.#leave();
    this.#notice.clear();
    if (id === null) {
      const { t } = this.#strings;
      this.element.replaceChildren(empty("choose", t("inbox.choose"), t("inbox.choose.text")));
      return;
    }
    this.element.replaceChildren(this.#header.element, this.#notice.element, this.#body);
    this.#enter(id, row ?? null);
  }

  /** Connects again, as another operator or with a new session; what is typed stays. */
  reconnect() {
    const { id, answer } = this.#open ?? {};
    if (id === undefined) return;
    this.#leave();
    this.#enter(id, answer ?? null);
  }

  /** The list has it so. @param {Conversation} row */
  adopt(row) {
    if (this.#open?.id === row.id) this.#answered(this.#open, row);
  }

  /** @param {"message" | "note"} mode */
  write(mode) {
    this.#open?.view?.compose(mode);
    this.#open?.view?.focus();
  }

  focus() {
    this.#header.focus();
  }

  closeMenu() {
    return this.#header.closeMenu();
  }

  /** Does it, if it applies. @param {Deed} deed */
  async act(deed) {
    const open = this.#open;
    if (!open?.answer || open.busy || !this.#header.offers(deed)) return;
    open.busy = true;
    this.#notice.clear();
    this.#render(open);
    try {
      this.#answered(open, await this.#deed(deed, open.id, open.answer));
      this.#parts.announce(this.#strings.t(DONE[deed](open.answer)));
    } catch (error) {
      await this.#failed(open, deed, error);
    } finally {
      open.busy = false;
      this.#render(open);
      if (open === this.#open) this.#header.keepFocus();
    }
  }

  /** Saves the whole conversation as a file. @param {TranscriptFormat} format */
  async download(format) {
    const open = this.#open;
    if (!open) return;
    try {
      const url = URL.createObjectURL(await this.#parts.api.transcript(open.id, format));
      make("a", "", { href: url, download: `${open.id.replace(/[^\w.-]+/g, "_")}.${ENDINGS[format]}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after the click
    } catch (error) {
      this.#report(error, () => void this.download(format));
    }
  }

  /** @param {string} subject @returns {string} */
  name(subject) {
    const { main } = this.#open ?? {};
    const seen = main ? nameOf(subject, main.state) : null;
    return seen ?? this.#parts.known(subject) ?? shortened(subject);
  }

  /** @param {string} id @param {Conversation | null} row */
  #enter(id, row) {
    const { sender, options, counted } = this.#parts.operator();
    const receipts = counted ? this.#parts.receipts : undefined;
    const main = connect({ ...options, conversation: id, sender, receipts, present: true });
    /** @type {Open} */
    const open = (this.#open = { id, answer: row, main, notes: null, view: null, busy: false, begun: null, asked: false, hint: null, over: new AbortController() });
    main.subscribe((state) => open === this.#open && this.#moved(open, state));
    this.#render(open);
    void this.#mount(open);
    void this.#ask(open);
  }

  /** @param {Open} open */
  async #mount(open) {
    const { sender, options } = this.#parts.operator();
    const notesId = await internalId(open.id);
    if (open !== this.#open) return;
    if (notesId !== null) {
      // Not by a stream or a long poll: browsers open six connections to a service at most, and the messages need theirs.
      const notes = (open.notes = connect({ ...options, conversation: notesId, sender, edges: ["websocket", "poll"] }));
      notes.subscribe(({ seq }) => open === this.#open && this.#seen(open, notesId, seq));
      await bothLoaded(open.main, notes, open.over.signal);
      if (open !== this.#open) return;
    }
    open.view = mountConversation(this.#body, {
      chat: open.main,
      viewer: { role: "agent", subject: sender.id ?? null },
      strings: this.#strings,
      options: { ...(open.notes ? { notes: open.notes } : {}), header: false, stopsAnyRun: true, moderates: this.#parts.operator().may("moderate") },
    });
    const kept = this.#texts.get(open.id);
    if (kept) {
      open.view.compose(kept.mode);
      open.view.text = kept.text;
    }
  }

  #leave() {
    const open = this.#open;
    if (!open) return;
    this.#open = null;
    open.over.abort();
    this.#keepText(open);
    open.view?.destroy();
    open.main.close();
    open.notes?.close();
  }

  /** @param {Open} open */
  #keepText({ id, view }) {
    this.#texts.delete(id);
    if (!view?.text.trim()) return;
    this.#texts.set(id, { text: view.text, mode: view.mode });
    if (this.#texts.size > TEXTS) for (const oldest of this.#texts.keys()) if (this.#texts.delete(oldest)) break;
  }

  /** What the service knows of it, which may be more than the list does. @param {Open} open */
  async #ask(open) {
    try {
      this.#answered(open, await this.#parts.api.one(open.id, open.over.signal));
    } catch (error) {
      if (open !== this.#open) return;
      if (error instanceof Problem && error.code === "not_found" && !open.answer) return this.#answered(open, unmade(open.id));
      if (error instanceof Problem && error.status === 410) this.#gone(open);
      else if (error instanceof Problem && error.status === 401) this.#parts.lost();
      else this.#report(error, () => void this.#ask(open));
    }
  }

  /** @param {Open} open @param {Conversation} answer */
  #answered(open, answer) {
    if (open !== this.#open) return;
    const before = open.answer;
    open.answer = later(before, answer);
    this.#handedOver(open, before);
    this.#render(open);
    if (open.answer !== before) this.#parts.changed(open.answer);
  }

  /** @param {Open} open @param {ChatState} state */
  #moved(open, state) {
    const { state: connection, reason } = state.connection;
    if (connection === "closed" && reason === "conversation_deleted") return this.#gone(open);
    if (connection === "closed" && LOST.has(reason)) this.#parts.lost();
    if (state.loaded && (open.begun === null || state.seq < open.begun)) open.begun = state.seq;
    // What happened between an older answer and the chat's first page is in no update that the chat has seen.
    const known = open.answer !== null && open.begun !== null && open.answer.head >= open.begun;
    if (known && open.answer && state.seq > open.answer.head) this.#answered(open, advanced(open.answer, state));
    else this.#render(open);
    if (connection === "open" && !open.asked) {
      open.asked = true;
      void this.#ask(open);
    }
    if (state.unread === 0) this.#seen(open, open.id, state.seq);
  }

  /** @param {Open} open @param {string} id @param {number} seq */
  #seen(open, id, seq) {
    if (document.visibilityState === "hidden") return;
    if (id !== open.id) open.notes?.markRead();
    this.#parts.read(id, seq);
  }

  /** Says so when another operator takes what is open here. @param {Open} open @param {Conversation | null} before */
  #handedOver(open, before) {
    const { answer } = open;
    if (!before || !answer || before.assignee === answer.assignee) return;
    open.hint = holder(answer, this.#parts.operator().subject) === "other" ? "inbox.taken.now" : null;
    if (open.hint) this.#parts.announce(this.#strings.t(open.hint, { name: this.name(answer.assignee ?? "") }));
  }

  /** @param {Deed} deed @param {string} id @param {Conversation} now @returns {Promise<Conversation>} */
  #deed(deed, id, now) {
    const { api } = this.#parts;
    if (deed === "take") return api.takeOver(id);
    if (deed === "give") return api.giveBack(id);
    if (deed === "takeFrom") return api.change(id, { assignee: this.#parts.operator().subject });
    return api.change(id, { status: now.status === "closed" ? "open" : "closed" });
  }

  /** @param {Open} open @param {Deed} deed @param {unknown} error */
  async #failed(open, deed, error) {
    if (open !== this.#open) return;
    if (error instanceof Problem && error.code === "already_taken") {
      await this.#ask(open); // the page shows who has it now
      open.hint = "inbox.taken";
      this.#parts.announce(this.#strings.t(open.hint, { name: this.name(String(error.body.assignee)) }));
    } else if (error instanceof Problem && error.status === 410) this.#gone(open);
    else if (error instanceof Problem && error.status === 401) this.#parts.lost();
    else this.#report(error, () => void this.act(deed));
  }

  /** @param {unknown} error @param {() => void} again */
  #report(error, again) {
    const { t } = this.#strings;
    this.#notice.show(t("inbox.failed", { reason: reasonFor(error, this.#strings) }), { label: t("inbox.again"), run: again });
  }

  /** It was deleted while it was open. What the operator had typed is still to be had. @param {Open} open */
  #gone(open) {
    if (open !== this.#open) return;
    const { t } = this.#strings;
    const text = open.view?.text.trim() ?? "";
    this.#leave();
    this.#texts.delete(open.id);
    const lost = text ? [make("label", "", { for: "unsent" }, t("inbox.unsent")), make("textarea", "text-field", { id: "unsent", readonly: true, dir: "auto", rows: 4 }, text)] : [];
    const back = make("button", "control", { type: "button", onclick: () => this.#parts.back() }, t("inbox.back"));
    this.element.replaceChildren(empty("deleted", t("inbox.deleted"), t("inbox.deleted.text"), ...lost, back));
    this.#parts.announce(t("inbox.deleted"));
    this.#parts.deleted(open.id);
  }

  /** @param {Open} open */
  #render(open) {
    if (open !== this.#open) return;
    const { state } = open.main;
    const { subject, may } = this.#parts.operator();
    const conversation = open.answer ? current(open.answer, state) : unmade(open.id);
    this.#header.show(conversation, state, { subject, may, known: open.answer !== null, busy: open.busy || !open.answer, hint: open.hint, name: (one) => this.name(one) });
  }
}

/**
 * A conversation while it is open. `answer`: the last of the service's; `begun`: the seq of the chat's first page; `asked`:
 * the service was asked again since the chat follows it; `hint`: the text that says how another operator came to have it.
 *
 * @typedef {{id: string, answer: Conversation | null, main: Chat, notes: Chat | null, view: MountedView | null, busy: boolean,
 *   begun: number | null, asked: boolean, hint: string | null, over: AbortController}} Open
 */

/**
 * Resolves when both have their first page, so that no note moves a message that is shown already; after a while without
 * it, too.
 *
 * @param {Chat} main @param {Chat} notes @param {AbortSignal} signal @returns {Promise<void>}
 */
function bothLoaded(main, notes, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const off of offs) off();
      resolve();
    };
    const look = () => [main, notes].every(({ state: { loaded, connection } }) => loaded || connection.state === "closed") && done();
    const timer = setTimeout(done, PATIENCE);
    const offs = [main.subscribe(look), notes.subscribe(look)];
    signal.addEventListener("abort", done);
    look();
  });
}

/** What is announced after each deed. @type {Record<Deed, (before: Conversation) => string>} */
const DONE = {
  take: () => "inbox.done.take",
  takeFrom: () => "inbox.done.take",
  give: () => "inbox.done.give",
  status: ({ status }) => (status === "closed" ? "inbox.done.open" : "inbox.done.closed"),
};

/** The answer with what the chat has seen since, which may be a new last message. @param {Conversation} answer @param {ChatState} state */
function advanced(answer, state) {
  const last = state.messages.findLast(({ seq }) => seq !== null);
  const now = current(answer, state);
  if (!last || (last.seq ?? 0) < (answer.last_message?.seq ?? 0)) return now;
  const { key: _key, delivery: _delivery, error: _error, ...message } = last;
  return { ...now, last_message: /** @type {Conversation["last_message"]} */ (message), last_activity: last.at > now.last_activity ? last.at : now.last_activity };
}

/** One that nobody has written in yet. @param {string} id @returns {Conversation} */
function unmade(id) {
  return { id, epoch: "", head: 0, cursor: "0", status: "open", responder: "assistant", last_activity: "", unread: 0 };
}

/** @param {string} name @param {string} title @param {string} text @param {...Node} more */
function empty(name, title, text, ...more) {
  return make("div", "blank-state", { "data-empty": name }, make("h2", "", {}, title), make("p", "", {}, text), ...more);
}
