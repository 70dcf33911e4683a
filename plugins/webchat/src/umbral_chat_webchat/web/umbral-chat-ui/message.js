// One row of the list: a message, a draft, or the end of a run that left no message.

import { icon, ICONS, make, write } from "./dom.js";
import { attachmentsOf, nameOf, reasonOf } from "./wording.js";

/** @import { Chat, Message } from "../umbral-chat.d.ts" */
/** @import { Strings } from "../umbral-chat-ui.d.ts" */
/** @import { Row } from "./rows.js" */

/**
 * What rows share. `render` shows Markdown; until it is there, and without it, texts are shown as they are.
 *
 * @typedef {object} Shared
 * @property {Strings} strings
 * @property {((element: Element, text: string) => void) | null} render
 * @property {(row: Row) => Chat} chatOf
 */

export class MessageElement {
  #shared;
  #day = make("div", "day", {}, make("span", ""));
  #mark;
  #name = make("span", "name");
  #body = make("div", "body", { dir: "auto" });
  #files = make("ul", "files");
  #meta = make("div", "meta");
  /** @type {Row | null} */
  row = null;
  #text = "";
  /** By whom it was read, in words. @type {string | null} */
  #seen = null;

  /** @param {Shared} shared */
  constructor(shared) {
    this.#shared = shared;
    this.#mark = make("span", "new", { textContent: shared.strings.t("new") });
    this.bubble = make("div", "bubble", {}, this.#body, this.#meta);
    this.element = make("li", "row", { tabindex: -1 }, make("div", "item", {}, this.#name, this.bubble));
  }

  /** Shows the text anew: how texts are rendered has changed. */
  refresh() {
    const text = this.#text;
    if (this.row?.kind === "run" || this.element.classList.contains("redacted")) return;
    this.#text = "";
    this.#show(text);
  }

  /** What is read aloud of it: who, and what. */
  get spoken() {
    return `${this.#name.textContent} ${this.#body.textContent}`.trim().slice(0, 1000);
  }

  /** @param {Row} row @param {boolean} marked whether the marker "new messages" stands above it */
  update(row, marked) {
    this.#place(this.#mark, marked);
    if (row === this.row) return;
    this.row = row;
    const { strings } = this.#shared;
    this.#place(this.#day, row.day);
    if (row.day && row.at) write(/** @type {Node} */ (this.#day.firstChild), strings.day(row.at));
    const { element } = this;
    element.className = `row ${row.kind} ${row.sender.role}${row.own ? " own" : ""}${row.first ? " first" : ""}${row.note ? " note" : ""}`;
    write(this.#name, `${row.note ? `${strings.t("note")} · ` : ""}${row.own ? strings.t("you") : nameOf(row.sender, strings)}`);
    if (row.kind === "run") this.#run(row);
    else if (row.kind === "draft") this.#draft(row);
    else this.#message(row, /** @type {Message} */ (row.of));
  }

  /** @param {string | null} words by whom it was read; null: it is not known that anybody has */
  see(words) {
    if (words === this.#seen) return;
    this.#seen = words;
    const state = this.#meta.querySelector(".state");
    if (state && this.row?.kind === "message") state.replaceWith(this.#state(/** @type {Message} */ (this.row.of)));
  }

  /** @param {Element} part above the message @param {boolean} shown */
  #place(part, shown) {
    if (shown && !part.isConnected) this.element.prepend(part);
    else if (!shown && part.isConnected) part.remove();
  }

  /** @param {Row} row @param {Message} message */
  #message(row, message) {
    const { strings } = this.#shared;
    const { element } = this;
    element.classList.add(message.delivery);
    element.classList.toggle("redacted", message.redacted === true);
    element.removeAttribute("aria-busy");
    if (message.redacted) this.#plain(strings.t("removed"));
    else this.#show(message.content);
    this.#attach(message.redacted ? [] : attachmentsOf(message.metadata));
    const parts = [];
    if (message.delivery === "failed") parts.push(...this.#failed(row, message));
    else {
      if (message.finish && !message.redacted) parts.push(make("span", "finish", { textContent: strings.t(`finish.${message.finish}`) }));
      if (message.edited_at && !message.redacted) parts.push(make("span", "", { textContent: strings.t("edited"), title: strings.dateTime(message.edited_at) }));
      parts.push(make("time", "", { datetime: message.at, title: strings.dateTime(message.at), textContent: strings.time(message.at) }));
      if (row.own) parts.push(this.#state(message));
    }
    this.#meta.replaceChildren(...parts);
  }

  /** @param {Row} row */
  #draft(row) {
    this.element.setAttribute("aria-busy", "true");
    this.#show("text" in row.of ? row.of.text : "");
    this.#meta.textContent = "\u00a0"; // its line is there, and not shown: it would move with each line of the text
  }

  /** @param {Row} row */
  #run(row) {
    const { strings } = this.#shared;
    const run = /** @type {import("../umbral-chat.d.ts").RunEntry} */ (row.of);
    const reason = run.reason && run.reason !== run.outcome ? ` (${run.reason})` : "";
    this.#plain(strings.t(`run.${run.outcome}`, { name: nameOf(run.sender, strings) }) + reason);
    this.#meta.replaceChildren(make("time", "", { datetime: run.at, title: strings.dateTime(run.at), textContent: strings.time(run.at) }));
  }

  /** Whether it is sent, or was read, as a small sign with words: of one size, so that nothing moves. @param {Message} message */
  #state({ delivery }) {
    const pending = delivery === "pending";
    const words = pending ? this.#shared.strings.t("sending") : (this.#seen ?? this.#shared.strings.t("sent"));
    const sign = pending ? ICONS.clock : this.#seen === null ? ICONS.sent : ICONS.seen;
    return make("span", "state", { title: words, role: "img", "aria-label": words }, icon(sign));
  }

  /** @param {Row} row @param {Message} message */
  #failed(row, { key, error }) {
    const { strings, chatOf } = this.#shared;
    const reason = strings.t("failed", { reason: reasonOf(error?.code ?? "error", strings) });
    return [
      make("span", "error", {}, icon(ICONS.alert), reason),
      make("button", "link", { type: "button", textContent: strings.t("retry"), onclick: () => chatOf(row).retry(key) }),
      make("button", "link", { type: "button", textContent: strings.t("discard"), onclick: () => chatOf(row).discard(key) }),
    ];
  }

  /** @param {string} text */
  #show(text) {
    if (text === this.#text) return;
    this.#text = text;
    if (this.#shared.render) this.#shared.render(this.#body, text);
    else this.#plain(text);
  }

  /** @param {string} text */
  #plain(text) {
    this.#text = text;
    this.#body.classList.add("plain");
    this.#body.textContent = text;
  }

  /** @param {import("./wording.js").Attachment[]} attachments */
  #attach(attachments) {
    if (!attachments.length) return this.#files.remove();
    this.#files.replaceChildren(
      ...attachments.map(({ name, url }) =>
        make("li", "", {}, url ? make("a", "", { href: url, target: "_blank", rel: "noopener noreferrer nofollow", textContent: name }) : name),
      ),
    );
    this.#meta.before(this.#files);
  }
}
