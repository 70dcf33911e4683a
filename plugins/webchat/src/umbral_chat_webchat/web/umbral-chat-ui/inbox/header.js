// The head of the open conversation: what it is, who has it, who is here, and what an operator may do with it.

import { icon, make, write } from "../dom.js";
import { pillOf, presenceWords, reasonWords } from "../status.js";
import { holder, isWaiting } from "./details.js";
import { ICONS } from "./icons.js";

/** @import { ChatState } from "../../umbral-chat.d.ts" */
/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { Conversation, TranscriptFormat } from "./api.js" */

/** @typedef {"take" | "takeFrom" | "give" | "status"} Deed */

/** The right that each of them needs; see `docs/reference/rights.md`. @type {Record<Deed, string>} */
export const RIGHTS = { take: "moderate", takeFrom: "manage", give: "moderate", status: "manage" };

/**
 * "Take it from" that has just come into the place of "take over" does nothing for so long, in milliseconds: who presses it
 * then meant the other one, and a colleague was quicker.
 */
const FRESH = 800;

export class Header {
  #strings;
  #parts;
  #title;
  #badge;
  #holder;
  #here;
  #connection;
  #hint;
  #buttons;
  /** When "take it from" came into the place of another. */
  #replaced = -Infinity;
  /** The conversation that was shown last, with what could be done. @type {string | null} */
  #shown = null;
  #menu;
  element;

  /**
   * @param {object} parts
   * @param {Strings} parts.strings
   * @param {(deed: Deed) => void} parts.act
   * @param {(format: TranscriptFormat) => void} parts.download
   * @param {() => void} parts.back
   */
  constructor(parts) {
    const { t } = (this.#strings = parts.strings);
    this.#parts = parts;
    this.#title = make("h2", "pane-title", { dir: "auto", tabindex: -1 });
    this.#badge = make("span", "badge", { "data-status": "" });
    this.#holder = make("span", "pane-holder", { dir: "auto" });
    this.#here = make("span", "pane-here", { dir: "auto" });
    this.#connection = make("span", "pill");
    this.#hint = make("p", "hint");
    this.#buttons = {
      take: this.#button("take", "control primary", t("inbox.take")),
      takeFrom: this.#button("takeFrom", "control", ""),
      give: this.#button("give", "control", t("inbox.give")),
      status: this.#button("status", "control", t("inbox.close")),
    };
    this.#buttons.give.title = t("inbox.give.title");
    this.#menu = this.#transcripts();
    const back = make("button", "icon-control back", { type: "button", "aria-label": t("inbox.back"), onclick: parts.back }, icon(ICONS.back));
    const about = make("p", "pane-about", {}, this.#badge, this.#holder, this.#here, this.#connection);
    this.element = make(
      "header",
      "pane-header",
      {},
      make("div", "pane-head", {}, back, make("div", "pane-names", {}, this.#title, about), make("div", "pane-actions", {}, ...Object.values(this.#buttons), this.#menu)),
      this.#hint,
    );
  }

  /**
   * @param {Conversation} conversation @param {ChatState} state
   * @param {{subject: string, name: (subject: string) => string, may: (right: string) => boolean, known: boolean, busy: boolean, hint: string | null}} viewer
   *   `known`: whether the service has answered; `hint`: what to say in place of that another operator has it
   */
  show(conversation, state, { subject, name, may, known, busy, hint }) {
    const { t } = this.#strings;
    const who = holder(conversation, subject);
    const other = who === "other" ? name(conversation.assignee ?? "") : "";
    this.element.classList.toggle("unknown", !known);
    write(this.#title, conversation.title || conversation.id);
    this.#title.title = conversation.id;
    const status = conversation.status === "closed" ? "closed" : isWaiting(conversation) ? "waiting" : "open";
    this.#badge.className = `badge ${status}`;
    this.#badge.dataset.status = status;
    write(this.#badge, t(status === "open" ? "inbox.open" : `inbox.badge.${status}`));
    write(this.#holder, who === "me" ? t("inbox.badge.mine") : who === "other" ? other : t(`inbox.badge.${who}`));
    write(this.#here, presenceWords(state, this.#strings));
    this.#showConnection(state);
    const shown = { take: who === "assistant" || who === "nobody", takeFrom: who === "other", give: who === "me" || who === "nobody", status: true };
    for (const [deed, button] of Object.entries(this.#buttons)) {
      const { hidden } = button;
      button.hidden = !known || !shown[/** @type {Deed} */ (deed)] || !may(RIGHTS[/** @type {Deed} */ (deed)]);
      const came = hidden && !button.hidden && this.#shown === conversation.id;
      if (deed === "takeFrom" && came) this.#replaced = performance.now();
      button.disabled = busy;
    }
    this.#shown = known ? conversation.id : null;
    write(this.#buttons.takeFrom, t("inbox.take.from", { name: other }));
    write(this.#buttons.status, t(conversation.status === "closed" ? "inbox.reopen" : "inbox.close"));
    // The line is always there, so that nothing moves when it says something else.
    const about = status === "closed" ? "closed" : who;
    write(this.#hint, t(about === "other" && hint ? hint : `inbox.hint.${about}`, { name: other }));
    this.#hint.title = this.#hint.textContent ?? "";
    this.#hint.dataset.holder = about;
  }

  focus() {
    this.#title.focus({ preventScroll: true });
  }

  /** After a deed, its button is not there any more: the focus goes to what undoes it, or to the title. */
  keepFocus() {
    const lost = document.activeElement === document.body || document.activeElement === null;
    if (lost) (Object.values(this.#buttons).find(({ hidden, disabled }) => !hidden && !disabled) ?? this.#title).focus({ preventScroll: true });
  }

  /** What applies here now. @param {Deed} deed */
  offers(deed) {
    return !this.#buttons[deed].hidden && !this.#buttons[deed].disabled;
  }

  /** Closes the menu, if it is open. Whether it was. */
  closeMenu() {
    const { open } = this.#menu;
    this.#menu.open = false;
    if (open) this.#menu.querySelector("summary")?.focus();
    return open;
  }

  /** @param {ChatState} state */
  #showConnection({ connection }) {
    const kind = pillOf(connection);
    const reason = reasonWords(connection, this.#strings);
    this.#connection.dataset.state = kind;
    this.#connection.title = reason;
    write(this.#connection, this.#strings.t(`connection.${kind}`));
  }

  /** @param {Deed} deed @param {string} className @param {string} text */
  #button(deed, className, text) {
    const press = () => (deed !== "takeFrom" || performance.now() - this.#replaced >= FRESH) && this.#parts.act(deed);
    return make("button", className, { type: "button", "data-deed": deed, hidden: true, onclick: press }, text);
  }

  #transcripts() {
    const { t } = this.#strings;
    const choose = (/** @type {TranscriptFormat} */ format) => {
      this.closeMenu();
      this.#parts.download(format);
    };
    const formats = /** @type {const} */ (["markdown", "text", "json"]).map((format) =>
      make("li", "", {}, make("button", "menu-item", { type: "button", "data-format": format, onclick: () => choose(format) }, t(`inbox.transcript.${format}`))),
    );
    const summary = make("summary", "control", { title: t("inbox.transcript.download") }, icon(ICONS.download), make("span", "wide", {}, t("inbox.transcript")));
    const menu = make("details", "menu", {}, summary, make("ul", "menu-items", {}, ...formats));
    menu.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !menu.contains(relatedTarget)) menu.open = false;
    });
    return menu;
  }
}
