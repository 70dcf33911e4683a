// The chat that a script tag adds to any page: a bubble or inline, in a shadow root.

import { icon, make } from "../dom.js";
import { pick } from "../strings.js";
import { hasStyles } from "../styles.js";
import { serviceOf } from "./read.js";
import { chime } from "./sound.js";
import "./strings.js";
import { style } from "./style-sheet.js";
import { badge, News } from "./unread.js";
import { Visitor } from "./visitor.js";

export { read } from "./read.js";

/** @import { Chat, ChatState } from "../../umbral-chat.d.ts" */
/** @import { Embed, EmbedOptions } from "../../umbral-chat-embed.d.ts" */
/** @import { MountedView, Strings } from "../../umbral-chat-ui.d.ts" */

// Icons on a field of 24 × 24.
const BUBBLE = "M4 5h16v11H10l-5 4v-4H4zM8 9.5h8M8 12.5h5";
const CLOSE = "M6 6l12 12M18 6 6 18";
const SPEAKER = "M4 10v4h3l5 4V6l-5 4z";
const SOUND = `${SPEAKER}M15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11`;
const SILENCE = `${SPEAKER}M16 9.5l5 5M21 9.5l-5 5`;

/**
 * @param {EmbedOptions} options @param {string} src address of the script, which says where the service is
 * @param {HTMLScriptElement | null} [script] whose place an inline chat takes
 * @returns {Promise<Embed>}
 */
export async function mount(options, src, script = null) {
  const service = (options.url ?? serviceOf(src)).replace(/\/+$/, "");
  const host = place(options, script);
  const root = host.attachShadow({ mode: "open" });
  style(root, await interfaceCss());
  hasStyles(root);
  return new EmbeddedChat(host, root, options, service);
}

/** The interface's style sheet as text: fetched, and not linked, it needs nothing but the connection to the service. */
async function interfaceCss() {
  try {
    const response = await fetch(new URL("../ui.css", import.meta.url), { credentials: "omit" });
    return response.ok ? await response.text() : "";
  } catch {
    return ""; // shown plain
  }
}

/** @param {EmbedOptions} options @param {HTMLScriptElement | null} script @returns {HTMLElement} in the page */
function place({ mode = "bubble", target }, script) {
  const host = document.createElement("div");
  host.dataset.umbralChat = mode;
  const given = typeof target === "string" ? document.querySelector(target) : target;
  if (target !== undefined && !given) throw new Error(`there is no element ${target}`);
  if (given) given.append(host);
  else if (mode === "inline" && script?.isConnected && document.body.contains(script)) script.after(host);
  else document.body.append(host);
  return host;
}

/** @implements {Embed} */
class EmbeddedChat {
  element;
  #options;
  #service;
  #visitor;
  /** @type {Strings} */
  #strings;
  #parts;
  /** @type {Chat | null} */
  #chat = null;
  /** @type {Promise<Chat> | null} */
  #connecting = null;
  /** @type {MountedView | null} */
  #view = null;
  #news = new News();
  #unread = 0;
  #open = false;
  #destroyed = false;

