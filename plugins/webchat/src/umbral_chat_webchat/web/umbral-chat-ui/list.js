// The list of messages: rows that stay where they are, the way to earlier ones, and the keyboard's way through them.

import { icon, ICONS, make, write } from "./dom.js";
import { MessageElement } from "./message.js";
import { Place } from "./scroll.js";
import { Toolbar } from "./toolbar.js";

/** @import { Receipt } from "../umbral-chat.d.ts" */
/** @import { Shared } from "./message.js" */
/** @import { Row } from "./rows.js" */
/** @import { Seen } from "./seen.js" */
/** @import { Actions } from "./toolbar.js" */

/** After a failure earlier messages are asked for by the button alone, for so long, in milliseconds. */
const PAUSE = 5_000;

export class MessageList {
  #shared;
  #loadEarlier;
  #rows = make("ol", "rows");
  #earlier;
  #jump;
  #empty = make("p", "empty");
  #scroller;
  #place;
  #toolbar;
  /** @type {Map<string, MessageElement>} by the key of the row */
  #items = new Map();
  /** @type {WeakMap<Element, MessageElement>} */
  #itemOf = new WeakMap();
  /** @type {readonly Row[]} */
  #shown = [];
  /** @type {string | null} */
  #marker = null;
  #hasEarlier = false;
  #loading = false;
  #paused = 0;
  #unseen = 0;
  #seen;

