// Which key does what. Pure.

/**
 * @typedef {"next" | "previous" | "search" | "reply" | "note" | "take" | "give" | "status" | "transcript" | "help" | "back"} Action
 */

/** In the order of the help dialog. @type {readonly {keys: readonly string[], action: Action}[]} */
export const SHORTCUTS = [
  { keys: ["j", "ArrowDown"], action: "next" },
  { keys: ["k", "ArrowUp"], action: "previous" },
  { keys: ["/"], action: "search" },
  { keys: ["r"], action: "reply" },
  { keys: ["n"], action: "note" },
  { keys: ["t"], action: "take" },
  { keys: ["g"], action: "give" },
  { keys: ["e"], action: "status" },
  { keys: ["d"], action: "transcript" },
  { keys: ["?"], action: "help" },
  { keys: ["Escape"], action: "back" },
];

/** @typedef {{key: string, ctrlKey?: boolean, altKey?: boolean, metaKey?: boolean, isComposing?: boolean, repeat?: boolean}} Press */

/**
 * Where the press happens. `editing`: in a field. `list`: on a row. `enabled`: whether single characters are shortcuts
 * (WCAG 2.1.4 asks that they can be switched off).
 *
 * @typedef {{editing: boolean, list: boolean, dialog: boolean, enabled: boolean}} Where
 */

/**
 * The action of a press; null: it is not ours.
 *
 * @param {Press} press @param {Where} where
 * @returns {Action | null}
 */
export function actionOf(press, { editing, list, dialog, enabled }) {
  if (press.isComposing || press.ctrlKey || press.altKey || press.metaKey || dialog) return null;
  const { key } = press;
  if (key === "Escape") return "back";
  // Arrows scroll and move carets elsewhere: in the list alone they go from row to row.
  if (key === "ArrowDown" || key === "ArrowUp") return list ? (key === "ArrowDown" ? "next" : "previous") : null;
  if (editing || !enabled) return null;
  const found = SHORTCUTS.find(({ keys }) => keys.includes(key.length === 1 ? key.toLowerCase() : key));
  if (!found || (press.repeat && found.action !== "next" && found.action !== "previous")) return null;
  return found.action;
}
