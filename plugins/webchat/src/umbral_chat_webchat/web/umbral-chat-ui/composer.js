// Where the person writes: a message, or the new text of one.

import { icon, ICONS, make } from "./dom.js";

/** @import { ComposerMode, Strings } from "../umbral-chat-ui.d.ts" */

/** What may be written, and its name. @type {readonly [ComposerMode, string][]} */
const MODES = [
  ["message", "reply"],
  ["note", "note"],
];

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
  /** @type {ComposerMode} */
  #mode = "message";
  #closed = false;
  /** @type {Map<ComposerMode, HTMLInputElement>} */
  #radios = new Map();

  /** @param {Strings} strings @param {Writing} writing @param {boolean} [notes] whether notes may be written, too */
  constructor(strings, writing, notes = false) {
    this.#strings = strings;
    this.#writing = writing;
    const { t } = strings;
    this.#field = make("textarea", "field", { rows: 1, dir: "auto", "aria-label": t("message"), placeholder: t("write"), enterkeyhint: "send" });
    this.#button = make("button", "send", { type: "submit", "aria-label": t("send"), title: t("send") }, icon(ICONS.send));
    const cancel = make("button", "link", { type: "button", textContent: t("cancel"), onclick: () => this.#stopEditing() });
    this.#bar = make("div", "editing", { hidden: true }, make("span", "", { textContent: t("editing") }), cancel);
    this.element = make("form", "composer", { novalidate: true }, notes ? this.#switch() : null, this.#bar, make("div", "writing-line", {}, this.#field, this.#button));
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

  /** What is written and not sent. */
  get text() {
    return this.#aside ?? this.#field.value;
  }

  set text(text) {
    if (this.#aside === null) this.#set(text);
    else this.#aside = text;
  }

  get mode() {
    return this.#mode;
  }

  set mode(mode) {
    const radio = this.#radios.get(mode);
    if (!radio || mode === this.#mode) return;
    this.#writing.typing(false); // to those who see what was written so far
    this.#mode = mode;
    radio.checked = true;
    this.#label();
  }

  /** @param {boolean} closed whether the conversation is, until the next message */
  update(closed) {
    this.#closed = closed;
    this.#label();
  }

  /** Whether it is a message or a note is to be seen and heard before the first word. */
  #label() {
    const { t } = this.#strings;
    const note = this.#mode === "note";
    const words = t(note ? "note.write" : this.#closed ? "closed" : "write");
    if (this.#field.placeholder === words && this.element.dataset.mode === this.#mode) return;
    this.element.dataset.mode = this.#mode;
    this.#field.placeholder = words;
    this.#field.setAttribute("aria-label", t(note ? "note" : "message"));
    this.#button.setAttribute("aria-label", t(note ? "note.send" : "send"));
    this.#button.title = t(note ? "note.send" : "send");
  }

  #switch() {
    const { t } = this.#strings;
    const choose = (/** @type {ComposerMode} */ mode) => {
      this.mode = mode;
    };
    const choices = MODES.map(([mode, name]) => {
      const radio = make("input", "", { type: "radio", name: "kind", checked: mode === this.#mode, onchange: () => choose(mode) });
      this.#radios.set(mode, radio);
      return make("label", mode, {}, radio, make("span", "", {}, t(name)));
    });
    return make("fieldset", "kinds", {}, make("legend", "hidden", {}, t("kind")), ...choices);
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
