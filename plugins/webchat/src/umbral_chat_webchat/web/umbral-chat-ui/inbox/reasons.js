// Why something failed, in words. Pure.

import { described } from "../../umbral-chat/errors.js";
import { reasonOf } from "../wording.js";

/** @import { Strings } from "../../umbral-chat-ui.d.ts" */

/** @param {unknown} error @param {Strings} strings */
export function reasonFor(error, strings) {
  return reasonText(described(error).code, strings);
}

/** The inbox's own words for a code, else those of the view. @param {string} code @param {Strings} strings */
export function reasonText(code, strings) {
  const key = `inbox.reason.${code}`;
  const words = strings.t(key);
  return words === key ? reasonOf(code, strings) : words;
}
