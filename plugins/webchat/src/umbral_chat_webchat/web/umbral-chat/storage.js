// Where the outbox is kept: a small interface, in memory or in the browser's storage.

/** @import { Storage } from "../umbral-chat.d.ts" */

/** @returns {Storage} */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return {
    load: (prefix) => [...kept].filter(([key]) => key.startsWith(prefix)),
    save: (key, value) => void kept.set(key, value),
    remove: (key) => void kept.delete(key),
  };
}

/**
 * @param {globalThis.Storage} area `localStorage` or `sessionStorage`
 * @returns {Storage}
 */
export function webStorage(area) {
  return {
    *load(prefix) {
      const keys = Array.from({ length: area.length }, (_, at) => area.key(at));
      for (const key of keys) {
        const value = key?.startsWith(prefix) ? area.getItem(key) : null;
        if (key && value !== null) yield /** @type {[string, string]} */ ([key, value]);
      }
    },
    save: (key, value) => area.setItem(key, value),
    remove: (key) => area.removeItem(key),
  };
}
