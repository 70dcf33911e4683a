/** The types of umbral-chat. What travels keeps its names of the HTTP API (snake_case). */

export type Role = "user" | "assistant" | "agent" | "system";

/** The sender of an entry. */
export interface Sender {
  role: Role;
  id?: string | null;
  name?: string | null;
}

/** Further data of a message. `attachments`: a list of `{url or id, name?, type?, size?}`. */
export type Metadata = Record<string, unknown>;

/** How the writing of a message ended, where it did not end completely. */
export type Finish = "cancelled" | "failed" | "interrupted";

interface EntryBase {
  seq: number;
  at: string;
  sender: Sender;
  client_id?: string | null;
  imported?: boolean;
}

/** A message is new. */
export interface MessageEntry extends EntryBase {
  kind: "message";
  message_id: string;
  content: string;
  reply_to?: string | null;
  metadata?: Metadata | null;
  redacted?: boolean;
  finish?: Finish;
}

/** A message's whole new content. */
export interface EditEntry extends EntryBase {
  kind: "edit";
  message_id: string;
  content: string;
  metadata?: Metadata | null;
  redacted?: boolean;
}

/** A message was blanked. */
export interface RedactionEntry extends EntryBase {
  kind: "redaction";
  message_id: string;
}

/** A change of the conversation itself. */
export interface UpdateEntry extends EntryBase {
  kind: "update";
  changes: ConversationFields;
}

/** A run that ended and left no message. */
export interface RunEntry extends EntryBase {
  kind: "run";
  run_id: string;
  outcome: "completed" | "cancelled" | "failed";
  reason?: string | null;
  for_seq?: number | null;
  metadata?: Metadata | null;
}

/** One numbered item of the log. A client ignores kinds that it does not know. */
export type Entry = MessageEntry | EditEntry | RedactionEntry | UpdateEntry | RunEntry;

/** What updates set. */
export interface ConversationFields {
  title?: string | null;
  status?: "open" | "closed";
  responder?: "assistant" | "human";
  /** The subject of the agent who has the conversation. */
  assignee?: string | null;
  realtime?: "inherit" | "off";
  metadata?: Metadata | null;
  members?: { subject: string; role?: Role; name?: string | null }[];
}

/** A message as it is now: its entry with all edits and its redaction applied. */
export interface FoldedMessage {
  seq: number;
  version: number;
  at: string;
  sender: Sender;
  message_id: string;
  content: string;
  client_id?: string | null;
  reply_to?: string | null;
  metadata?: Metadata | null;
  edited_at?: string | null;
  redacted?: boolean;
  imported?: boolean;
  finish?: Finish;
}

/** A message that is being written. */
export interface Draft {
  message_id: string;
  text: string;
  sender: Sender;
}

/** A person who types. */
export interface PersonTyping {
  person: string;
  role: Role;
  name?: string | null;
  id?: string | null;
}

/** A person who is here. */
export interface PersonHere {
  person: string;
  role: Role;
  name?: string | null;
  status: "online" | "away" | "busy";
  since: string;
  id?: string | null;
  devices?: { device: string; status: string; metadata?: Metadata | null }[];
}

/** Who is here. `listed` false: too many are here to be named. */
export interface PresenceList {
  version: string;
  count: number;
  counts: Partial<Record<Role, number>>;
  listed?: boolean;
  people?: PersonHere[];
  last_seen?: { person: string; role: Role; name?: string | null; id?: string | null; last_seen: string }[];
}

/** One execution of an assistant, and what it is doing. */
export interface Run {
  run_id: string;
  state: "started" | "thinking" | "tool" | "writing" | "waiting";
  label?: string | null;
  for_seq?: number | null;
  message_id?: string | null;
  sender: Sender;
  started_at: string;
  expires_at?: string | null;
  cancel_requested?: boolean;
  execution_id?: string | null;
}

/** A reader who lets others see how far it has read, as its own messages show it, and the seq of that. */
export interface Receipt {
  subject: string;
  role: Role;
  name?: string | null;
  seq: number;
}

/** An ephemeral event. A client ignores those that it does not know. */
export type Signal =
  | { signal: "draft"; message_id: string; offset: number; text: string; sender: Sender; ended?: false }
  | { signal: "draft"; message_id: string; ended: true }
  | { signal: "typing"; typing: PersonTyping[] }
  | { signal: "presence"; presence: PresenceList }
  | { signal: "runs"; runs: Run[] }
  | { signal: "readers"; readers: Receipt[] }
  | { signal: "read"; subject: string; role?: Role; name?: string | null; seq: number }
  | { signal: "me"; person: string };

