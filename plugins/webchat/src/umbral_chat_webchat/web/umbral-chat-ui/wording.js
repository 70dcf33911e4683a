// What is said of a sender, an error, and the rest that comes from the service. Pure.

/** @import { Metadata, Sender } from "../umbral-chat.d.ts" */
/** @import { Strings } from "../umbral-chat-ui.d.ts" */

/** Attachments that are shown of a message. */
const MOST = 20;

/** Codes that mean the same to a reader. Of a message, only the content is the reader's own. @type {Record<string, string>} */
const ALIKE = {
  foreign_conversation: "forbidden",
  internal_conversation: "forbidden",
  not_your_message: "forbidden",
  may_not_speak_as: "forbidden",
  not_your_run: "forbidden",
  invalid_field: "content_too_long",
  body_too_large: "content_too_long",
};

/** @typedef {{name: string, url: string | null}} Attachment */

/** @param {Pick<Sender, "role" | "name">} sender @param {Strings} strings */
export function nameOf({ role, name }, strings) {
  return name || strings.t(`role.${role}`);
}

/** An error code in words. Some of them mean the same to a reader. @param {string} code @param {Strings} strings */
export function reasonOf(code, strings) {
  const key = `reason.${ALIKE[code] ?? code}`;
  const words = strings.t(key);
  return words === key ? strings.t("reason.other", { code }) : words;
}

/**
 * Names in a list, as the language writes it: at most three, then how many more.
 *
 * @param {readonly string[]} names @param {string} lang
 */
export function listed(names, lang) {
  const shown = names.length > 4 ? [...names.slice(0, 3), `+${names.length - 3}`] : [...names];
  return new Intl.ListFormat(lang, { type: "conjunction" }).format(shown);
}

/**
 * The attachments that a message's metadata names. What has another form is left out.
 *
 * @param {Metadata | null | undefined} metadata @returns {Attachment[]}
 */
export function attachmentsOf(metadata) {
  const given = metadata?.attachments;
  if (!Array.isArray(given)) return [];
  return given.slice(0, MOST).flatMap((one) => {
    if (typeof one !== "object" || one === null) return [];
    const url = typeof one.url === "string" && /^https?:\/\//i.test(one.url) ? one.url : null;
    const name = [one.name, url, one.id].find((text) => typeof text === "string" && text);
    return name ? [{ name: String(name).slice(0, 200), url }] : [];
  });
}
