// Calls of the HTTP API: with the token, within a time, and their errors as exceptions.

import { Problem, Unreachable } from "./errors.js";

/** @import { Environment } from "../umbral-chat.d.ts" */
/** @import { Tokens } from "./tokens.js" */

/** Milliseconds. The service answers within milliseconds, or with 503 once its own timeouts are over. */
const TIMEOUT = 15_000;

/**
 * @typedef {object} Call
 * @property {Record<string, string | number | undefined>} [query]
 * @property {unknown} [body] sent as JSON
 * @property {AbortSignal} [signal]
 * @property {number} [timeout] milliseconds
 * @property {Record<string, string>} [headers]
 * @property {string} [url] in place of the path: as an offer has it
 */

/** @typedef {{status: number, headers: Headers, body: any}} Answer `body`: of JSON; null without a body */

export class Http {
  #env;
  #tokens;
  #base;
  #credentials;

  /**
   * @param {Environment} env @param {string} base of the service @param {Tokens} tokens
   * @param {"omit" | "same-origin"} [credentials] whether the cookie of an operator's session is sent
   */
  constructor(env, base, tokens, credentials = "omit") {
    this.#env = env;
    this.#credentials = credentials;
    this.#base = base.replace(/\/+$/, "");
    this.#tokens = tokens;
  }

  /** An offer's URL, or a path of the service, as a whole URL. @param {string} url */
  resolve(url) {
    return /^[a-z]+:\/\//i.test(url) ? url : this.#base + url;
  }

  /**
   * Rejects with `Problem` and `Unreachable`, and with an AbortError when `signal` is aborted. A 304 is an answer.
   *
   * @param {string} method @param {string} path @param {Call} [call]
   * @returns {Promise<Answer>}
   */
  async call(method, path, call = {}) {
    const { signal, timeout = TIMEOUT } = call;
    const bound = new AbortController();
    const abort = () => bound.abort();
    signal?.addEventListener("abort", abort);
    const timer = this.#env.setTimeout(abort, timeout);
    try {
      signal?.throwIfAborted();
      const response = await this.open(method, path, { ...call, signal: bound.signal });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof Problem || error instanceof Unreachable) throw error;
      throw new Unreachable(bound.signal.aborted ? `no answer within ${timeout / 1000} s` : "the answer was cut off", error);
    } finally {
      this.#env.clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * The response once its head is there; with a new token, if the first was refused. Rejects as `call` does.
   *
   * @param {string} method @param {string} path @param {Call} call
   * @returns {Promise<Response>}
   */
  async open(method, path, call) {
    const token = await this.#tokens.current();
    const response = await this.#fetch(method, path, call, token);
    if (response.ok || response.status === 304) return response;
    const problem = await problemOf(response);
    if (response.status !== 401 || !this.#tokens.renewable) throw problem;
    const again = await this.#fetch(method, path, call, await this.#tokens.renew(token));
    if (again.ok || again.status === 304) return again;
    throw await problemOf(again);
  }

  /** @param {string} method @param {string} path @param {Call} call @param {string | null} token */
  async #fetch(method, path, { query, body, signal, headers, url }, token) {
    const parts = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    const search = parts.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
    try {
      return await this.#env.fetch(this.resolve(url ?? path) + (search && `?${search}`), {
        method,
        signal: signal ?? null,
        cache: "no-store", // what is unchanged we know ourselves, by its ETag
        credentials: this.#credentials,
        headers: {
          ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new Unreachable("the service does not answer", error);
    }
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const text = await response.text().catch(() => "");
  const seconds = Number(response.headers.get("Retry-After"));
  return new Problem(response.status, object(text), seconds > 0 ? seconds : null);
}

/** A proxy's page of an error is no JSON. @param {string} text @returns {Record<string, any>} */
function object(text) {
  try {
    const found = JSON.parse(text);
    return found && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}
