// The conversation that holds the notes of another one.

/** Of an id, in characters. */
const ID_LIMIT = 128;

const PREFIX = "internal:";
const LONG_PREFIX = "internal.sha256:";

/**
 * The id of the internal conversation. For ids of more than 119 characters it is made of their SHA-256; null where the
 * browser does not compute one (`crypto.subtle` exists on secure origins only).
 *
 * @param {string} id
 * @returns {Promise<string | null>}
 */
export async function internalId(id) {
  if (PREFIX.length + id.length <= ID_LIMIT) return PREFIX + id;
  const { subtle } = globalThis.crypto;
  if (!subtle) return null;
  const digest = new Uint8Array(await subtle.digest("SHA-256", new TextEncoder().encode(id)));
  return LONG_PREFIX + Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The conversation that an internal one is about; null: this one is none. The empty text: which one it is cannot be told
 * from the id.
 *
 * @param {string} id
 */
export function parentOf(id) {
  if (id.startsWith(PREFIX)) return id.slice(PREFIX.length);
  return id.startsWith(LONG_PREFIX) ? "" : null;
}
