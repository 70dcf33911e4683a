// The dialog of the keyboard shortcuts, and whether single keys are shortcuts at all.

import { icon, make } from "../dom.js";
import { ICONS } from "./icons.js";
import { rememberSingleKeys, singleKeys } from "./memory.js";
import { SHORTCUTS } from "./shortcuts.js";

/** @import { Strings } from "../../umbral-chat-ui.d.ts" */

/** What keys are called where their character does not show it. @type {Record<string, string>} */
const KEYS = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc" };

export class Help {
  #singles;
  element;

  /** @param {Strings} strings */
  constructor({ t }) {
    this.#singles = make("input", "", { type: "checkbox", id: "single-keys", "aria-describedby": "single-keys-text" });
    this.#singles.checked = singleKeys();
    this.#singles.addEventListener("change", () => rememberSingleKeys(this.#singles.checked));
    const close = make("button", "icon-control", { type: "button", "aria-label": t("inbox.help.close"), onclick: () => this.element.close() }, icon(ICONS.close));
    const rows = SHORTCUTS.map(({ keys, action }) => {
      const names = keys.flatMap((key, at) => [...(at ? [` ${t("inbox.key.or")} `] : []), make("kbd", "", {}, KEYS[key] ?? key.toUpperCase())]);
      return make("div", "help-row", {}, make("dt", "", {}, ...names), make("dd", "", {}, t(`inbox.key.${action}`)));
    });
    this.element = make(
      "dialog",
      "dialog",
      { "aria-labelledby": "help-title" },
      make("div", "dialog-head", {}, make("h2", "", { id: "help-title" }, t("inbox.help")), close),
      make("dl", "help-keys", {}, ...rows),
      make("label", "check", { for: "single-keys" }, this.#singles, t("inbox.help.singles")),
      make("p", "dialog-text", { id: "single-keys-text" }, t("inbox.help.singles.text")),
    );
    // A press on what is around it closes it, as people expect.
    this.element.addEventListener("click", (event) => event.target === this.element && this.element.close());
  }

  get singles() {
    return this.#singles.checked;
  }

  show() {
    if (!this.element.open) this.element.showModal();
  }
}
