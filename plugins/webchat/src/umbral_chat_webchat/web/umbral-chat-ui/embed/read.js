// What a script tag's attributes ask for. Pure.

/** @import { EmbedAnswer, EmbedOptions } from "../../umbral-chat-embed.d.ts" */

/**
 * The options of a script's attributes: `data-token-url` and so on.
 *
 * @param {{dataset: Record<string, string | undefined>}} script @param {Record<string, any>} [scope] where named functions are
 * @returns {EmbedOptions}
 */
export function read({ dataset }, scope = globalThis) {
  const { conversation, url, token, tokenUrl, tokenFunction, target, title, lang } = dataset;
  const getToken = tokenFunction === undefined ? undefined : named(scope, tokenFunction);
  return compact({
    mode: one(dataset.mode, ["bubble", "inline"]),
    theme: one(dataset.theme, ["light", "dark"]),
    position: one(dataset.position, ["start", "end"]),
    open: flag(dataset.open),
    sound: flag(dataset.sound),
    receipts: flag(dataset.receipts),
    conversation,
    url,
    token,
    tokenUrl,
    getToken,
    target,
    title,
    lang,
  });
}

/** Where the service is, by the address of the script: `https://chat.example.com/web/…`. @param {string} src */
export function serviceOf(src) {
  const { origin, pathname } = new URL(src);
  const at = pathname.lastIndexOf("/web/");
  return origin + (at > 0 ? pathname.slice(0, at) : "");
}

/**
 * What a token's source answered, in one form. Throws for what is none of its forms.
 *
 * @param {unknown} answer @returns {{token: string | null, conversation?: string}}
 */
export function normalized(answer) {
  const found = /** @type {any} */ (typeof answer === "string" || answer === null ? { token: answer } : answer);
  if (typeof found !== "object" || !(found.token === null || typeof found.token === "string"))
    throw new Error("the token's source answered without a token");
  const { token, conversation } = found;
  return typeof conversation === "string" && conversation ? { token, conversation } : { token };
}

/** Looked up when it is called: the page may define it later than this script. @param {Record<string, any>} scope @param {string} name */
function named(scope, name) {
  return (/** @type {string} */ conversation, /** @type {"start" | "renew"} */ why) => {
    const found = name.split(".").reduce((holder, part) => /** @type {any} */ (holder)?.[part], scope);
    if (typeof found !== "function") throw new Error(`data-token-function: there is no function ${name}`);
    return /** @type {EmbedAnswer | Promise<EmbedAnswer>} */ (found(conversation, why));
  };
}

/** @template {string} T @param {string | undefined} value @param {readonly T[]} known @returns {T | undefined} */
function one(value, known) {
  return known.find((each) => each === value);
}

/** An attribute without a value is on, as HTML has it. @param {string | undefined} value */
function flag(value) {
  return value === undefined ? undefined : !["false", "off", "no", "0"].includes(value.toLowerCase());
}

/** @template {object} T @param {T} options @returns {T} without what was not given */
function compact(options) {
  return /** @type {T} */ (Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
}
