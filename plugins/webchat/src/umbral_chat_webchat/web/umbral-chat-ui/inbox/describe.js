// What a row of the list says, as texts. Pure.

import { listed, nameOf } from "../wording.js";
import { isWaiting, holder } from "./details.js";

/** @import { FoldedMessage } from "../../umbral-chat.d.ts" */
/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { Item } from "./list.js" */
/** @import { Live } from "./watch.js" */

/** Characters of a preview: more than any row shows. */
const PREVIEW = 160;

/** The commonest marks of Markdown, which would only be in the way on one line: of a link, its text stays. */
const MARKUP = /!?\[([^\]\n]*)\]\([^)\n]*\)|\*\*|__|`+|^ {0,3}(?:#{1,6}|>|[-*+]) +|^[ |:-]+$/gm;

/** @typedef {{kind: "waiting" | "closed" | "mine" | "other" | "assistant" | "nobody" | "note", text: string}} Badge */

/**
 * @param {Item} item @param {Strings} strings
 * @param {{subject: string, name: (subject: string) => string}} people `name` of another agent, such as an assignee
 */
export function described(item, strings, people) {
  const row = item.row ?? item.notes;
  const title = item.row?.title || item.id;
  const preview = row?.last_message ? previewOf(row.last_message, strings, people.subject) : strings.t("inbox.no.message");
  return { title, preview, at: row?.last_activity ?? "", badges: badges(item, strings, people) };
}

/** @param {FoldedMessage} message @param {Strings} strings @param {string} subject */
function previewOf({ content, redacted, sender }, strings, subject) {
  const plain = content.slice(0, 4 * PREVIEW).replace(MARKUP, "$1").replace(/\s+/g, " ").trim();
  const text = redacted ? strings.t("inbox.removed") : [...plain].slice(0, PREVIEW).join("") || strings.t("inbox.attachment");
  const mine = sender.role === "agent" && sender.id === subject;
  const name = mine ? strings.t("inbox.you") : sender.role === "user" && !sender.name ? null : (sender.name ?? strings.t(`role.${sender.role}`));
  return name === null ? text : strings.t("inbox.from", { name, text });
}

/**
 * At least one, so that all rows are of one height.
 *
 * @param {Item} item @param {Strings} strings @param {{subject: string, name: (subject: string) => string}} people @returns {Badge[]}
 */
function badges({ row, notes, unreadNotes, counted }, strings, { subject, name }) {
  /** @type {Badge[]} */
  const found = [];
  if (row?.status === "closed") found.push({ kind: "closed", text: strings.t("inbox.badge.closed") });
  else if (row && isWaiting(row)) found.push({ kind: "waiting", text: strings.t("inbox.badge.waiting") });
  if (row) {
    const who = holder(row, subject);
    if (who === "other") found.push({ kind: "other", text: name(row.assignee ?? "") });
    else if (who === "me") found.push({ kind: "mine", text: strings.t("inbox.badge.mine") });
    else if (row.status === "open") found.push({ kind: who, text: strings.t(`inbox.badge.${who}`) });
  }
  if (notes && unreadNotes > 0 && counted) found.push({ kind: "note", text: strings.t("inbox.notes.unread", { count: unreadNotes }) });
  else if (notes && !row) found.push({ kind: "note", text: strings.t("inbox.notes.about") });
  return found;
}

/**
 * When it was, as short as it is clear: the time today, the day before, and the date further back.
 *
 * @param {string} at RFC 3339 @param {Strings} strings @param {number} now milliseconds since 1970
 */
export function when(at, strings, now) {
  const [then, today] = [new Date(at), new Date(now)];
  if (then.toDateString() === today.toDateString()) return strings.time(at);
  const days = Math.round((startOfDay(today) - startOfDay(then)) / 86_400_000);
  if (days === 1) return strings.day(at, now);
  const year = then.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return shortDate(strings.lang, year).format(then);
}

/** @param {Date} day */
const startOfDay = (day) => Date.UTC(day.getFullYear(), day.getMonth(), day.getDate());

/** Making a format takes long, and a list needs many. @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} lang @param {"numeric" | undefined} year */
function shortDate(lang, year) {
  const key = `${lang} ${year}`;
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short", year })));
  return format;
}

/**
 * Who types and whether a visitor is here, of a row's conversation.
 *
 * @param {Live | undefined} live @param {Strings} strings @param {string} subject of the operator, who knows of itself
 * @returns {{typing: string, here: boolean}}
 */
export function liveOf(live, strings, subject) {
  const others = (live?.typing ?? []).filter(({ id }) => id !== subject);
  const names = listed(others.map((one) => nameOf(one, strings)), strings.lang);
  const typing = others.length ? strings.t("typing", { count: others.length, names }) : "";
  return { typing, here: (live?.presence?.counts.user ?? 0) > 0 };
}