  /** @param {HTMLElement} host @param {ShadowRoot} root @param {EmbedOptions} options @param {string} service */
  constructor(host, root, options, service) {
    this.element = host;
    this.#options = options;
    this.#service = service;
    this.#visitor = new Visitor(options, service);
    this.#strings = pick(options.lang ? [options.lang] : navigator.languages);
    this.#parts = this.#build(root);
    this.#showSound();
    if (options.mode === "inline" || options.open) this.#show(options.mode !== "inline");
    else if (this.#visitor.hasBegun) this.#connect().catch(() => {}); // shown when it is opened
  }

  get isOpen() {
    return this.#open;
  }

  get unread() {
    return this.#unread;
  }

  open() {
    if (!this.#open && !this.#destroyed) this.#show(true);
  }

  close() {
    if (!this.#open || this.#options.mode === "inline") return;
    this.#open = false;
    // Not only hidden: what nobody sees must not be marked as read.
    this.#view?.destroy();
    this.#view = null;
    this.#parts.panel.hidden = true;
    this.#parts.launch?.setAttribute("aria-expanded", "false");
    this.#parts.launch?.focus();
    this.#count();
  }

  destroy() {
    this.#destroyed = true;
    this.#view?.destroy();
    this.#chat?.close();
    this.element.remove();
  }

  /** @param {ShadowRoot} root */
  #build(root) {
    const { mode = "bubble", theme, position = "end", title } = this.#options;
    const { t, lang, dir } = this.#strings;
    const inline = mode === "inline";
    const name = title ?? t("embed.title");
    const view = make("div", "view");
    const sound = make("button", "", { type: "button", "aria-label": t("embed.sound"), title: t("embed.sound"), onclick: () => this.#toggleSound() });
    const close = make("button", "", { type: "button", "aria-label": t("embed.close"), title: t("embed.close"), onclick: () => this.close() }, icon(CLOSE));
    const heading = make("h2", "", { id: "title", dir: "auto", textContent: name });
    const bar = make("div", "bar", {}, heading, sound, inline ? null : close);
    const panel = make("div", "panel", { id: "panel", role: inline ? "region" : "dialog", "aria-labelledby": "title" }, bar, view);
    panel.hidden = !inline;
    const status = make("p", "unseen", { role: "status" });
    const count = make("span", "count", { "aria-hidden": "true" });
    count.hidden = true;
    const toggle = () => (this.#open ? this.close() : this.open());
    const launch = inline
      ? null
      : make("button", "launch", { type: "button", "aria-expanded": "false", "aria-controls": "panel", "aria-label": t("embed.open"), onclick: toggle }, icon(BUBBLE), count);
    // The button is outside of whatever parts the page has: it is one by itself.
    const label = inline ? null : name;
    /** @type {HTMLElement} */
    const frame = make(inline ? "div" : "aside", `umbral-theme embed ${mode}`, { lang, dir, "aria-label": label, "data-position": position }, panel, launch, status);
    if (theme) frame.dataset.theme = theme;
    frame.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || !this.#open || inline) return;
      event.stopPropagation();
      this.close();
    });
    root.append(frame);
    return { panel, view, sound, launch, count, status };
  }

  /** @param {boolean} focus */
  #show(focus) {
    this.#open = true;
    this.#parts.panel.hidden = false;
    this.#parts.launch?.setAttribute("aria-expanded", "true");
    this.#count();
    this.#mount(focus).catch((error) => this.#fail(error));
  }

  /** @param {boolean} focus */
  async #mount(focus) {
    const { view } = this.#parts;
    const [chat, { mountConversation }] = await Promise.all([this.#connect(), import("../view.js")]);
    if (!this.#open || this.#destroyed || this.#view) return;
    view.replaceChildren();
    const viewer = { role: /** @type {const} */ ("user"), subject: this.#visitor.subject };
    this.#view = mountConversation(view, { chat, viewer, strings: this.#strings, options: { header: false } });
    if (focus) this.#view.focus();
  }

  #connect() {
    this.#connecting ??= this.#begin().catch((error) => {
      this.#connecting = null;
      throw error;
    });
    return this.#connecting;
  }

  async #begin() {
    const [{ connect }] = await Promise.all([import("../../umbral-chat/index.js"), this.#visitor.begin()]);
    const visitor = this.#visitor;
    const who = visitor.hasTokens
      ? { getToken: (/** @type {"start" | "renew"} */ why) => visitor.token(why) }
      : { sender: { role: /** @type {const} */ ("user"), id: visitor.conversation } };
    // Without tokens all callers are one, and none has read for itself.
    const seen = visitor.hasTokens ? { receipts: this.#options.receipts } : {};
    const chat = connect({ url: this.#service, conversation: visitor.conversation, user: visitor.subject ?? visitor.conversation, present: true, ...seen, ...who });
    if (this.#destroyed) chat.close();
    this.#chat = chat;
    chat.subscribe((state) => this.#changed(state));
    return chat;
  }

  /** @param {ChatState} state */
  #changed(state) {
    this.#unread = state.unread;
    const news = this.#news.take(state);
    this.#count();
    if (!news.length || (this.#open && document.visibilityState === "visible")) return;
    if (this.#isAudible) void chime();
    if (!this.#open) this.#parts.status.textContent = this.#strings.t("embed.unread", { count: this.#unread || news.length });
  }

  #count() {
    const { launch, count } = this.#parts;
    if (!launch) return;
    const { t } = this.#strings;
    const shown = this.#open ? 0 : this.#unread;
    count.hidden = shown === 0;
    count.textContent = badge(shown);
    const label = this.#open ? t("embed.close") : shown ? `${t("embed.open")}, ${t("embed.unread", { count: shown })}` : t("embed.open");
    launch.setAttribute("aria-label", label);
    if (!shown) this.#parts.status.textContent = "";
  }

  get #isAudible() {
    const chosen = this.#visitor.recall("sound");
    return chosen === null ? this.#options.sound === true : chosen === "on";
  }

  #toggleSound() {
    this.#visitor.remember("sound", this.#isAudible ? "off" : "on");
    this.#showSound();
    if (this.#isAudible) void chime();
  }

  #showSound() {
    const { sound } = this.#parts;
    sound.setAttribute("aria-pressed", String(this.#isAudible));
    sound.replaceChildren(icon(this.#isAudible ? SOUND : SILENCE));
  }

  /** @param {Error} error */
  #fail(error) {
    console.error("umbral-chat:", error.message);
    if (this.#view) return;
    const { t } = this.#strings;
    const retry = () => void this.#mount(true).catch((later) => this.#fail(later));
    const again = make("button", "", { type: "button", textContent: t("gate.again"), onclick: retry });
    const text = make("p", "", { textContent: t("embed.failed") });
    this.#parts.view.replaceChildren(make("div", "failed", { role: "alert" }, text, again));
  }
}
