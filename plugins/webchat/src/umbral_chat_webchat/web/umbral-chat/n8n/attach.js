// Makes n8n's chat widget live: what the log has, and who writes, is shown in it.

import { connect } from "../chat.js";
import { draftsOf, linesOf, TEXTS, typingOf } from "./content.js";
import { alike, Matching, PREFIX } from "./matching.js";
import { widgetOf } from "./widget.js";

/** @import { AttachOptions, Companion } from "../../umbral-chat-n8n.d.ts" */
/** @import { Chat } from "../../umbral-chat.d.ts" */
/** @import { Widget } from "./widget.js" */

/** A workflow that stores a question does so at once: one that is not in the log this long after the answer never will be. Milliseconds. */
const PATIENCE = 10_000;

const UNKNOWN =
  "umbral-chat: this is not the chat widget that the companion knows (@n8n/chat 1.37). The widget is left as it is.";
const UNLOGGED =
  "umbral-chat: the workflow of this chat does not store its messages in this conversation, so other tabs and later visits " +
  "do not have them. Store the question and the answer, with the session's id as the conversation.";

/**
 * @param {unknown} app what `createChat` returned
 * @param {AttachOptions} options
 * @returns {Companion}
 */
export function attach(app, options) {
  const widget = widgetOf(app);
  if (widget) return new Attached(widget, options);
  console.warn(UNKNOWN);
  return { chat: null, detach() {} };
}

/** @implements {Companion} */
class Attached {
  #widget;
  #texts;
  #matching = new Matching();
  /** @type {Chat} */
  #chat;
  #unsubscribe;
  #unobserve;
  #marks;
  #over = false;
  #warned = new Set();
  /** @type {any} */
  #timer = null;

  /** @param {Widget} widget @param {AttachOptions} options */
  constructor(widget, { texts, markRead = true, reportTyping = false, ...options }) {
    this.#widget = widget;
    this.#texts = { ...TEXTS, ...texts };
    this.#marks = markRead;
    // Nothing is sent by it: the widget sends to n8n, and the workflow stores what was said.
    this.#chat = connect({ ...options, storage: null });
    this.#unsubscribe = this.#chat.subscribe(() => this.#refresh());
    this.#unobserve = widget.observe({
      changed: () => this.#refresh(),
      typed: () => reportTyping && this.#chat.typing(true),
      ended: () => this.detach(),
    });
  }

  get chat() {
    return this.#chat;
  }

  detach() {
    if (this.#over) return;
    this.#end();
    const { bubbles } = this.#widget.read();
    this.#widget.write(bubbles.filter(({ id }) => !id.startsWith(PREFIX)));
  }

  #end() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#unsubscribe();
    this.#unobserve();
    this.#chat.close();
  }

  #refresh() {
    if (this.#over) return;
    try {
      this.#show();
    } catch (error) {
      // A later version of the widget may do what the tested one never does.
      this.#end();
      this.#warn(`${UNKNOWN} (${error instanceof Error ? error.message : error})`);
    }
  }

  #show() {
    const { state } = this.#chat;
    const { bubbles, restored } = this.#widget.read();
    const { waiting } = this.#widget;
    const wanted = this.#matching.arrange({
      bubbles,
      lines: linesOf(state.messages, this.#texts),
      head: state.seq,
      drafts: draftsOf(state.drafts),
      typing: typingOf(state, this.#texts, waiting),
      restored,
      waiting,
    });
    if (!alike(wanted, bubbles)) this.#widget.write(wanted);
    if (this.#marks && state.seq > 0 && this.#widget.visible) this.#chat.markRead();
    if (!waiting && this.#matching.unlogged.length && this.#timer === null) this.#lookAgain();
    const { state: connection, reason } = state.connection;
    if (connection === "closed" && reason !== "closed")
      this.#warn(`umbral-chat: the conversation is not followed any more: ${reason}. The widget works on without it.`);
  }

  /** Whether questions that are not in the log now come into it. */
  #lookAgain() {
    const before = new Set(this.#matching.unlogged);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#chat.state.connection.state !== "open") return;
      if (this.#matching.unlogged.some((id) => before.has(id))) this.#warn(UNLOGGED);
    }, PATIENCE);
  }

  /** Each once. @param {string} text */
  #warn(text) {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    console.warn(text);
  }
}
