// What a page has and Node may not; each part can be replaced, for tests and for other runtimes.

import { webStorage } from "./storage.js";

/** @import { Environment } from "../umbral-chat.d.ts" */

/**
 * @param {Partial<Environment>} [given]
 * @returns {Environment}
 */
export function environment(given = {}) {
  const { document, navigator } = globalThis;
  return {
    fetch: (...args) => globalThis.fetch(...args),
    WebSocket: globalThis.WebSocket ?? null,
    setTimeout: (callback, ms) => globalThis.setTimeout(callback, ms),
    clearTimeout: (timer) => globalThis.clearTimeout(timer),
    now: () => Date.now(),
    random: () => Math.random(),
    uuid,
    locks: navigator?.locks ?? null,
    channel: typeof BroadcastChannel === "undefined" ? null : (name) => new BroadcastChannel(name),
    storage: localStorageIfAllowed(),
    online: () => navigator?.onLine !== false,
    visible: () => document?.visibilityState !== "hidden",
    listen,
    ...given,
  };
}

/** Where a page may not store anything, reading the very property throws. */
function localStorageIfAllowed() {
  try {
    return typeof document === "undefined" ? null : webStorage(globalThis.localStorage);
  } catch {
    return null;
  }
}

/** `crypto.randomUUID` exists only on secure origins; `getRandomValues` everywhere. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @type {Environment["listen"]} */
function listen(callback) {
  if (typeof document === "undefined") return () => {};
  const online = () => callback("online");
  const offline = () => callback("offline");
  const shown = () => document.visibilityState !== "hidden" && callback("visible");
  addEventListener("online", online);
  addEventListener("offline", offline);
  addEventListener("pageshow", shown); // from the back/forward cache, where connections are cut
  document.addEventListener("visibilitychange", shown);
  return () => {
    removeEventListener("online", online);
    removeEventListener("offline", offline);
    removeEventListener("pageshow", shown);
    document.removeEventListener("visibilitychange", shown);
  };
}
