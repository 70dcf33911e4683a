// What is shown where a conversation cannot be followed, or not any more: why, and what the person can do.

import { make } from "./dom.js";
import { reasonOf } from "./wording.js";

/** @import { ConnectionState } from "../umbral-chat.d.ts" */
/** @import { Strings } from "../umbral-chat-ui.d.ts" */

/** @type {Record<string, string>} */
const KINDS = {
  token_expired: "token",
  unauthorized: "missing",
  forbidden: "forbidden",
  foreign_conversation: "forbidden",
  internal_conversation: "forbidden",
  conversation_deleted: "deleted",
};

/**
 * Which words are for it; null: the conversation goes on.
 *
 * @param {ConnectionState} connection @returns {"token" | "missing" | "forbidden" | "deleted" | "failed" | null}
 */
export function gateOf({ state, reason }) {
  if (state !== "closed" || reason === "closed") return null;
  return /** @type {any} */ (KINDS[reason] ?? "failed");
}

/**
 * @param {ConnectionState} connection @param {Strings} strings @param {string} help the address of a page for those who make
 *   links
 * @returns {HTMLElement | null}
 */
export function gate(connection, strings, help) {
  const kind = gateOf(connection);
  if (kind === null) return null;
  const words = kind === "failed" ? reasonOf(connection.reason, strings) : strings.t(`gate.${kind}.text`);
  const link = kind === "token" || kind === "missing" || kind === "forbidden";
  return make(
    "div",
    "gate",
    { role: "alert" },
    make("strong", "", { textContent: strings.t(`gate.${kind}`) }),
    make("p", "", { textContent: words }),
    kind === "failed" ? make("button", "button", { type: "button", textContent: strings.t("gate.again"), onclick: () => location.reload() }) : null,
    link && help ? make("a", "", { href: help, target: "_blank", rel: "noopener noreferrer", textContent: strings.t("gate.help") }) : null,
  );
}
