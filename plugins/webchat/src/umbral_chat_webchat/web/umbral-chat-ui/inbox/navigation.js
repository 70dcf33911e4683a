// The page's address: the filter and the open conversation are in it, so that back, forward, reload and bookmarks work.

import { placeOf, searchOf } from "./filters.js";

/** @import { Place } from "./filters.js" */

/** Marks entries of the history that were made here: going back from them stays on the page. */
const MADE = { inbox: true };

export class Navigation {
  /** @type {Place} */
  place = placeOf(location.search);

  /** @param {(before: Place) => void} moved the browser went back or forward */
  constructor(moved) {
    addEventListener("popstate", () => {
      const before = this.place;
      this.place = placeOf(location.search);
      moved(before);
    });
  }

  /** The address of a conversation. @param {string | null} conversation */
  href(conversation) {
    return this.#url({ ...this.place, conversation });
  }

  /** @param {Partial<Place>} change @param {"push" | "replace"} how whether "back" comes back to here */
  go(change, how) {
    this.place = { ...this.place, ...change };
    if (how === "push") history.pushState(MADE, "", this.#url(this.place));
    else history.replaceState(history.state, "", this.#url(this.place));
  }

  /** Leaves the conversation for the list, as the browser's own button does. Returns whether `moved` follows. */
  back() {
    const made = history.state?.inbox === true;
    if (made) history.back();
    else this.go({ conversation: null }, "replace");
    return made;
  }

  /** @param {Place} place */
  #url(place) {
    return location.pathname + searchOf(location.search, place) + location.hash;
  }
}
