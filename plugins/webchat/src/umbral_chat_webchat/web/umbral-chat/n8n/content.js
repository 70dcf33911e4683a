// A state of the client as bubbles show it: the messages, what is being written, and who types. Pure.

/** @import { ChatState, Message, Role } from "../../umbral-chat.d.ts" */
/** @import { Texts } from "../../umbral-chat-n8n.d.ts" */
/** @import { DraftLine, Line } from "./matching.js" */

/** @type {Required<Texts>} */
export const TEXTS = {
  removed: "*This message was removed.*",
  typing: (names) => (names.length ? `${names.map(escaped).join(", ")} …` : "…"),
};

/** States of a run in which its assistant works. One that waits, waits for a person. */
const AT_WORK = new Set(["started", "thinking", "tool", "writing"]);

/**
 * The messages that the log has, in order.
 *
 * @param {readonly Message[]} messages @param {Required<Texts>} texts
 * @returns {Line[]}
 */
export function linesOf(messages, texts) {
  return messages.flatMap((message) => (message.seq === null || message.message_id === null ? [] : [lineOf(message, texts)]));
}

/** @param {Message} message @param {Required<Texts>} texts @returns {Line} */
function lineOf({ message_id, seq, sender, content, version, redacted = false, metadata }, texts) {
  return {
    id: String(message_id),
    seq: Number(seq),
    side: sender.role === "user" ? "user" : "bot",
    content,
    text: redacted ? texts.removed : signed(sender, content.trim() ? content : names(metadata)),
    changed: redacted || version > Number(seq),
    redacted,
    transparent: sender.role === "system",
  };
}

/** @param {ChatState["drafts"]} drafts @returns {DraftLine[]} */
export function draftsOf(drafts) {
  return drafts.map(({ message_id, text, sender }) => ({ id: message_id, text: text.trim() ? signed(sender, text) : "" }));
}

/**
 * What to show of those who type; null: nobody does. While the widget waits it shows its own dots for the assistant.
 *
 * @param {Pick<ChatState, "typing" | "runs" | "drafts">} state @param {Required<Texts>} texts @param {boolean} waiting
 * @returns {string | null}
 */
export function typingOf({ typing, runs, drafts }, texts, waiting) {
  const written = new Set(drafts.filter(({ text }) => text.trim()).map(({ sender }) => sender.role));
  const shows = (/** @type {Role} */ role) => role !== "user" && !written.has(role) && !(waiting && role === "assistant");
  const people = typing.filter(({ role }) => shows(role));
  const work = runs.filter(({ state, sender }) => AT_WORK.has(state) && shows(sender.role));
  if (!people.length && !work.length) return null;
  const named = [...people.map(({ name }) => name), ...work.map(({ label, sender }) => label ?? sender.name)];
  return texts.typing([...new Set(named.flatMap((name) => name || []))]);
}

/** The widget has no place for a name: a human's message begins with it. @param {Message["sender"]} sender @param {string} text */
function signed({ role, name }, text) {
  return role === "agent" && name ? `**${escaped(name)}**\n\n${text}` : text;
}

/** The names of a message's attachments. @param {Message["metadata"]} metadata */
function names(metadata) {
  const attachments = Array.isArray(metadata?.attachments) ? metadata.attachments : [];
  return attachments.map((one) => `📎 ${escaped(String(one?.name ?? one?.id ?? "?"))}`).join("\n\n");
}

/** The widget renders Markdown. @param {string} text */
function escaped(text) {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~&]/g, "\\$&").replace(/\s+/g, " ");
}
