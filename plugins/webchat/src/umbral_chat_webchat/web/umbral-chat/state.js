// The state that a page sees, made from the merge and the outbox. Parts that did not change keep their identity.

/** @import { ChatState, FoldedMessage, Message, PersonTyping, Run, Sender } from "../umbral-chat.d.ts" */
/** @import { Merge } from "./merge.js" */
/** @import { Item } from "./outbox.js" */

/** Own messages whose first display is remembered, so that their keys stay. */
const OWN = 1000;

/** Makes states. `mine` knows which messages this page wrote. */
export class States {
  /** @type {Map<string, number | null>} own client ids, with the seq of the entry once it is known */
  #mine = new Map();
  /** @type {{changes: number, items: string, made: readonly Message[]} | null} */
  #kept = null;
  /** Of a folded message that is the same object: a page renders only what is another. @type {WeakMap<FoldedMessage, Message>} */
  #made = new WeakMap();
  /** @type {{drafts: unknown, made: ChatState["drafts"]} | null} */
  #drafts = null;

  /** @param {string} clientId @param {number | null} seq */
  remember(clientId, seq) {
    this.#mine.delete(clientId);
    this.#mine.set(clientId, seq);
    if (this.#mine.size > OWN) for (const oldest of this.#mine.keys()) return void this.#mine.delete(oldest);
  }

  /** @param {string | null | undefined} clientId */
  isMine(clientId) {
    return clientId != null && this.#mine.has(clientId);
  }

  /**
   * @param {Merge} merge @param {readonly Item[]} items @param {Sender} sender of what is not sent yet
   * @param {Pick<ChatState, "unread" | "unreadAtOpening" | "connection">} others
   * @returns {ChatState}
   */
  make(merge, items, sender, others) {
    const { signals } = merge;
    return {
      loaded: merge.loaded,
      messages: this.#messages(merge, items, sender),
      hasEarlier: merge.hasEarlier,
      drafts: this.#draftList(merge),
      runs: signals.runs,
      endedRuns: merge.endedRuns,
      typing: typingWith(signals.typing, signals.runs),
      presence: signals.presence,
      readers: signals.readers,
      me: merge.me,
      conversation: merge.conversation,
      seq: merge.seq,
      ...others,
    };
  }

  /** @param {Merge} merge @param {readonly Item[]} items @param {Sender} sender */
  #messages(merge, items, sender) {
    const version = items.map((item) => `${item.body.client_id} ${item.state}`).join();
    if (this.#kept?.changes === merge.changes && this.#kept.items === version) return this.#kept.made;
    const folded = [...merge.messages.values()].sort((one, other) => one.seq - other.seq);
    const made = [...folded.map((message) => this.#stored(message)), ...items.map((item) => waiting(item, sender))];
    this.#kept = { changes: merge.changes, items: version, made };
    return made;
  }

  /** @param {FoldedMessage} message @returns {Message} */
  #stored(message) {
    const id = message.client_id;
    // Another author may use the same client id later: the key is of the entry that was ours.
    if (id != null && this.#mine.get(id) === null) this.#mine.set(id, message.seq);
    const key = id != null && this.#mine.get(id) === message.seq ? id : message.message_id;
    const known = this.#made.get(message);
    if (known?.key === key) return known;
    /** @type {Message} */
    const made = { ...message, key, delivery: "sent" };
    this.#made.set(message, made);
    return made;
  }

  /** @param {Merge} merge */
  #draftList({ signals: { drafts } }) {
    if (this.#drafts?.drafts !== drafts)
      this.#drafts = { drafts, made: [...drafts.values()].map(({ length: _length, ...draft }) => draft) };
    return this.#drafts.made;
  }
}

/** @param {Item} item @param {Sender} sender @returns {Message} */
function waiting({ body, created, state, seq, error }, sender) {
  return {
    key: body.client_id,
    seq: seq ?? null,
    message_id: null,
    version: 0,
    at: new Date(created).toISOString(),
    sender: body.sender ?? sender,
    content: body.content,
    client_id: body.client_id,
    ...(body.reply_to ? { reply_to: body.reply_to } : {}),
    ...(body.metadata ? { metadata: body.metadata } : {}),
    delivery: state === "failed" ? "failed" : state === "sent" ? "sent" : "pending",
    ...(error ? { error } : {}),
  };
}

/**
 * A run that is writing shows its assistant as typing, also where nothing provides presence.
 *
 * @param {readonly PersonTyping[]} typing @param {readonly Run[]} runs
 * @returns {readonly PersonTyping[]}
 */
function typingWith(typing, runs) {
  const more = runs
    .filter(({ state }) => state === "writing")
    .filter(({ sender }) => !typing.some((one) => one.role === sender.role && (one.name ?? null) === (sender.name ?? null)))
    .map(({ run_id, sender: { role, name } }) => ({ person: `run:${run_id}`, role, ...(name ? { name } : {}) }));
  return more.length ? [...typing, ...more] : typing;
}