/** The answer of a poll. */
export interface Events {
  entries: Entry[];
  cursor: string;
  head: number;
  has_more: boolean;
  poll_after_ms: number;
  mode: string;
  signals?: string;
  drafts?: (Draft & { offset: number })[];
  typing?: PersonTyping[];
  presence?: PresenceList | null;
  runs?: Run[];
  readers?: Receipt[];
  stale_since?: string | null;
  snapshot?: boolean;
  messages?: FoldedMessage[];
}

/** A page of the folded history. */
export interface MessagesPage {
  messages: FoldedMessage[];
  cursor: string;
  has_more: boolean;
}

/** A way in which this client may follow the conversation now. */
export interface Offer {
  edge: string;
  rank: number;
  url: string;
  parameters?: Record<string, any>;
}

/** Why something failed. `code` is one of docs/reference/errors.md, or `unreachable`, `expired`, `unauthorized`. */
export interface Failure {
  code: string;
  detail: string;
  status?: number;
}

/** A message in `state.messages`. Of one that the log does not have yet, `seq` and `message_id` are null. */
export interface Message {
  /** Stable from the first optimistic display on: a key for lists. */
  key: string;
  seq: number | null;
  message_id: string | null;
  version: number;
  at: string;
  sender: Sender;
  content: string;
  client_id?: string | null;
  reply_to?: string | null;
  metadata?: Metadata | null;
  edited_at?: string | null;
  redacted?: boolean;
  imported?: boolean;
  finish?: Finish;
  /** `sent`: durable. `failed`: it will not be sent unless `retry` is called. */
  delivery: "pending" | "sent" | "failed";
  error?: Failure;
}

export type EdgeName = "direct" | "websocket" | "sse" | "long_poll" | "poll";

/** The connection, and why it is as it is. */
export interface ConnectionState {
  /** `open`: entries arrive. `waiting`: the next attempt follows after a pause. `closed`: it does not come back by itself. */
  state: "connecting" | "open" | "waiting" | "offline" | "closed";
  /** The edge that is in use; null while there is none. */
  edge: EdgeName | null;
  /** A code, such as `draining`, `realtime_off`, `unreachable`, `token_expired`, `conversation_deleted`. */
  reason: string;
  /** Since when, RFC 3339. */
  since: string;
  /** How the service learns of entries of its other instances: `live`, `polling` or `local`. */
  mode: string | null;
  /** The service's history has not answered since then: what is shown is from memory. */
  stale_since: string | null;
  /** Whether this tab holds the connection for the others. */
  leader: boolean;
}

/** All that is known of a conversation. Every change makes a new object; parts that did not change keep their identity. */
export interface ChatState {
  /** Whether the first page of the history is there. Before it `messages` has only what waits to be sent. */
  loaded: boolean;
  messages: readonly Message[];
  /** Whether `loadEarlier` has more. */
  hasEarlier: boolean;
  drafts: readonly Draft[];
  runs: readonly Run[];
  /** Runs that ended and left no message, oldest first. */
  endedRuns: readonly RunEntry[];
  typing: readonly PersonTyping[];
  presence: PresenceList | null;
  /** Who has read how far, of those who let others see it; this page's own person, too. */
  readers: readonly Receipt[];
  /** The `person` that this page's own is in `typing` and `presence`. Null: `present` is not set, or not reported yet. */
  me: string | null;
  /** Messages of others past the read marker. */
  unread: number;
  /** The same when the conversation was opened; null: it is not known yet. */
  unreadAtOpening: number | null;
  /** Title, status and so on. */
  conversation: Readonly<ConversationFields>;
  /** `seq` up to which the log is applied. */
  seq: number;
  connection: ConnectionState;
}

/** Where the outbox is kept. Methods may return promises. */
export interface Storage {
  /** Every pair whose key begins so. */
  load(prefix: string): Iterable<[string, string]> | Promise<Iterable<[string, string]>>;
  save(key: string, value: string): void | Promise<void>;
  remove(key: string): void | Promise<void>;
}

export type Timer = number | object;

/** What a page has and Node may not. Each part can be replaced. */
export interface Environment {
  fetch: typeof globalThis.fetch;
  /** The constructor; null: there is none. */
  WebSocket: (new (url: string) => WebSocket) | null;
  setTimeout(callback: () => void, ms: number): any;
  clearTimeout(timer: any): void;
  /** Milliseconds since 1970. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** A new random id. */
  uuid(): string;
  /** Web Locks; null: each tab connects by itself. */
  locks: Pick<LockManager, "request"> | null;
  /** A BroadcastChannel of this name; null: each tab connects by itself. */
  channel: ((name: string) => BroadcastChannel) | null;
  storage: Storage | null;
  /** False: certainly no network. */
  online(): boolean;
  visible(): boolean;
  /** Calls back at `online`, `offline`, `visible` (also when the page is shown again). Returns how to end it. */
  listen(callback: (event: "online" | "offline" | "visible") => void): () => void;
}

