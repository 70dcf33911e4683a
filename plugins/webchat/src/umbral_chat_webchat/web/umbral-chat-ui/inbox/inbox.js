// The inbox as one object: what is listed, which conversation is open, and the keys.

import { described } from "../../umbral-chat/errors.js";
import { make } from "../dom.js";
import { liveOf } from "./describe.js";
import { changed, queryOf, same } from "./filters.js";
import { Help } from "./help.js";
import { InboxList } from "./list.js";
import { ListPane } from "./list-pane.js";
import { keepRead, operatorsBefore, readBefore, rememberOperator } from "./memory.js";
import { Navigation } from "./navigation.js";
import { Pane } from "./pane.js";
import { Poller } from "./poller.js";
import { Session } from "./session.js";
import { actionOf } from "./shortcuts.js";
import { Watch } from "./watch.js";

/** @import { Environment } from "../../umbral-chat.d.ts" */
/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { Waker } from "../../umbral-chat/waker.js" */
/** @import { Conversation, InboxApi } from "./api.js" */
/** @import { Filter, Place } from "./filters.js" */
/** @import { PollState } from "./poller.js" */
/** @import { Action } from "./shortcuts.js" */
/** @import { Way } from "./sign-in-ways.js" */

/** Every so many refreshes of the first page, one page further down is looked at again. */
const SWEEP = 3;

/** Pages that one "load more" may read: with a search, pages may be empty. */
const PAGES = 5;

/** A conversation that is passed by with the keyboard is not opened, in milliseconds. */
const PASSING = 150;

const EDITABLE = "textarea, select, [contenteditable=true], input:not([type=radio], [type=checkbox])";

export class Inbox {
  #strings;
  #env;
  #api;
  #session;
  #navigation = new Navigation((before) => this.#moved(before));
  #list = new InboxList();
  #listPane;
  #pane;
  #poller;
  #watch;
  #watching = false;
  #help;
  #live = make("p", "visually-hidden", { role: "status" });
  #over = new AbortController();
  #loading = false;
  #asked = 0;
  /** Whether the person chose the filter just now. */
  #filtered = false;
  /** What agents are called, by their subjects, as far as they wrote. @type {Map<string, string>} */
  #names = new Map();
  /** @type {any} */
  #opening = null;
  element;

