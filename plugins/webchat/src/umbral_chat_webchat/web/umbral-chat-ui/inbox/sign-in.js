// The form by which an operator exchanges a key for a session. The key is in the field until it is sent, and nowhere else.

import { described } from "../../umbral-chat/errors.js";
import { make } from "../dom.js";
import { nameBefore, rememberName } from "./memory.js";
import { reasonText } from "./reasons.js";

/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { Who } from "./api.js" */

export class SignIn {
  #strings;
  #signIn;
  /** @type {((who: Who) => void) | null} */
  #done = null;
  #text;
  #error;
  #name;
  #key;
  #button;
  element;

  /** @param {Strings} strings @param {(name: string, key: string) => Promise<Who>} signIn */
  constructor(strings, signIn) {
    this.#strings = strings;
    this.#signIn = signIn;
    const { t } = strings;
    this.#text = make("p", "dialog-text", { id: "sign-in-text" });
    this.#error = make("p", "field-error", { role: "alert", id: "sign-in-error" });
    this.#name = make("input", "text-field", { id: "sign-in-name", autocomplete: "name", required: true, maxlength: 64, dir: "auto" });
    this.#key = make("input", "text-field", {
      id: "sign-in-key",
      type: "password",
      required: true,
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      "aria-describedby": "sign-in-error",
    });
    this.#button = make("button", "control primary", { type: "submit" }, t("inbox.signin"));
    const form = make(
      "form",
      "dialog-form",
      { onsubmit: (/** @type {Event} */ event) => void this.#submit(event) },
      make("h2", "", { id: "sign-in-title" }, t("inbox.signin")),
      this.#text,
      make("label", "", { for: "sign-in-name" }, t("inbox.signin.name")),
      this.#name,
      make("label", "", { for: "sign-in-key" }, t("inbox.signin.key")),
      this.#key,
      this.#error,
      this.#button,
    );
    this.element = make("dialog", "dialog", { "aria-labelledby": "sign-in-title", "aria-describedby": "sign-in-text" }, form);
    // Without a session there is nothing behind it to go back to.
    this.element.addEventListener("cancel", (event) => event.preventDefault());
  }

  get isOpen() {
    return this.element.open;
  }

  /** Asks until somebody is signed in. @param {boolean} again whether a session has ended @returns {Promise<Who>} */
  ask(again) {
    const { t } = this.#strings;
    this.#text.textContent = t(again ? "inbox.signin.again" : "inbox.signin.text");
    this.#error.textContent = "";
    this.#name.value = nameBefore();
    this.#key.value = "";
    if (!this.element.open) this.element.showModal();
    (this.#name.value ? this.#key : this.#name).focus();
    return new Promise((resolve) => (this.#done = resolve));
  }

  /** There is a session after all: another tab signed in. @param {Who} who */
  settle(who) {
    this.#key.value = "";
    this.element.close();
    this.#done?.(who);
    this.#done = null;
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    if (this.#button.disabled) return;
    const [name, key] = [this.#name.value.trim(), this.#key.value];
    this.#button.disabled = true;
    this.#error.textContent = "";
    try {
      const who = await this.#signIn(name, key);
      rememberName(name);
      this.settle(who);
    } catch (error) {
      this.#error.textContent = this.#refusal(error);
      this.#key.focus();
      this.#key.select();
    } finally {
      this.#button.disabled = false;
    }
  }

  /** @param {unknown} error */
  #refusal(error) {
    const { t } = this.#strings;
    const { code, status } = described(error);
    if (status === 401) return t("inbox.signin.refused");
    if (status === 403) return t("inbox.signin.forbidden");
    if (status === 404) return t("inbox.signin.missing");
    return reasonText(code, this.#strings);
  }
}