export interface Options {
  /** Of the service, such as `https://chat.example.com`. In a page, left out: the page's own origin. */
  url?: string;
  conversation: string;
  /** A conversation token, or a Supabase user's access token. Neither this nor `getToken`: a service without keys. */
  token?: string | null;
  /** Called at the start and whenever a new token is needed: before the old one expires, and when it was refused. */
  getToken?: (why: "start" | "renew") => string | null | Promise<string | null>;
  /**
   * `same-origin`: the page's operator has signed in, and requests are sent with the session's cookie; only for pages of
   * the service itself, without a token. Name the operator in `user`: its `subject`. Default `omit`.
   */
  credentials?: "omit" | "same-origin";
  /** Sent with messages: the person who writes, where the service allows one to be named. */
  sender?: Sender;
  /** Keeps the outbox beyond a reload. Default: localStorage; null: only in memory. */
  storage?: Storage | null;
  /** A client of supabase-js whose user is signed in: the edge `direct` is used where the service offers it. */
  supabase?: any;
  /** The edges that may be used, in the order of preference. Default: all, by the ranks of the service's offers. */
  edges?: readonly EdgeName[];
  /** Messages of the first page, and of each that `loadEarlier` loads. Default 50. */
  pageSize?: number;
  /** Seconds after which a message that could not be sent fails with the code `expired`. Default a day. */
  outboxSeconds?: number;
  /** Names the person whose outbox and connection tabs share. Default: the subject of the token. */
  user?: string;
  /** Whether the person is shown as here (in `presence`) while the page is open. Default false. */
  present?: boolean;
  /**
   * Whether others see how far the person has read, as `markRead` says it. Default: as before, at first not; false: not
   * any more.
   */
  receipts?: boolean;
  /** One tab holds the connection for all. Default true. */
  shareConnection?: boolean;
  environment?: Partial<Environment>;
}

export interface Chat {
  readonly state: ChatState;
  /** Calls back with each new state, at most once a turn of the event loop. Returns how to end it. */
  subscribe(listener: (state: ChatState) => void): () => void;
  /**
   * Sends a message. It is in `state.messages` at once, and the same object's `key` stays. Throws `Problem` with the
   * code `outbox_full` while 200 messages wait, and `closed`.
   */
  send(content: string, options?: { metadata?: Metadata; replyTo?: string }): Message;
  /** Sends a failed message again; without `key`, all of them. */
  retry(key?: string): void;
  /** Drops a message that was not sent. */
  discard(key: string): void;
  /** Replaces a message's content. Rejects with `Problem` or `Unreachable`. */
  edit(messageId: string, content: string, options?: { metadata?: Metadata }): Promise<void>;
  /** Blanks a message. Rejects with `Problem` or `Unreachable`. */
  redact(messageId: string): Promise<void>;
  /** Reports that the person types; call it at each keystroke. It ends by itself. */
  typing(typing: boolean): void;
  /** Raises the read marker; without `seq`, to the newest message. */
  markRead(seq?: number): void;
  /** Loads the messages before the oldest. Resolves to whether there are more. */
  loadEarlier(): Promise<boolean>;
  /**
   * Asks that a run end: one for a message of one's own, or any with the right `moderate`. It goes on, marked
   * `cancel_requested`, until its producer ends it. Rejects with `Problem` or `Unreachable`.
   */
  cancelRun(runId: string): Promise<void>;
  /** Ends the connection and all timers. What is in the outbox stays there for the next time. */
  close(): void;
}

/** Follows a conversation. It connects by itself, and again whenever it has to. */
export function connect(options: Options): Chat;

/** The service answered with an error. */
export class Problem extends Error {
  constructor(status: number, body?: Record<string, any>, retryAfter?: number | null);
  readonly status: number;
  /** See docs/reference/errors.md. */
  readonly code: string;
  readonly detail: string;
  /** Seconds. */
  readonly retryAfter: number | null;
  readonly body: Record<string, any>;
}

/** The service did not answer. */
export class Unreachable extends Error {
  readonly code: "unreachable";
}

/** A storage in memory. */
export function memoryStorage(): Storage;

/** A storage in `localStorage` or `sessionStorage`. */
export function webStorage(area: globalThis.Storage): Storage;
