// Where the person writes: a message, or the new text of one.

import { icon, ICONS, make } from "./dom.js";

/** @import { Strings } from "../umbral-chat-ui.d.ts" */

/**
 * @typedef {object} Writing
 * @property {(text: string) => boolean} send returns whether it was taken
 * @property {(text: string) => void} edit the new text of the message that is edited
 * @property {(typing: boolean) => void} typing
 * @property {() => void} editLast called by the arrow key in an empty field
 */

export class Composer {
  #strings;
  #writing;
  #field;
  #button;
  #bar;
  /** What was written before an edit began; null: nothing is edited. @type {string | null} */
  #aside = null;

  /** @param {Strings} strings @param {Writing} writing */
  constructor(strings, writing) {
    this.#strings = strings;
    this.#writing = writing;
    const { t } = strings;
    this.#field = make("textarea", "field", { rows: 1, dir: "auto", "aria-label": t("message"), placeholder: t("write"), enterkeyhint: "send" });
    this.#button = make("button", "send", { type: "submit", "aria-label": t("send"), title: t("send") }, icon(ICONS.send));
    const cancel = make("button", "link", { type: "button", textContent: t("cancel"), onclick: () => this.#stopEditing() });
    this.#bar = make("div", "editing", { hidden: true }, make("span", "", { textContent: t("editing") }), cancel);
    this.element = make("form", "composer", { novalidate: true }, this.#bar, make("div", "writing-line", {}, this.#field, this.#button));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("keydown", (event) => this.#keydown(event));
    this.#field.addEventListener("input", () => this.#changed());
    this.#changed();
  }

  focus() {
    this.#field.focus();
  }

  /** @param {boolean} closed whether the conversation is, until the next message */
  update(closed) {
    const words = this.#strings.t(closed ? "closed" : "write");
    if (this.#field.placeholder !== words) this.#field.placeholder = words;
  }

  /** @param {string} text of the message that is edited */
  beginEdit(text) {
    this.#aside ??= this.#field.value;
    this.#bar.hidden = false;
    this.#set(text);
    this.focus();
  }

  #submit() {
    const text = this.#field.value.trim();
    if (!text) return;
    if (this.#aside !== null) {
      this.#writing.edit(text);
      return this.#stopEditing();
    }
    if (this.#writing.send(text)) this.#set("");
    this.focus();
  }

  #stopEditing() {
    this.#set(this.#aside ?? "");
    this.#aside = null;
    this.#bar.hidden = true;
    this.focus();
  }

  /** @param {string} text */
  #set(text) {
    this.#field.value = text;
    this.#grow();
  }

  #changed() {
    this.#grow();
    if (this.#aside === null && this.#field.isConnected) this.#writing.typing(this.#field.value.trim() !== "");
  }

  /** As high as its text, where the style sheet cannot do it (`field-sizing`). */
  #grow() {
    if (!CSS.supports("field-sizing", "content")) {
      this.#field.style.height = "auto";
      this.#field.style.height = `${this.#field.scrollHeight}px`;
    }
    this.#button.disabled = this.#field.value.trim() === "";
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.isComposing) return; // Enter chooses a word of an input method
    // A keyboard on the screen has no Shift+Enter: its Enter is a line, and the button sends.
    const sends = event.key === "Enter" && !event.shiftKey && !matchMedia("(pointer: coarse)").matches;
    if (sends || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.#aside !== null) {
      event.stopPropagation();
      this.#stopEditing();
    } else if (event.key === "ArrowUp" && this.#field.value === "" && this.#aside === null) {
      event.preventDefault();
      this.#writing.editLast();
    }
  }
}
