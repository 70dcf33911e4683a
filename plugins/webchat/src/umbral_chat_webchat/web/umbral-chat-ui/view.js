// A conversation as a person sees it: messages, composer, connection, who types and what an assistant does.

import { Announcer } from "./announcer.js";
import { Composer } from "./composer.js";
import { make } from "./dom.js";
import { gate, gateOf } from "./gate.js";
import { MessageList } from "./list.js";
import { Reading } from "./reading.js";
import { LINGERS, Rows } from "./rows.js";
import { Seen } from "./seen.js";
import { Activity, Header } from "./status.js";
import { addStyles } from "./styles.js";
import { reasonOf } from "./wording.js";

/** @import { Chat, ChatState, Message, Run } from "../umbral-chat.d.ts" */
/** @import { ComposerMode, MountedView, Strings, Viewer, ViewOptions } from "../umbral-chat-ui.d.ts" */
/** @import { Row } from "./rows.js" */

/** Without Markdown by then texts are shown as they are, in milliseconds. */
const PATIENCE = 3_000;

/** A failure is shown for so long, in milliseconds. */
const NOTICE = 8_000;

/**
 * @param {Element | ShadowRoot} container
 * @param {{chat: Chat, viewer: Viewer, strings: Strings, options?: ViewOptions}} parts
 * @returns {MountedView}
 */
export function mountConversation(container, { chat, viewer, strings, options = {} }) {
  const view = new View(chat, viewer, strings, options);
  container.append(view.element);
  view.begin();
  return view;
}

/** @implements {MountedView} */
class View {
  #chat;
  #notes;
  #viewer;
  #strings;
  #options;
  #rows;
  #reading = new Reading();
  #header;
  #list;
  #activity;
  #composer;
  #gate = make("div", "gates");
  #gateShown = "";
  #announcer;
  /** @type {readonly Row[]} */
  #shown = [];
  #waiting = true;
  #opened = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {(() => void)[]} */
  #ends = [];
  /** The message whose new text is being written. @type {Row | null} */
  #edited = null;

