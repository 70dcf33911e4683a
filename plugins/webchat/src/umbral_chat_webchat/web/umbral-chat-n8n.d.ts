/** The types of umbral-chat-n8n, the companion of n8n's chat widget (`@n8n/chat`). */

import type { Chat, Options } from "./umbral-chat.d.ts";

/** What the companion itself writes into bubbles; Markdown, as all that the widget shows. */
export interface Texts {
  /** In place of a message that was redacted. */
  removed?: string;
  /** While someone other than the visitor types or an assistant works; `names` are those that are known. */
  typing?: (names: string[]) => string;
}

export interface AttachOptions extends Omit<Options, "storage" | "outboxSeconds"> {
  texts?: Texts;
  /** Whether the read marker is raised while the widget's messages are seen. Default true. */
  markRead?: boolean;
  /** Whether the visitor's typing is reported. The token then needs the right `send`. Default false. */
  reportTyping?: boolean;
}

export interface Companion {
  /** The conversation; null where the widget is not one that is known. */
  readonly chat: Chat | null;
  /** Ends it. What the widget itself showed stays. */
  detach(): void;
}

/**
 * Shows the conversation in the widget: its history, what other tabs, workflows and people write, who types, edits and
 * redactions. `app` is what `createChat` returned. Where that is not as the companion knows it, the widget is left as it is,
 * and the console says so.
 */
export function attach(app: unknown, options: AttachOptions): Companion;
