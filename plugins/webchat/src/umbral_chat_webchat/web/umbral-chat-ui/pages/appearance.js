// What the address asks of a page's appearance: `?lang=`, `?theme=` and `?dir=`. The system's choices otherwise.

/**
 * Sets theme and direction of the page.
 *
 * @param {URLSearchParams} query
 * @returns {{languages: readonly string[]}} in the order of preference
 */
export function appearance(query) {
  const [lang, theme, dir] = ["lang", "theme", "dir"].map((name) => query.get(name));
  if (theme === "light" || theme === "dark") document.body.dataset.theme = theme;
  if (dir === "rtl" || dir === "ltr") document.documentElement.dir = dir;
  return { languages: lang ? [lang, ...navigator.languages] : navigator.languages };
}
