// What can go wrong: the service answered with a problem, or it did not answer.

/** The service answered with an error (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {Record<string, any>} [body]
   * @param {number | null} [retryAfter] seconds
   */
  constructor(status, body = {}, retryAfter = null) {
    const detail = String(body.detail ?? body.title ?? `HTTP ${status}`);
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = String(body.code ?? "error");
    this.detail = detail;
    this.retryAfter = retryAfter;
    this.body = body;
  }
}

/** The service did not answer. */
export class Unreachable extends Error {
  /** @param {string} message @param {unknown} [cause] */
  constructor(message, cause) {
    super(message, { cause });
    this.name = "Unreachable";
    /** @type {"unreachable"} */
    this.code = "unreachable";
  }
}

/**
 * Whether the same request may succeed later. Of answers below 500 only those of RFC 9110 and RFC 6585 that say so.
 *
 * @param {unknown} error
 */
export function isTransient(error) {
  if (!(error instanceof Problem)) return error instanceof Unreachable;
  return error.status >= 500 || [401, 408, 425, 429].includes(error.status);
}

/**
 * @param {unknown} error
 * @returns {{code: string, detail: string, status?: number, retryAfter: number | null}}
 */
export function described(error) {
  if (error instanceof Problem)
    return { code: error.code, detail: error.detail, status: error.status, retryAfter: error.retryAfter };
  if (error instanceof Unreachable) return { code: error.code, detail: error.message, retryAfter: null };
  return { code: "internal_error", detail: error instanceof Error ? error.message : String(error), retryAfter: null };
}
