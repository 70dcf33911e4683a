// The open conversation as it is now: what the service answered, and the updates that the chat has seen since. Pure.

/** @import { ConversationFields, PresenceList, Sender } from "../../umbral-chat.d.ts" */
/** @import { Conversation } from "./api.js" */

/**
 * The later of two answers about one conversation; of two logs, the one that was answered last.
 *
 * @param {Conversation | null} known @param {Conversation} given
 */
export function later(known, given) {
  return known && known.epoch === given.epoch && known.head > given.head ? known : given;
}

/**
 * An answer with the updates of the chat applied, if the chat is further in the log than the answer.
 *
 * @param {Conversation} answer @param {{seq: number, conversation: Readonly<ConversationFields>}} state
 * @returns {Conversation}
 */
export function current(answer, { seq, conversation }) {
  if (seq < answer.head) return answer;
  const { title, status, responder, assignee } = { ...answer, ...conversation };
  return { ...answer, title, status, responder, assignee: assignee ?? null, head: seq };
}

/** Whether a visitor waits for an answer, as the filter `waiting` has it. @param {Conversation} row */
export function isWaiting({ status, last_message }) {
  return status === "open" && last_message?.sender.role === "user";
}

/**
 * What to call the agent of this subject: by what it signed, or as presence has it; null: nothing says.
 *
 * @param {string} subject
 * @param {{messages: Iterable<{sender: Sender}>, presence: PresenceList | null}} seen
 * @returns {string | null}
 */
export function nameOf(subject, { messages, presence }) {
  let name = null;
  for (const { sender } of messages) if (sender.id === subject && sender.role !== "user" && sender.name) name = sender.name;
  return name ?? presence?.people?.find(({ id, name: one }) => id === subject && one)?.name ?? null;
}

/** A subject that nothing names, short enough for a badge. @param {string} subject */
export function shortened(subject) {
  const [kind, key] = subject.split(":");
  const plain = kind === "agent" && key ? key : subject;
  return plain.length > 24 ? `${plain.slice(0, 23)}…` : plain;
}

/**
 * Who has it, in the sense of the page: nobody, this operator, or somebody else.
 *
 * @param {Pick<Conversation, "assignee" | "responder">} conversation @param {string} subject
 * @returns {"assistant" | "nobody" | "me" | "other"}
 */
export function holder({ assignee, responder }, subject) {
  if (assignee) return assignee === subject ? "me" : "other";
  return responder === "human" ? "nobody" : "assistant";
}