  /** @param {Chat} chat @param {Viewer} viewer @param {Strings} strings @param {ViewOptions} options */
  constructor(chat, viewer, strings, options) {
    this.#chat = chat;
    this.#notes = options.notes ?? null;
    this.#viewer = viewer;
    this.#strings = strings;
    this.#options = options;
    this.#rows = new Rows(viewer);
    const label = options.title ?? strings.t("conversation");
    this.#header = new Header(strings, options.level ?? 2);
    const chatOf = (/** @type {Row} */ row) => this.#chatOf(row);
    this.#list = new MessageList(
      { strings, render: null, chatOf },
      { actions: this.#actions(), loadEarlier: () => this.#loadEarlier(), seen: new Seen(viewer, strings), moved: () => this.#look() },
    );
    this.#activity = new Activity(strings, (run) => this.#try(chat.cancelRun(run.run_id)));
    const writing = {
      send: (/** @type {string} */ text) => this.#send(text),
      edit: (/** @type {string} */ text) => this.#edit(text),
      typing: (/** @type {boolean} */ typing) => this.#target.typing(typing),
      editLast: () => this.#editLast(),
    };
    this.#composer = new Composer(strings, writing, this.#notes !== null);
    this.#announcer = new Announcer(strings.t("messages"));
    this.element = make(
      "section",
      "umbral-chat",
      { lang: strings.lang, dir: strings.dir === "rtl" ? "rtl" : null, "aria-label": label },
      options.header === false ? null : this.#header.element,
      this.#list.element,
      this.#activity.element,
      this.#gate,
      options.composer === false ? null : this.#composer.element,
      this.#announcer.element,
    );
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.focus());
  }

  begin() {
    void addStyles(this.element);
    const look = () => this.#update();
    document.addEventListener("visibilitychange", look);
    this.#ends.push(() => document.removeEventListener("visibilitychange", look));
    this.#ends.push(this.#chat.subscribe(() => this.#update()));
    if (this.#notes) this.#ends.push(this.#notes.subscribe(() => this.#update()));
    this.#update();
    void this.#loadMarkdown();
  }

  focus() {
    this.#composer.focus();
  }

  /** @param {ComposerMode} mode */
  compose(mode) {
    this.#composer.mode = mode;
  }

  get mode() {
    return this.#composer.mode;
  }

  get text() {
    return this.#composer.text;
  }

  set text(text) {
    this.#composer.text = text;
  }

  /** Where goes what is written: a note not to those whom it is about, and neither that one is being written. */
  get #target() {
    return (this.#composer?.mode === "note" && this.#notes) || this.#chat;
  }

  destroy() {
    for (const end of this.#ends.splice(0)) end();
    clearTimeout(this.#timer);
    this.#list.end();
    this.#announcer.end();
    this.element.remove();
  }

  /** Loaded beside the history: a text that is shown twice would move what is below it. */
  async #loadMarkdown() {
    const late = setTimeout(() => this.#show(), PATIENCE);
    this.#ends.push(() => clearTimeout(late));
    try {
      const { render } = await import("./markdown.js");
      this.#list.use(render);
    } catch {
      // Texts are shown as they are.
    }
    clearTimeout(late);
    this.#show();
  }

  #show() {
    this.#waiting = false;
    this.#update();
  }

  #update() {
    const state = this.#chat.state;
    const notes = this.#notes?.state ?? null;
    this.#options.onState?.(state);
    this.#header.update(state, this.#options.title ?? this.#strings.t("conversation"));
    this.#activity.update(state, (run) => this.#stoppable(run));
    this.#updateGate(state);
    if (this.#waiting) return;
    const rows = this.#rows.of(state, notes);
    if (this.#rows.lingering) this.#later();
    if (!this.#opened && state.unreadAtOpening !== null) {
      this.#opened = true;
      this.#reading.opened(state.unreadAtOpening, rows);
    }
    const looking = this.#looking;
    const news = this.#reading.take(state, notes, rows, looking);
    this.#shown = rows;
    this.#list.update(rows, {
      marker: this.#reading.marker,
      hasEarlier: state.hasEarlier || (notes?.hasEarlier ?? false),
      loaded: state.loaded,
      unseen: this.#reading.unseen,
      readers: state.readers,
      empty: this.#strings.t(this.#options.composer === false ? "empty.readonly" : "empty"),
    });
    if (news.count) this.#announcer.say(this.#strings.t("jump.count", { count: news.count }));
    for (const row of news.rows) this.#announcer.say(this.#list.spoken(row));
    if (looking) this.#markRead(state);
  }

  /** A draft that ended is not shown for ever. */
  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#update(), LINGERS);
  }

  /** @param {ChatState} state */
  #updateGate(state) {
    const { connection, conversation } = state;
    const kind = gateOf(connection);
    this.#composer.update(conversation.status === "closed");
    this.element.classList.toggle("gated", kind !== null);
    // What was deleted is not shown any more; what was read before a link expired is.
    this.element.classList.toggle("blank", kind !== null && (kind === "deleted" || !state.messages.length));
    const shown = kind ? `${kind} ${connection.reason}` : "";
    if (shown === this.#gateShown) return;
    this.#gateShown = shown;
    const panel = gate(connection, this.#strings, this.#options.help ?? "");
    this.#gate.replaceChildren(...(panel ? [panel] : []));
  }

  get #looking() {
    return this.#list.atEnd && document.visibilityState === "visible";
  }

  /** The reader scrolled, or the page has another size. */
  #look() {
    if (this.#waiting || !this.#looking) return;
    const state = this.#chat.state;
    if (this.#reading.unseen) {
      this.#reading.seen();
      this.#update();
    } else this.#markRead(state);
  }

  /** @param {ChatState} state */
  #markRead(state) {
    if (!this.#opened) return;
    if (state.seq > 0) this.#chat.markRead();
    if (this.#notes && this.#notes.state.seq > 0) this.#notes.markRead();
  }

  async #loadEarlier() {
    const notes = this.#notes;
    const oldest = (/** @type {Chat} */ { state: { messages } }) => Date.parse(messages[0]?.at ?? "") || 0;
    if (!notes) return this.#chat.loadEarlier();
    // Of the two, the log that reaches less far back.
    const { hasEarlier } = this.#chat.state;
    const main = hasEarlier && (!notes.state.hasEarlier || oldest(this.#chat) >= oldest(notes));
    return main ? this.#chat.loadEarlier() : notes.loadEarlier();
  }

  /** @param {string} text @returns {boolean} whether it was taken */
  #send(text) {
    try {
      if (this.#target !== this.#chat || !this.#options.onSend?.(text)) this.#target.send(text);
    } catch (error) {
      this.#notice(error);
      return false;
    }
    this.#list.toEnd();
    return true;
  }

  /** @param {string} text */
  #edit(text) {
    const row = this.#edited;
    this.#edited = null;
    const message = /** @type {Message | undefined} */ (row?.of);
    if (row && message?.message_id && text !== message.content) this.#try(this.#chatOf(row).edit(message.message_id, text));
  }

  #editLast() {
    const row = this.#shown.findLast((one) => one.own && this.#allowed(one).edit);
    if (row) this.#beginEdit(row);
  }

  /** @param {Row} row */
  #beginEdit(row) {
    this.#edited = row;
    this.#composer.beginEdit(/** @type {Message} */ (row.of).content);
  }

  /** @param {Row} row */
  #chatOf(row) {
    return row.note && this.#notes ? this.#notes : this.#chat;
  }

  /** @param {Row} row */
  #allowed(row) {
    const message = /** @type {Message} */ (row.of);
    const stored = row.kind === "message" && row.seq !== null && !message.redacted;
    const writes = this.#options.composer !== false && this.#chat.state.connection.state !== "closed";
    return {
      copy: row.kind !== "run" && !message.redacted,
      edit: stored && writes && row.own,
      remove: stored && writes && (row.own || this.#options.moderates === true),
    };
  }

  #actions() {
    return {
      allowed: (/** @type {Row} */ row) => this.#allowed(row),
      edit: (/** @type {Row} */ row) => this.#beginEdit(row),
      remove: (/** @type {Row} */ row) => {
        const { message_id } = /** @type {Message} */ (row.of);
        if (message_id) this.#try(this.#chatOf(row).redact(message_id));
      },
      copy: (/** @type {Row} */ row) => {
        const text = "text" in row.of ? row.of.text : /** @type {Message} */ (row.of).content;
        // Only secure origins have a clipboard.
        this.#try((navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"))).then(() => this.#announcer.say(this.#strings.t("copied"))));
      },
    };
  }

  /** A run may be stopped by who asked for it. @param {Run} run */
  #stoppable(run) {
    if (this.#options.stopsAnyRun ?? this.#viewer.role === "agent") return true;
    return run.for_seq != null && this.#shown.findLast(({ seq, note }) => seq === run.for_seq && !note)?.own === true;
  }

  /** @param {Promise<unknown>} doing */
  #try(doing) {
    doing.catch((error) => this.#notice(error));
  }

  /** @param {unknown} error */
  #notice(error) {
    const code = String(/** @type {any} */ (error)?.code ?? "error");
    const words = reasonOf(code, this.#strings);
    this.#activity.notice(words);
    this.#announcer.say(words);
    const timer = setTimeout(() => {
      this.#activity.notice("");
      this.#update();
    }, NOTICE);
    this.#ends.push(() => clearTimeout(timer));
  }
}
