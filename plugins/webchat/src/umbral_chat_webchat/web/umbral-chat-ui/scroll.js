// Where the list of messages stands, and where it has to go when it changes.

/** The end is seen when it is so near, in pixels: a line of text. */
const NEAR = 32;

/** Earlier messages are loaded when the beginning is so near, in pixels: before the reader gets there. */
const AHEAD = 800;

/** @typedef {{scrollTop: number, scrollHeight: number, clientHeight: number}} Box */

/** Whether the end is seen. @param {Box} box */
export function isAtEnd({ scrollTop, scrollHeight, clientHeight }) {
  return scrollHeight - scrollTop - clientHeight <= NEAR;
}

/** Whether the beginning is near. @param {Box} box */
export function isNearStart({ scrollTop }) {
  return scrollTop < AHEAD;
}

/**
 * Whether the reader follows the end, after a scroll. A longer content leaves the place where it is, and a shorter one ends
 * at its end: only a reader scrolls back from there.
 *
 * @param {boolean} pinned before @param {number} top before @param {Box} box now
 */
export function follows(pinned, top, box) {
  return isAtEnd(box) || (pinned && box.scrollTop >= top);
}

/**
 * Where to scroll after a change, so that the reader sees the same as before.
 *
 * @param {object} change
 * @param {boolean} change.pinned whether the reader followed the end
 * @param {Box} change.box after the change
 * @param {number | null} change.moved how far the row that the reader saw first has moved, in pixels; null: it is gone
 * @returns {number | null} the new `scrollTop`; null: it stays
 */
export function scrollTo({ pinned, box, moved }) {
  if (pinned) {
    const end = Math.max(0, box.scrollHeight - box.clientHeight);
    return Math.abs(end - box.scrollTop) < 1 ? null : end;
  }
  return moved !== null && Math.abs(moved) >= 0.5 ? box.scrollTop + moved : null;
}

/** Holds the reader's place in a scroller. */
export class Place {
  #scroller;
  #content;
  #moved;
  #observer;
  #pinned = true;
  /** `scrollTop` as it was last seen. */
  #top = 0;

  /**
   * @param {HTMLElement} scroller @param {HTMLElement} content whose children are rows
   * @param {() => void} moved called when the reader scrolled
   */
  constructor(scroller, content, moved) {
    this.#scroller = scroller;
    this.#content = content;
    this.#moved = moved;
    scroller.addEventListener("scroll", this.#scrolled, { passive: true });
    // The keyboard opens, the composer grows, a row gets its real height: the end stays in sight if it was.
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(scroller);
    this.#observer.observe(content);
  }

  /** Whether the reader follows the end. */
  get pinned() {
    return this.#pinned;
  }

  get nearStart() {
    return isNearStart(this.#scroller);
  }

  /** Runs what changes the rows; what the reader sees stays where it is. @param {() => void} change */
  hold(change) {
    const scroller = this.#scroller;
    if (this.#pinned) {
      change();
      return this.toEnd();
    }
    // The bubble, and not its row: what stands above it there (a day, a name) may come or go.
    const row = this.#firstSeen();
    const anchor = row?.querySelector(".bubble") ?? row;
    const before = anchor?.getBoundingClientRect().top ?? 0;
    scroller.style.overflowAnchor = "none"; // the browser's own anchoring would move it a second time
    change();
    const moved = anchor?.isConnected ? anchor.getBoundingClientRect().top - before : null;
    const target = scrollTo({ pinned: false, box: scroller, moved });
    if (target !== null) scroller.scrollTop = target;
    this.#top = scroller.scrollTop;
    requestAnimationFrame(() => (scroller.style.overflowAnchor = ""));
  }

  /** Scrolls to the end, and follows it from now on. */
  toEnd() {
    this.#pinned = true;
    const target = scrollTo({ pinned: true, box: this.#scroller, moved: null });
    if (target !== null) this.#scroller.scrollTop = target;
    this.#top = this.#scroller.scrollTop;
  }

  end() {
    this.#observer.disconnect();
    this.#scroller.removeEventListener("scroll", this.#scrolled);
  }

  #scrolled = () => {
    this.#pinned = follows(this.#pinned, this.#top, this.#scroller);
    this.#top = this.#scroller.scrollTop;
    this.#moved();
  };

  #resized() {
    if (this.#pinned) this.toEnd();
    this.#moved();
  }

  /** The first row that is in sight: found by halving, as there may be thousands. */
  #firstSeen() {
    const rows = this.#content.children;
    const top = this.#scroller.getBoundingClientRect().top;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return rows[low] ?? null;
  }
}