  /**
   * @param {Shared} shared
   * @param {object} parts
   * @param {Actions} parts.actions
   * @param {() => Promise<unknown>} parts.loadEarlier
   * @param {Seen} parts.seen which messages were read
   * @param {() => void} parts.moved called when the reader may see something else
   */
  constructor(shared, { actions, loadEarlier, seen, moved }) {
    this.#shared = shared;
    this.#loadEarlier = loadEarlier;
    this.#seen = seen;
    const { strings } = shared;
    this.#earlier = make("button", "earlier", { type: "button", hidden: true, onclick: () => this.#load() });
    this.#jump = this.#jumpButton("");
    this.#scroller = make("div", "scroller", { role: "region", "aria-label": strings.t("messages") }, this.#earlier, this.#rows, this.#empty);
    this.element = make("div", "list", {}, this.#scroller, this.#jump);
    this.#toolbar = new Toolbar(strings, actions);
    this.#place = new Place(this.#scroller, this.#rows, () => {
      this.#moved();
      moved();
    });
    this.#rows.addEventListener("keydown", this.#keydown);
    this.#rows.addEventListener("focusin", (event) => this.#activate(event));
    this.#rows.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.#activate(event));
    this.#rows.addEventListener("pointerleave", () => this.#toolbar.leave());
  }

  /** Whether the reader sees the end. */
  get atEnd() {
    return this.#place.pinned;
  }

  /**
   * @param {readonly Row[]} rows
   * @param {{marker: string | null, hasEarlier: boolean, loaded: boolean, unseen: number, empty: string, readers: readonly Receipt[]}} about
   */
  update(rows, { marker, hasEarlier, loaded, unseen, empty, readers }) {
    this.#unseen = unseen;
    const moved = this.#seen.take(readers);
    if (rows !== this.#shown || marker !== this.#marker || hasEarlier !== this.#hasEarlier) {
      this.#hasEarlier = hasEarlier;
      this.#place.hold(() => this.#reconcile(rows, marker));
    }
    // Of a row that is made anew `#reconcile` says it.
    if (moved) for (const row of rows) this.#see(row);
    write(this.#empty, loaded && !rows.length ? empty : "");
    this.#moved();
  }

  /** Texts are rendered by it from now on. @param {Shared["render"]} render */
  use(render) {
    this.#shared.render = render;
    this.#place.hold(() => {
      for (const item of this.#items.values()) item.refresh();
    });
  }

  /** What is read aloud of a row. @param {Row} row */
  spoken(row) {
    return this.#items.get(row.key)?.spoken ?? "";
  }

  toEnd() {
    this.#place.toEnd();
    this.#moved();
  }

  end() {
    this.#place.end();
  }

  /** @param {string} words */
  #jumpButton(words) {
    return make("button", "jump", { type: "button", hidden: true, onclick: () => this.#jumpToEnd() }, icon(ICONS.down), words);
  }

  /** A new button, and not the old one moved because its words are longer. @param {string} words */
  #replaceJump(words) {
    const focused = /** @type {Document} */ (this.#jump.getRootNode()).activeElement === this.#jump;
    const button = this.#jumpButton(words);
    button.classList.toggle("counts", this.#unseen > 0);
    this.#jump.replaceWith(button);
    this.#jump = button;
    button.hidden = this.#place.pinned;
    if (focused) button.focus({ preventScroll: true });
  }

  /** The button that had the focus is gone: the newest message has it. */
  #jumpToEnd() {
    this.toEnd();
    /** @type {HTMLElement | null} */ (this.#rows.lastElementChild)?.focus({ preventScroll: true });
  }

  /** @param {readonly Row[]} rows @param {string | null} marker */
  #reconcile(rows, marker) {
    const active = /** @type {Document} */ (this.#rows.getRootNode()).activeElement ?? null;
    // While an answer grows all rows but the last are the same, and there may be thousands.
    let at = 0;
    if (marker === this.#marker) while (at < rows.length && rows[at] === this.#shown[at]) at++;
    const keys = new Set(rows.slice(at).map(({ key }) => key));
    for (const { key } of this.#shown.slice(at))
      if (!keys.has(key)) {
        this.#items.get(key)?.element.remove();
        this.#items.delete(key);
      }
    let next = at ? (this.#items.get(rows[at - 1].key)?.element.nextElementSibling ?? null) : this.#rows.firstElementChild;
    for (const row of rows.slice(at)) {
      let item = this.#items.get(row.key);
      // With a day above it a row begins elsewhere: another element, and not the old one moved.
      if (!item || (item.row?.day !== row.day && !item.element.contains(active))) {
        if (item?.element === next) next = item.element.nextElementSibling;
        item?.element.remove();
        item = this.#made(row.key);
      }
      item.update(row, row.key === marker);
      this.#see(row);
      if (item.element === next) next = next.nextElementSibling;
      else this.#rows.insertBefore(item.element, next);
    }
    this.#shown = rows;
    this.#marker = marker;
    this.#toolbar.refresh();
    this.#makeReachable();
    this.#showEarlier();
  }

  /** Nothing is read aloud of it: whoever wants to know finds it at the message. @param {Row} row */
  #see(row) {
    if (row.own && !row.note && row.kind === "message") this.#items.get(row.key)?.see(this.#seen.of(row.seq));
  }

  /** @param {string} key of the row */
  #made(key) {
    const item = new MessageElement(this.#shared);
    this.#items.set(key, item);
    this.#itemOf.set(item.element, item);
    return item;
  }

  /** One row is reached by Tab: the one that had the focus, or the last. The arrow keys lead to the others. */
  #makeReachable() {
    if (this.#rows.querySelector(':scope > [tabindex="0"]')) return;
    this.#rows.lastElementChild?.setAttribute("tabindex", "0");
  }

  #moved() {
    if (this.#place.nearStart && this.#hasEarlier && Date.now() >= this.#paused) void this.#load();
    const { strings } = this.#shared;
    const words = this.#unseen ? strings.t("jump.count", { count: this.#unseen }) : strings.t("jump");
    if (words !== this.#jump.textContent) this.#replaceJump(words);
    this.#jump.hidden = this.#place.pinned;
  }

  async #load() {
    if (this.#loading || !this.#hasEarlier) return;
    this.#loading = true;
    this.#paused = 0;
    this.#showEarlier();
    try {
      await this.#loadEarlier();
    } catch {
      this.#paused = Date.now() + PAUSE;
    } finally {
      this.#loading = false;
      this.#showEarlier();
    }
    // A short page may leave the beginning in sight. Behind this turn: the state comes first.
    setTimeout(() => this.element.isConnected && this.#moved());
  }

  #showEarlier() {
    const { strings } = this.#shared;
    const key = this.#loading ? "loading" : this.#paused ? "earlier.failed" : this.#hasEarlier ? "earlier" : "beginning";
    write(this.#earlier, strings.t(key));
    this.#earlier.hidden = !this.#shown.length;
    // Not `disabled`: it keeps the focus while it loads.
    this.#earlier.setAttribute("aria-disabled", String(this.#loading || !this.#hasEarlier));
  }

  /** @param {Event} event */
  #rowOf(event) {
    const target = /** @type {Element} */ (event.target);
    return /** @type {HTMLElement | null} */ (target.closest("li.row"));
  }

  /** @param {Event} event */
  #activate(event) {
    const element = this.#rowOf(event);
    if (!element) return;
    if (event.type === "focusin" && element.tabIndex !== 0) {
      this.#rows.querySelector(':scope > [tabindex="0"]')?.setAttribute("tabindex", "-1");
      element.tabIndex = 0;
    }
    const item = this.#itemOf.get(element);
    if (item) this.#toolbar.show(item);
  }

  /** @type {(event: KeyboardEvent) => void} */
  #keydown = (event) => {
    const row = this.#rowOf(event);
    if (!row || event.target !== row) return;
    const to = {
      ArrowUp: row.previousElementSibling,
      ArrowDown: row.nextElementSibling,
      Home: this.#rows.firstElementChild,
      End: this.#rows.lastElementChild,
    }[event.key];
    if (!(to instanceof HTMLElement)) return;
    event.preventDefault();
    to.focus();
  };
}
