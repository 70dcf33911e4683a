// The filter of the list: in the page's URL, in the service's query, and as the person changes it. Pure.

/** @typedef {"open" | "closed" | "all"} StatusChoice */

/** @typedef {{status: StatusChoice, waiting: boolean, mine: boolean, q: string}} Filter */

/** The page as its URL says it: what is listed, and which conversation is open. @typedef {{filter: Filter, conversation: string | null}} Place */

/** The longest search, in code points: the service's own bound. */
const SEARCH_LIMIT = 200;

/** @type {Filter} */
export const EVERYTHING_OPEN = { status: "open", waiting: false, mine: false, q: "" };

/** The same form as the service's: 1 to 128 of these, not `.` or `..`. */
const ID = /^(?!\.{1,2}$)[A-Za-z0-9._:-]{1,128}$/;

/** What a URL's query says; what it says wrongly is left out. @param {string} search @returns {Place} */
export function placeOf(search) {
  const given = new URLSearchParams(search);
  const status = given.get("status");
  const id = (given.get("c") ?? "").replace(/^internal:/, "");
  return {
    filter: {
      status: status === "closed" || status === "all" ? status : "open",
      waiting: given.get("waiting") === "1",
      mine: given.get("mine") === "1",
      q: searchText(given.get("q") ?? ""),
    },
    conversation: ID.test(id) ? id : null,
  };
}

/** The query of a place; parameters that are not ours, such as `lang`, stay. @param {string} search @param {Place} place */
export function searchOf(search, { filter, conversation }) {
  const made = new URLSearchParams(search);
  const set = (/** @type {string} */ name, /** @type {string | null} */ value) => (value ? made.set(name, value) : made.delete(name));
  set("status", filter.status === "open" ? null : filter.status);
  set("waiting", filter.waiting ? "1" : null);
  set("mine", filter.mine ? "1" : null);
  set("q", filter.q);
  set("c", conversation);
  const text = made.toString().replace(/%3A/gi, ":");
  return text && `?${text}`;
}

/** The parameters of `GET /v1/conversations`. @param {Filter} filter @returns {Record<string, string | undefined>} */
export function queryOf({ status, waiting, mine, q }) {
  return {
    status: status === "all" ? undefined : status,
    waiting: waiting ? "true" : undefined,
    assignee: mine ? "me" : undefined,
    q: q || undefined,
  };
}

/** The filter after a change. What waits is open, so one of the two gives way. @param {Filter} filter @param {Partial<Filter>} change @returns {Filter} */
export function changed(filter, change) {
  const next = { ...filter, ...change };
  if (change.waiting && next.status === "closed") next.status = "open";
  if (change.status === "closed") next.waiting = false;
  return next;
}

/** Whether two filters ask for the same. @param {Filter} one @param {Filter} other */
export function same(one, other) {
  return JSON.stringify(queryOf(one)) === JSON.stringify(queryOf(other));
}

/** What is typed, as the service takes it: without control characters, of bounded length. @param {string} text */
export function searchText(text) {
  const plain = text.replace(/\p{C}+/gu, " ").trim();
  return [...plain].slice(0, SEARCH_LIMIT).join("");
}
