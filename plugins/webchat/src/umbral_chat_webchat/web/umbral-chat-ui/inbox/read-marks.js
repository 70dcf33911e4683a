// How far this browser has read, where the service does not count for an operator: without keys, all callers are one.

const KEY = "umbral-chat:inbox:read";

/** @returns {[string, number][]} */
export function readBefore() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => Array.isArray(one) && typeof one[0] === "string" && Number.isInteger(one[1])) : [];
  } catch {
    return []; // a page may not store anything, or somebody else wrote there
  }
}

/** @param {[string, number][]} read */
export function keepRead(read) {
  try {
    localStorage.setItem(KEY, JSON.stringify(read));
  } catch {
    // Full or forbidden: after a reload it is unread again.
  }
}
