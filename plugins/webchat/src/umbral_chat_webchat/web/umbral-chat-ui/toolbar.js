// What can be done with a message: one bar of buttons, which is at the message that has the pointer or the focus.

import { icon, ICONS, make } from "./dom.js";

/** @import { Strings } from "../umbral-chat-ui.d.ts" */
/** @import { MessageElement } from "./message.js" */
/** @import { Row } from "./rows.js" */

/**
 * @typedef {object} Actions
 * @property {(row: Row) => {edit: boolean, remove: boolean, copy: boolean}} allowed
 * @property {(row: Row) => void} edit
 * @property {(row: Row) => void} remove
 * @property {(row: Row) => void} copy
 */

export class Toolbar {
  #strings;
  #actions;
  #element = make("div", "toolbar", { role: "toolbar" });
  /** @type {MessageElement | null} */
  #at = null;
  /** @type {Row | null} */
  #row = null;

  /** @param {Strings} strings @param {Actions} actions */
  constructor(strings, actions) {
    this.#strings = strings;
    this.#actions = actions;
    this.#element.setAttribute("aria-label", strings.t("actions"));
    this.#element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      const row = this.#at?.element;
      this.#buttons();
      row?.focus();
    });
  }

  /** @param {MessageElement} item */
  show(item) {
    if (item === this.#at && item.row === this.#row) return;
    this.#at = item;
    this.#row = item.row;
    this.#buttons();
  }

  /** The pointer has left: the bar stays only where the focus is. */
  leave() {
    if (this.#at?.element.contains(/** @type {Node} */ (/** @type {Document} */ (this.#element.getRootNode()).activeElement))) return;
    this.#element.remove();
    this.#at = null;
  }

  /** Its message may have changed. */
  refresh() {
    if (!this.#at || this.#at.row === this.#row) return;
    if (this.#at.element.isConnected) this.show(this.#at);
    else this.leave();
  }

  #buttons() {
    const row = this.#row;
    if (!row || !this.#at) return;
    const { copy, edit, remove } = this.#actions.allowed(row);
    const buttons = [
      copy ? this.#button("copy", () => this.#actions.copy(row)) : null,
      edit ? this.#button("edit", () => this.#actions.edit(row)) : null,
      remove ? this.#button("remove", () => this.#confirm(row)) : null,
    ].filter((button) => button !== null);
    this.#element.replaceChildren(...buttons);
    if (buttons.length) this.#at.bubble.append(this.#element);
    else this.#element.remove();
  }

  /** @param {"copy" | "edit" | "remove"} name @param {() => void} onclick */
  #button(name, onclick) {
    const label = this.#strings.t(name);
    return make("button", "icon", { type: "button", "aria-label": label, title: label, onclick }, icon(ICONS[name]));
  }

  /** Removing is for everyone and for good. @param {Row} row */
  #confirm(row) {
    const { t } = this.#strings;
    const back = () => {
      this.#buttons();
      this.#at?.element.focus();
    };
    const sure = make("button", "link danger", {
      type: "button",
      textContent: t("remove"),
      onclick: () => {
        back();
        this.#actions.remove(row);
      },
    });
    const cancel = make("button", "link", { type: "button", textContent: t("cancel"), onclick: back });
    this.#element.replaceChildren(make("span", "", { textContent: t("remove.sure") }), sure, cancel);
    sure.focus();
  }
}
