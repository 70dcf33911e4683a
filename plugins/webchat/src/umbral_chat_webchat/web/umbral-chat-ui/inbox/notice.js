// What an operator did and what became of it: an error with its mend, above the conversation.

import { make } from "../dom.js";

/** @import { Strings } from "../../umbral-chat-ui.d.ts" */

/** @typedef {{label: string, run: () => void}} Mend */

/** A line for an error, with what mends it. It is announced at once, and stays until it is dismissed or replaced. */
export class Notice {
  #strings;
  element;

  /** @param {Strings} strings */
  constructor(strings) {
    this.#strings = strings;
    this.element = make("div", "notice", { role: "alert", hidden: true });
  }

  /** @param {string} text @param {Mend | null} [mend] */
  show(text, mend = null) {
    const { t } = this.#strings;
    const act = () => {
      this.clear();
      mend?.run();
    };
    this.element.hidden = false;
    this.element.replaceChildren(
      make("span", "notice-text", { dir: "auto" }, text),
      ...(mend ? [make("button", "control", { type: "button", onclick: act }, mend.label)] : []),
      make("button", "control quiet", { type: "button", onclick: () => this.clear() }, t("inbox.dismiss")),
    );
  }

  clear() {
    this.element.hidden = true;
    this.element.replaceChildren();
  }
}
