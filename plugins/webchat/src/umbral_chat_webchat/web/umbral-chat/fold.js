// Entries applied to the messages that are known. As the service's own `umbral_chat.model.fold` does it.

/** @import { Entry, FoldedMessage, MessageEntry } from "../umbral-chat.d.ts" */

/**
 * Applies one entry to `messages` (by message id, in place). An entry again, or an older one after a newer, changes
 * nothing: `version` only rises. Nor do kinds that are not known.
 *
 * @param {Map<string, FoldedMessage>} messages
 * @param {Entry} entry
 * @returns {boolean} whether something changed
 */
export function fold(messages, entry) {
  if (entry.kind === "message") return addMessage(messages, folded(entry));
  if (entry.kind !== "edit" && entry.kind !== "redaction") return false;
  const known = messages.get(entry.message_id);
  if (!known || known.version >= entry.seq) return false; // it is on a page that is not loaded, or loaded later
  if (entry.kind === "redaction") {
    const { metadata: _metadata, edited_at: _editedAt, ...rest } = known;
    messages.set(known.message_id, { ...rest, version: entry.seq, content: "", redacted: true });
    return true;
  }
  if (known.redacted) return false;
  const { finish: _finish, metadata: _metadata, ...rest } = known; // an edit is the whole message, complete
  messages.set(known.message_id, {
    ...rest,
    version: entry.seq,
    content: entry.content,
    edited_at: entry.at,
    ...(entry.metadata ? { metadata: entry.metadata } : {}),
    ...(entry.redacted ? { redacted: true } : {}),
  });
  return true;
}

/**
 * Adds a folded message as a page has it, unless a version is known that is as new.
 *
 * @param {Map<string, FoldedMessage>} messages
 * @param {FoldedMessage} message
 * @returns {boolean} whether something changed
 */
export function addMessage(messages, message) {
  const known = messages.get(message.message_id);
  if (known && known.version >= message.version) return false;
  messages.set(message.message_id, message);
  return true;
}

/**
 * @param {MessageEntry} entry
 * @returns {FoldedMessage}
 */
function folded({ kind: _kind, ...entry }) {
  return { ...entry, version: entry.seq };
}
