// n8n's chat widget, by its undocumented `$chat`: as `@n8n/chat` 1.37 has it. Anything else is not touched.

/** @import { Bubble } from "./matching.js" */

/**
 * @typedef {object} Store what `$chat` is, as far as it is used: refs of Vue
 * @property {{value: Bubble[]}} messages
 * @property {{value: boolean}} waitingForResponse
 */

/** The widget of an app; null where it is not as it is known. @param {unknown} app */
export function widgetOf(app) {
  const vue = /** @type {any} */ (app);
  const chat = vue?.config?.globalProperties?.$chat;
  const element = vue?._container;
  const known =
    isRef(chat?.messages) &&
    isRef(chat.waitingForResponse) &&
    Array.isArray(chat.messages.value) &&
    chat.messages.value.every(isBubble) &&
    typeof chat.waitingForResponse.value === "boolean" &&
    typeof chat.sendMessage === "function" &&
    typeof element?.querySelector === "function";
  return known ? new Widget(vue, chat, element) : null;
}

export class Widget {
  #app;
  #chat;
  #element;
  /** The list as it was seen last: the widget replaces it as a whole when it has loaded a session. @type {Bubble[] | null} */
  #list = null;

  /** @param {any} app @param {Store} chat @param {Element} element in which it is mounted */
  constructor(app, chat, element) {
    this.#app = app;
    this.#chat = chat;
    this.#element = element;
  }

  /**
   * What it shows; `restored`: in a list that is another than the last one. Throws a TypeError where a bubble is of a
   * kind that is not known.
   *
   * @returns {{bubbles: Bubble[], restored: boolean}}
   */
  read() {
    const list = this.#chat.messages.value;
    const restored = list !== this.#list;
    this.#list = list;
    if (!Array.isArray(list) || !list.every(isBubble)) throw new TypeError("the widget's messages are of an unknown kind");
    return { bubbles: [...list], restored };
  }

  /** In place: the widget goes on writing into the same list. @param {readonly Bubble[]} bubbles */
  write(bubbles) {
    const list = this.#chat.messages.value;
    list.splice(0, list.length, ...bubbles);
  }

  get waiting() {
    return this.#chat.waitingForResponse.value === true;
  }

  /** Whether a person can see it: its window may be closed. */
  get visible() {
    return document.visibilityState === "visible" && (this.#element.querySelector(".chat-messages-list")?.getClientRects().length ?? 0) > 0;
  }

  /**
   * Calls back when it shows something else, before that is painted; `typed` when the person types; `ended` when the page
   * takes the widget away. Returns how to end it.
   *
   * @param {{changed: () => void, typed: () => void, ended: () => void}} callbacks
   */
  observe({ changed, typed, ended }) {
    const observer = new MutationObserver(changed);
    // `style` is how its window is opened and closed.
    observer.observe(this.#element, { childList: true, characterData: true, subtree: true, attributeFilter: ["style"] });
    this.#element.addEventListener("input", typed);
    document.addEventListener("visibilitychange", changed);
    this.#app.onUnmount?.(ended);
    return () => {
      observer.disconnect();
      this.#element.removeEventListener("input", typed);
      document.removeEventListener("visibilitychange", changed);
    };
  }
}

/** @param {any} value */
function isRef(value) {
  return value !== null && typeof value === "object" && "value" in value;
}

/** @param {any} bubble */
function isBubble(bubble) {
  return typeof bubble?.id === "string" && (bubble.sender === "user" || bubble.sender === "bot");
}
