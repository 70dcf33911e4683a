/** The types of the chat that a script tag adds to a page: `window.UmbralChat`. */

export interface EmbedOptions {
  /** `bubble`: a button in the corner that opens the chat. `inline`: the chat itself. Default `bubble`. */
  mode?: "bubble" | "inline";
  /** Address of the service. Default: where the script is from. */
  url?: string;
  /** The conversation. Default: one for this browser, with a random id that is kept in its localStorage. */
  conversation?: string;
  /** A conversation token, where the page has it already. */
  token?: string;
  /** Called by POST with the form field `session`, the conversation's id; answers with JSON `{token, conversation?}`. */
  tokenUrl?: string;
  /** In its place: returns a token, or `{token, conversation?}`, or a promise of one. */
  getToken?: (conversation: string, why: "start" | "renew") => EmbedAnswer | Promise<EmbedAnswer>;
  /** An element, or a selector of one, that the inline chat is put into. Default: where the script is. */
  target?: Element | string;
  /** Shown above the chat. */
  title?: string;
  /** A BCP 47 tag. Default: the browser's languages. */
  lang?: string;
  theme?: "light" | "dark";
  /** The corner of the bubble. Default `end`: on the right in a page that reads from left to right. */
  position?: "start" | "end";
  /** Whether the bubble is open at first. */
  open?: boolean;
  /** Whether a sound is played for new messages, until the visitor chooses. Default false. */
  sound?: boolean;
  /** Whether operators see how far the visitor has read, and false: not any more. Default: as before, at first not. */
  receipts?: boolean;
}

export type EmbedAnswer = string | null | { token: string | null; conversation?: string };

/** A chat in the page. */
export interface Embed {
  /** The element that has the shadow root. */
  readonly element: HTMLElement;
  readonly isOpen: boolean;
  /** Messages that were not read. */
  readonly unread: number;
  open(): void;
  close(): void;
  /** Ends the connection, and removes it. */
  destroy(): void;
}

export interface UmbralChatGlobal {
  /** Adds a chat; any number of them. */
  mount(options: EmbedOptions): Promise<Embed>;
  /** The chat of the attributes of the first script tag; null with `data-mode="manual"`. */
  mounted: Promise<Embed> | null;
}

declare global {
  interface Window {
    UmbralChat?: UmbralChatGlobal;
  }
}
