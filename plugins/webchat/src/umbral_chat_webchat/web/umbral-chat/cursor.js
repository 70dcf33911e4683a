// The form of a cursor. For other programs it is opaque; this one is shipped with the service and has to compare two.

/**
 * @param {string} text such as `abcdefghij.42`; `0` is the beginning of any log
 * @returns {{epoch: string | null, seq: number}}
 */
export function parseCursor(text) {
  const dot = text.lastIndexOf(".");
  return dot < 0 ? { epoch: null, seq: 0 } : { epoch: text.slice(0, dot), seq: Number(text.slice(dot + 1)) };
}