  /** @param {{strings: Strings, env: Environment, waker: Waker, api: InboxApi, ways: [Way, ...Way[]], receipts: boolean}} parts */
  constructor({ strings, env, waker, api, ways, receipts }) {
    this.#strings = strings;
    this.#env = env;
    this.#api = api;
    const { signal } = this.#over;
    const session = (this.#session = new Session({
      ...{ api, env, waker, signal, strings, ways },
      report: (state, reason) => this.#listPane.showState(state, reason),
      entered: (again) => this.#entered(again),
    }));
    this.#pane = new Pane({
      api,
      strings,
      receipts,
      operator: () => session.operator,
      known: (subject) => this.#names.get(subject) ?? null,
      announce: (text) => this.#announce(text),
      changed: (row) => this.#changed(row),
      read: (id, seq) => this.#list.readTo(id, seq) && this.#render(),
      deleted: (id) => this.#deleted(id),
      lost: () => void session.lost(),
      back: () => this.#back(),
    });
    this.#listPane = new ListPane({
      strings,
      people: {
        get subject() {
          return session.operator.subject;
        },
        name: (subject) => this.#pane.name(subject),
      },
      href: (id) => this.#navigation.href(id),
      select: (id) => this.#select(id),
      live: (id) => liveOf(this.#watch.of(id), strings, session.operator.subject),
      filter: (change) => this.#filter(changed(this.#place.filter, change)),
      more: () => void this.#more(),
      again: () => this.#poller.poke(true),
      help: () => this.#help.show(),
      signOut: () => void session.leave().catch((error) => this.#announce(described(error).detail)),
    });
    this.#poller = new Poller({ ...{ env, waker, signal }, ask: (asking) => this.#ask(asking), report: (state, reason) => this.#polled(state, reason) });
    this.#watch = new Watch({
      ...{ env, waker, signal },
      url: (id) => api.webSocket(id, signal),
      news: () => this.#poller.poke(),
      changed: () => this.#render(),
    });
    this.#help = new Help(strings);
    const toPane = (/** @type {Event} */ event) => (event.preventDefault(), this.#pane.focus());
    const skip = make("a", "skip", { href: "#conversation", onclick: toPane }, strings.t("inbox.skip"));
    this.element = make("div", "inbox", {}, this.#listPane.title, skip, this.#listPane.element, this.#pane.element, this.#live, session.element, this.#help.element);
  }

  /** Runs for as long as the page is open. */
  async start() {
    document.addEventListener("keydown", (event) => this.#pressed(event));
    addEventListener("pagehide", () => this.#session.operator.counted || keepRead(this.#list.read));
    this.#listPane.showFilter(this.#place.filter);
    this.#screen();
    await this.#session.begin();
    await this.#poller.run();
  }

  get #place() {
    return this.#navigation.place;
  }

  /** There is an operator, perhaps another one. @param {boolean} again */
  #entered(again) {
    const { operator } = this.#session;
    // After a session that ended, the rows stay until they come anew.
    if (!again) this.#list = new InboxList({ counted: operator.counted, read: operator.counted ? [] : readBefore() });
    this.#list.kept = this.#place.conversation;
    this.#api.forget();
    if (operator.signedIn) rememberOperator(operator);
    for (const [subject, name] of operatorsBefore()) this.#names.set(subject, name);
    this.#listPane.showOperator(operator);
    if (this.#pane.conversation) this.#pane.reconnect();
    else this.#pane.show(this.#place.conversation);
    this.#render();
    if (again) this.#poller.poke(true);
  }

  /** A question of the poller. @param {AbortSignal} signal */
  async #ask(signal) {
    const { filter } = this.#place;
    const list = this.#list;
    const stale = () => list !== this.#list || !same(filter, this.#place.filter);
    const page = await this.#api.list(queryOf(filter), null, signal);
    if (stale()) return true;
    const first = !list.loaded;
    let news = page ? list.take(page) : false;
    const from = list.sweepFrom;
    if (from && ++this.#asked % SWEEP === 0) {
      const below = await this.#api.list(queryOf(filter), from.before, signal);
      if (stale()) return true;
      if (below) {
        news = list.take(below, from) || news;
        list.swept(below);
      }
    }
    if (news) this.#listed();
    if (first && this.#filtered) this.#announce(this.#found());
    this.#filtered = false;
    return news;
  }

  /** What came of a filter, for those who do not see the list. */
  #found() {
    const { items, more } = this.#list;
    return this.#strings.t(more ? "inbox.found.more" : "inbox.found", { count: items.length });
  }

  async #more() {
    const { filter } = this.#place;
    const list = this.#list;
    if (this.#loading || !list.more) return;
    this.#loading = true;
    this.#render();
    try {
      const before = list.items.length;
      for (let pages = 0; pages < PAGES && list.more && list.items.length === before; pages++) {
        const from = list.more;
        const page = await this.#api.list(queryOf(filter), from.before, this.#over.signal);
        if (!page || list !== this.#list || !same(filter, this.#place.filter)) return;
        list.take(page, from);
      }
    } catch (error) {
      this.#polled(described(error).status === 401 ? "signed_out" : "waiting", described(error).code);
    } finally {
      this.#loading = false;
      this.#listed();
    }
  }

  /** @param {PollState} state @param {string} reason */
  #polled(state, reason) {
    this.#listPane.showState(state, reason);
    if (state === "signed_out") void this.#session.lost();
    if (state === "open") void this.#session.answers();
  }

  /** The list is another one. */
  #listed() {
    for (const { row } of this.#list.items) {
      const sender = row?.last_message?.sender;
      if (sender?.role === "agent" && sender.id && sender.name) this.#names.set(sender.id, sender.name);
    }
    const open = this.#place.conversation && this.#list.get(this.#place.conversation);
    if (open) this.#pane.adopt(open);
    this.#watch.want(this.#list.items.flatMap(({ row }) => row ?? []));
    if (!this.#watching && this.#list.items.length) {
      this.#watching = true;
      void this.#watch.run();
    }
    this.#render();
  }

  #render() {
    const unread = this.#listPane.show(this.#list, this.#place.filter, this.#place.conversation, { now: this.#env.now(), loading: this.#loading });
    const { t } = this.#strings;
    document.title = unread ? `(${unread}) ${t("inbox")}` : t("inbox");
  }

  /** The open conversation shows something that the list does not have yet. @param {Conversation} row */
  #changed(row) {
    if (this.#list.update(row)) this.#render();
    this.#poller.poke();
  }

  /** @param {string} id */
  #deleted(id) {
    this.#list.remove(id);
    this.#navigation.go({ conversation: null }, "replace");
    this.#render();
  }

  /** @param {Filter} filter */
  #filter(filter) {
    this.#listPane.showFilter(filter);
    if (same(filter, this.#place.filter)) return;
    this.#navigation.go({ filter }, "replace");
    this.#filtered = true;
    this.#startOver();
  }

  /** The list of another filter; until it is there, the rows stay. */
  #startOver() {
    this.#list.clear();
    this.#api.forget();
    this.#poller.poke(true);
  }

  /** Opens it. @param {string} id */
  #select(id) {
    this.#navigation.go({ conversation: id }, this.#place.conversation === null ? "push" : "replace");
    this.#open();
    this.#pane.focus();
  }

  /** @param {-1 | 1} by @param {boolean} focusOnly */
  #step(by, focusOnly) {
    const { items } = this.#list;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.conversation : undefined;
    const at = items.findIndex(({ id }) => id === (focused ?? this.#place.conversation));
    const next = items[at < 0 ? 0 : at + by];
    if (!next) return;
    if (!focusOnly) {
      this.#navigation.go({ conversation: next.id }, this.#place.conversation === null ? "push" : "replace");
      this.#open(PASSING);
    }
    this.#listPane.focusRow(next.id);
  }

  /** Shows the conversation that the address names. @param {number} [pause] milliseconds */
  #open(pause = 0) {
    const { conversation } = this.#place;
    this.#list.kept = conversation;
    this.#render();
    this.#screen();
    this.#env.clearTimeout(this.#opening);
    const show = () => this.#pane.show(conversation, conversation === null ? undefined : this.#list.get(conversation));
    if (pause) this.#opening = this.#env.setTimeout(show, pause);
    else show();
  }

  /** From the conversation to the list; on a phone the two are two screens. */
  #back() {
    const id = this.#place.conversation;
    if (this.#navigation.back()) return;
    this.#open();
    this.#listPane.focusRow(id);
  }

  /** The browser went back or forward. @param {Place} before */
  #moved(before) {
    if (!same(before.filter, this.#place.filter)) {
      this.#listPane.showFilter(this.#place.filter);
      this.#startOver();
    }
    this.#open();
    if (this.#place.conversation === null) this.#listPane.focusRow(before.conversation);
  }

  #screen() {
    this.element.dataset.screen = this.#place.conversation === null ? "list" : "conversation";
  }

  /** @param {string} text */
  #announce(text) {
    this.#live.textContent = "";
    // A region says what changes in it: the same text twice is no change.
    this.#env.setTimeout(() => (this.#live.textContent = text), 50);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (!(target instanceof Element)) return;
    const editing = target.matches(EDITABLE);
    // From a message the view's own Escape goes to its field, and from there the next one to the list.
    if (event.key === "Escape" && !editing && target.closest(".umbral-chat")) return;
    const dialog = document.querySelector("dialog[open]") !== null;
    const action = actionOf(event, { editing, list: this.#listPane.rows.contains(target), dialog, enabled: this.#help.singles });
    if (action === null) return;
    event.preventDefault();
    this.#do(action, event.key.startsWith("Arrow"));
  }

  /** @param {Action} action @param {boolean} arrow */
  #do(action, arrow) {
    switch (action) {
      case "next":
      case "previous":
        return this.#step(action === "next" ? 1 : -1, arrow);
      case "search":
        return this.#listPane.focusSearch();
      case "reply":
      case "note":
        return this.#pane.write(action === "note" ? "note" : "message");
      case "transcript":
        return void this.#pane.download("markdown");
      case "help":
        return this.#help.show();
      case "back":
        return this.#escape();
      default:
        return void this.#pane.act(action);
    }
  }

  /** Escape closes what is open, and goes from the field to the list; on a phone, back to it. */
  #escape() {
    if (this.#pane.closeMenu()) return;
    const narrow = getComputedStyle(this.#listPane.element).display === "none";
    if (narrow) this.#back();
    else if (!this.#listPane.focusRow(this.#place.conversation)) this.#listPane.focusSearch();
  }
}
