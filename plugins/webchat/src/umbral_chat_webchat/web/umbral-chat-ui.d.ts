/** The types of the view of a conversation. */

import type { Chat, ChatState, Role } from "./umbral-chat.js";

/** The texts of one language, and how it writes numbers and times. */
export interface Strings {
  /** A BCP 47 tag. */
  readonly lang: string;
  readonly dir: "ltr" | "rtl";
  /** The text of this key, with its `{placeholders}` replaced. `count` selects the plural form. */
  t(key: string, values?: Record<string, string | number>): string;
  /** The time of day, in the reader's zone. */
  time(at: string): string;
  /** Day and time, in full. */
  dateTime(at: string): string;
  /** A day: "Today", "Yesterday", or its date. */
  day(at: string, now?: number): string;
}

/** Who looks at the view. `subject` null: it is not known, and own messages are those that this browser sent. */
export interface Viewer {
  role: Role;
  subject: string | null;
}

export interface ViewOptions {
  /**
   * A second conversation whose messages are shown between those of the first, as notes: `internal:{id}`. The composer gets a
   * switch between the two.
   */
  notes?: Chat;
  /** Shows title, presence and connection above the messages. Default true. */
  header?: boolean;
  /** What the header says where the conversation has no title. */
  title?: string;
  /** The level of the header's heading, 1 to 6. Default 2. */
  level?: number;
  /** The address of a page on how to get a token, for who has none. */
  help?: string;
  /** Whether the reader may stop any run; otherwise those for own messages. Default: role `agent`. */
  stopsAnyRun?: boolean;
  /** Whether the reader may remove messages of others. Default false. */
  moderates?: boolean;
  /** Whether the composer may be used; it is hidden otherwise. Default true. */
  composer?: boolean;
  /** Called with each new state of `chat`, before it is shown. */
  onState?(state: ChatState): void;
  /** Called with the text that is sent as a message; returning true, the view leaves it to the caller: a command. */
  onSend?(text: string): boolean | void;
}

/** Whether the composer writes to the conversation, or to its notes. */
export type ComposerMode = "message" | "note";

export interface MountedView {
  /** The root of what was mounted, with the class `umbral-chat`. */
  readonly element: HTMLElement;
  /** What is written in the composer and not sent. */
  text: string;
  /** What the composer writes. */
  readonly mode: ComposerMode;
  /** Sets what the composer writes; notes only where there are some. */
  compose(mode: ComposerMode): void;
  /** Moves the focus to the composer. */
  focus(): void;
  /** Ends the view, and removes it. The chat stays open: it is its caller's. */
  destroy(): void;
}

/** Shows a conversation in `container`, which it owns from now on. */
export function mountConversation(
  container: Element | ShadowRoot,
  parts: { chat: Chat; viewer: Viewer; strings: Strings; options?: ViewOptions },
): MountedView;

/** The texts of every language that there is. */
export const languages: Readonly<Record<string, Record<string, string | Record<string, string>>>>;

/** The texts of the first of these languages that there is, or the English ones. */
export function pick(preferred: readonly string[]): Strings;

/** Adds the style sheet to the page or the shadow root that `node` is in, once. Resolves when it is there. */
export function addStyles(node: Node): Promise<void>;
