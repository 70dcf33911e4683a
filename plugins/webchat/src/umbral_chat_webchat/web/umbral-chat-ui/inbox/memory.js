// What this browser remembers of the inbox. A page may be forbidden to store anything: then it forgets.

/** How far was read, where the service does not count for an operator: without keys, all callers are one. */
const READ = "umbral-chat:inbox:read";

/** The operators that signed in here: a new session has another subject, and what the old one had keeps its name. */
const OPERATORS = "umbral-chat:inbox:operators";

/** Operators that are remembered. */
const MOST = 50;

/** Whether single keys are shortcuts. */
const SINGLE_KEYS = "umbral-chat:inbox:single-keys";

/** The name that was signed in with; of the key nothing is remembered. */
const NAME = "umbral-chat:inbox:name";

/** @returns {[string, number][]} conversations, with a seq of each */
export function readBefore() {
  return pairs(READ).flatMap(([id, seq]) => (Number.isInteger(seq) ? [/** @type {[string, number]} */ ([id, seq])] : []));
}

/** @param {[string, number][]} read */
export function keepRead(read) {
  save(READ, JSON.stringify(read));
}

/** @returns {[string, string][]} subjects with their names, oldest first */
export function operatorsBefore() {
  return pairs(OPERATORS).flatMap(([subject, name]) => (typeof name === "string" ? [/** @type {[string, string]} */ ([subject, name])] : []));
}

/** @param {{subject: string, name: string}} operator */
export function rememberOperator({ subject, name }) {
  const others = operatorsBefore().filter(([known]) => known !== subject);
  save(OPERATORS, JSON.stringify([...others, [subject, name]].slice(-MOST)));
}

export const nameBefore = () => load(NAME) ?? "";

/** @param {string} name */
export const rememberName = (name) => save(NAME, name);

export const singleKeys = () => load(SINGLE_KEYS) !== "off";

/** @param {boolean} on */
export const rememberSingleKeys = (on) => save(SINGLE_KEYS, on ? "on" : "off");

/** A list of pairs that begin with a text; anything else there is not ours. @param {string} key @returns {[string, unknown][]} */
function pairs(key) {
  try {
    const found = JSON.parse(load(key) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => Array.isArray(one) && typeof one[0] === "string") : [];
  } catch {
    return [];
  }
}

/** @param {string} key */
function load(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
function save(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Full, or forbidden.
  }
}
