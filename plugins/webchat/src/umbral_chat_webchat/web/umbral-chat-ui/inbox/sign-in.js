// The form by which an operator begins a session. What is secret is in a field until it is sent, and nowhere else.

import { make } from "../dom.js";
import { nameBefore, rememberName } from "./memory.js";

/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { Who } from "./api.js" */
/** @import { Way } from "./sign-in-ways.js" */

/** @typedef {{way: Way, inputs: HTMLInputElement[], group: HTMLFieldSetElement, choose: HTMLButtonElement}} Choice */

export class SignIn {
  #strings;
  /** @type {((who: Who) => void) | null} */
  #done = null;
  /** @type {Choice[]} */
  #choices;
  /** @type {Choice} */
  #chosen;
  #again = false;
  #text;
  #error;
  #name;
  #button;
  element;

  /** @param {Strings} strings @param {[Way, ...Way[]]} ways the first is shown, until another is chosen */
  constructor(strings, ways) {
    this.#strings = strings;
    const { t } = strings;
    this.#text = make("p", "dialog-text", { id: "sign-in-text" });
    this.#error = make("p", "field-error", { role: "alert", id: "sign-in-error" });
    this.#name = make("input", "text-field", { id: "sign-in-name", autocomplete: "name", required: true, maxlength: 64, dir: "auto" });
    this.#button = make("button", "control primary", { type: "submit" }, t("inbox.signin"));
    this.#choices = ways.map((way) => this.#choice(way));
    this.#chosen = /** @type {Choice} */ (this.#choices[0]);
    const form = make(
      "form",
      "dialog-form",
      { onsubmit: (/** @type {Event} */ event) => void this.#submit(event) },
      make("h2", "", { id: "sign-in-title" }, t("inbox.signin")),
      this.#text,
      make("label", "", { for: "sign-in-name" }, t("inbox.signin.name")),
      this.#name,
      ...this.#choices.map(({ group }) => group),
      this.#error,
      this.#button,
      ...(ways.length > 1 ? this.#choices.map(({ choose }) => choose) : []),
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
    this.#again = again;
    this.#name.value = nameBefore();
    this.#empty();
    this.#choose(this.#chosen);
    if (!this.element.open) this.element.showModal();
    this.#focus();
    return new Promise((resolve) => (this.#done = resolve));
  }

  /** There is a session after all: another tab signed in. @param {Who} who */
  settle(who) {
    this.#empty();
    this.element.close();
    this.#done?.(who);
    this.#done = null;
  }

  /** @param {Way} way @returns {Choice} */
  #choice(way) {
    const { t } = this.#strings;
    const inputs = way.fields.map(({ id, type, autocomplete }) =>
      make("input", "text-field", {
        id: `sign-in-${id}`,
        type,
        required: true,
        autocomplete,
        autocapitalize: "none",
        spellcheck: "false",
        "aria-describedby": "sign-in-error",
      }),
    );
    const labelled = inputs.flatMap((input, at) => [make("label", "", { for: input.id }, t(`inbox.signin.${way.fields[at]?.id}`)), input]);
    // The fields of another way are disabled with their group, so that they are not asked for.
    const group = make("fieldset", "dialog-group", { hidden: true, disabled: true }, ...labelled);
    const choose = make("button", "control", { type: "button" }, t(`inbox.signin.${way.name}`));
    const choice = { way, inputs, group, choose };
    choose.addEventListener("click", () => {
      this.#choose(choice);
      this.#focus();
    });
    return choice;
  }

  /** @param {Choice} chosen */
  #choose(chosen) {
    this.#chosen = chosen;
    for (const { group, choose } of this.#choices) {
      choose.hidden = group === chosen.group;
      group.hidden = group.disabled = group !== chosen.group;
    }
    this.#error.textContent = "";
    this.#text.textContent = this.#strings.t(this.#again ? "inbox.signin.again" : `inbox.signin.${chosen.way.name}.text`);
  }

  #focus() {
    (this.#name.value ? this.#chosen.inputs[0] : this.#name)?.focus();
  }

  #empty() {
    for (const { inputs } of this.#choices) for (const input of inputs) if (input.type === "password") input.value = "";
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    if (this.#button.disabled) return;
    const { way, inputs } = this.#chosen;
    const name = this.#name.value.trim();
    this.#button.disabled = true;
    this.#error.textContent = "";
    try {
      const who = await way.signIn(name, inputs.map(({ value }) => value));
      rememberName(name);
      this.settle(who);
    } catch (error) {
      this.#error.textContent = way.refusal(error, this.#strings);
      const last = inputs.at(-1);
      last?.focus();
      last?.select();
    } finally {
      this.#button.disabled = false;
    }
  }
}
