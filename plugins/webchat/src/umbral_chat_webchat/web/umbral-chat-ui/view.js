// A conversation as a person sees it: messages, composer, connection, who types and what an assistant does.

import { addStyles } from "./styles.js";

/** @import { Chat } from "../umbral-chat.d.ts" */
/** @import { MountedView, Strings, Viewer, ViewOptions } from "../umbral-chat-ui.d.ts" */

/**
 * @param {Element | ShadowRoot} container
 * @param {{chat: Chat, viewer: Viewer, strings: Strings, options?: ViewOptions}} parts
 * @returns {MountedView}
 */
export function mountConversation(container, { strings }) {
  const element = document.createElement("section");
  element.className = "umbral-theme umbral-chat";
  element.lang = strings.lang;
  container.append(element);
  void addStyles(element);
  return { element, focus: () => element.focus(), destroy: () => element.remove() };
}
