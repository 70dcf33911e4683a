// The column of the list: search, filter, how the list is doing, the rows, and what to say where there are none.

import { icon, make, write } from "../dom.js";
import { EVERYTHING_OPEN, same, searchText } from "./filters.js";
import { ICONS } from "./icons.js";
import { reasonText } from "./reasons.js";
import { Rows } from "./rows.js";

/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { Filter, StatusChoice } from "./filters.js" */
/** @import { InboxList } from "./list.js" */
/** @import { Operator } from "./operator.js" */
/** @import { PollState } from "./poller.js" */

/** The search follows the typing after so many milliseconds of rest. */
const RESTED = 250;

/** @type {readonly StatusChoice[]} */
const CHOICES = ["open", "closed", "all"];

export class ListPane {
  #strings;
  #parts;
  #rows;
  #search;
  #title;
  #state;
  #empty = make("div", "blank-state", { hidden: true });
  #more;
  #account = make("div", "account", { hidden: true });
  /** @type {Map<string, HTMLInputElement>} */
  #inputs = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  element;

  /**
   * @param {object} parts
   * @param {Strings} parts.strings
   * @param {{subject: string, name: (subject: string) => string}} parts.people
   * @param {(id: string) => string} parts.href
   * @param {(id: string) => void} parts.select
   * @param {(id: string) => {typing: string, here: boolean}} parts.live
   * @param {(change: Partial<Filter>) => void} parts.filter
   * @param {() => void} parts.more
   * @param {() => void} parts.again ask the service once more, now
   * @param {() => void} parts.help
   * @param {() => void} parts.signOut
   */
  constructor(parts) {
    const { t } = (this.#strings = parts.strings);
    this.#parts = parts;
    this.#rows = new Rows(parts);
    this.#title = make("h1", "visually-hidden", {}, t("inbox"));
    this.#state = make("div", "list-state", { role: "status" });
    this.#search = make("input", "text-field", { type: "search", id: "search", placeholder: t("inbox.search"), "aria-label": t("inbox.search"), maxlength: 200, dir: "auto", autocomplete: "off", spellcheck: "false" });
    this.#search.addEventListener("input", () => this.#typed());
    this.#more = make("button", "control more", { type: "button", hidden: true, onclick: parts.more }, t("inbox.more"));
    const help = make("button", "icon-control", { type: "button", "aria-label": t("inbox.help"), title: t("inbox.help"), onclick: parts.help }, icon(ICONS.keyboard));
    const search = make("form", "search", { role: "search", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.#typed(0)) }, icon(ICONS.search), this.#search);
    const scroller = make("div", "list-rows", {}, this.#rows.element, this.#empty, this.#more);
    this.element = make(
      "section",
      "list-pane",
      { "aria-label": t("inbox.conversations") },
      make("header", "list-header", {}, make("div", "list-head", {}, make("p", "list-title", { "aria-hidden": "true" }, t("inbox")), help), search, this.#filters()),
      this.#state,
      scroller,
      this.#account,
    );
    this.#loadAtTheEnd(scroller);
  }

  /**
   * @param {InboxList} list @param {Filter} filter @param {string | null} current the open conversation
   * @param {{now: number, loading: boolean}} how
   */
  show(list, filter, current, { now, loading }) {
    const { t } = this.#strings;
    const { items } = list;
    this.#rows.show(items, current, now);
    const unread = items.filter((item) => item.unread > 0).length;
    write(this.#title, unread ? `${t("inbox")}: ${t("inbox.count", { count: unread })}` : t("inbox"));
    this.#more.hidden = list.more === null;
    this.#more.disabled = loading;
    write(this.#more, t(loading ? "inbox.loading" : "inbox.more"));
    this.#showEmpty(list.loaded && items.length === 0 && list.more === null ? filter : null);
    this.element.setAttribute("aria-busy", String(!list.loaded));
    return unread;
  }

  /** @param {Filter} filter */
  showFilter({ status, waiting, mine, q }) {
    for (const [name, input] of this.#inputs) input.checked = name === "waiting" ? waiting : name === "mine" ? mine : name === status;
    if (searchText(this.#search.value) !== q) this.#search.value = q;
  }

  /** @param {PollState} state @param {string} reason */
  showState(state, reason) {
    const { t } = this.#strings;
    if (this.#state.dataset.state === state) return;
    this.#state.dataset.state = state;
    if (state === "open" || state === "signed_out") return this.#state.replaceChildren();
    const text = t(`inbox.state.${state}`, { reason: reasonText(reason, this.#strings) });
    const again = make("button", "control quiet", { type: "button", onclick: this.#parts.again }, t("inbox.again"));
    this.#state.replaceChildren(make("span", "", {}, text), ...(state === "offline" ? [] : [again]));
  }

  /** @param {Operator} operator */
  showOperator({ name, signedIn }) {
    const { t } = this.#strings;
    this.#account.hidden = !signedIn;
    const leave = make("button", "control quiet", { type: "button", onclick: this.#parts.signOut }, icon(ICONS.leave), t("inbox.signout"));
    this.#account.replaceChildren(make("span", "account-name", { dir: "auto", title: t("inbox.account", { name }) }, name), leave);
  }

  /** The page's heading, which is there on both screens of a phone. */
  get title() {
    return this.#title;
  }

  get rows() {
    return this.#rows.element;
  }

  /** @param {string | null} id */
  focusRow(id) {
    return id !== null && this.#rows.focus(id);
  }

  focusSearch() {
    this.#search.focus();
    this.#search.select();
  }

  #filters() {
    const { t } = this.#strings;
    const chip = (/** @type {string} */ name, /** @type {"radio" | "checkbox"} */ type, /** @type {() => Partial<Filter>} */ change) => {
      const input = make("input", "", { type, name: type === "radio" ? "status" : name, value: name, onchange: () => this.#parts.filter(change()) });
      this.#inputs.set(name, input);
      return make("label", "chip", {}, input, make("span", "", {}, t(`inbox.${name}`)));
    };
    const statuses = CHOICES.map((status) => chip(status, "radio", () => ({ status })));
    const waiting = chip("waiting", "checkbox", () => ({ waiting: this.#inputs.get("waiting")?.checked }));
    const mine = chip("mine", "checkbox", () => ({ mine: this.#inputs.get("mine")?.checked }));
    return make(
      "div",
      "filters",
      { role: "group", "aria-label": t("inbox.filter") },
      make("fieldset", "chips segmented", {}, make("legend", "visually-hidden", {}, t("inbox.status")), ...statuses),
      make("div", "chips", {}, waiting, mine),
    );
  }

  /** @param {number} [rest] milliseconds */
  #typed(rest = RESTED) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#parts.filter({ q: searchText(this.#search.value) }), rest);
  }

  /** @param {Filter | null} filter of the list that is empty; null: it is not */
  #showEmpty(filter) {
    const key = filter && JSON.stringify(filter);
    if ((this.#empty.dataset.of ?? null) === key) return;
    this.#empty.hidden = filter === null;
    if (filter === null || key === null) return void delete this.#empty.dataset.of;
    this.#empty.dataset.of = key;
    const { t } = this.#strings;
    const all = () => this.#parts.filter(EVERYTHING_OPEN);
    if (same(filter, EVERYTHING_OPEN)) this.#empty.replaceChildren(make("h2", "", {}, t("inbox.empty")), make("p", "", {}, t("inbox.empty.text")));
    else {
      const why = filter.q || (filter.mine && filter.waiting) ? "filter" : filter.mine ? "mine" : filter.waiting ? "waiting" : "filter";
      const clear = make("button", "control", { type: "button", onclick: all }, t("inbox.none.clear"));
      this.#empty.replaceChildren(make("h2", "", {}, t("inbox.none")), make("p", "", {}, t(`inbox.none.${why}`)), clear);
    }
  }

  /** Who scrolls to the end means it; the button is for the keyboard. @param {HTMLElement} scroller */
  #loadAtTheEnd(scroller) {
    if (typeof IntersectionObserver === "undefined") return;
    const seen = (/** @type {IntersectionObserverEntry[]} */ entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting) && scroller.scrollTop > 0) this.#parts.more();
    };
    new IntersectionObserver(seen, { root: scroller, rootMargin: "200px" }).observe(this.#more);
  }
}
