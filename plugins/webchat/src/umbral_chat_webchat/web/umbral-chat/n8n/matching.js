// Which bubble of the widget is which message of the log, and in what order all are shown. Pure: it knows no widget.
//
// The widget shows what it sent and what it was answered, without an id. The log has the same messages, with ids, sooner
// or later than the widget, and others besides. So a bubble of the widget's claims a message of the same side and text:
// of those that came into the log since the question was asked, the first that no bubble has claimed. What is claimed is
// shown once, at the message's place. Messages that nothing claims get bubbles of ours.

/**
 * What the widget keeps of a message. Other fields are its own, and stay.
 *
 * @typedef {{id: string, sender: "user" | "bot", text?: unknown, type?: string, files?: unknown[], transparent?: boolean}} Bubble
 */

/**
 * A message of the log. `content` is what the workflow stored, `text` what is to be shown of it; `changed`: it was edited
 * or redacted.
 *
 * @typedef {object} Line
 * @property {string} id
 * @property {number} seq
 * @property {"user" | "bot"} side
 * @property {string} content
 * @property {string} text
 * @property {boolean} [changed]
 * @property {boolean} [redacted]
 * @property {boolean} [transparent]
 */

/** A message that is being written. @typedef {{id: string, text: string}} DraftLine */

/**
 * @typedef {object} View
 * @property {readonly Bubble[]} bubbles what the widget shows now, ours included
 * @property {readonly Line[]} lines the log, in order
 * @property {number} head up to where the log is known
 * @property {readonly DraftLine[]} [drafts]
 * @property {string | null} [typing] what to show of those who type
 * @property {boolean} [restored] the widget has loaded its list anew: its bubbles are older than what happens now
 * @property {boolean} [waiting] the widget waits for its answer
 */

/** Ids of bubbles of ours begin so. */
export const PREFIX = "umbral-chat:";

/** Bubbles and messages that are compared where a whole list is matched, the newest ones: the table is their product. */
const COMPARED = 300;

/** Remembers what was claimed. */
export class Matching {
  /** @type {Map<string, string>} message ids, by the id of the bubble that claimed them */
  #claims = new Map();
  /**
   * Bubbles of the widget's: `from` is the `seq` after which their message may be, `after` that of the message below
   * which they are shown while they have none.
   *
   * @type {Map<string, {side: string, from: number, after: number, restored: boolean}>}
   */
  #seen = new Map();
  /** What messages said at first, by their ids; null: they were changed before they were seen here. @type {Map<string, string | null>} */
  #first = new Map();
  #begun = false;
  /** The bubble that claimed a message by its beginning. @type {string | null} */
  #growing = null;

  /** Questions that the widget has shown and the log has not. @returns {string[]} ids of bubbles */
  get unlogged() {
    const questions = [...this.#seen].filter(([id, { side, restored }]) => side === "user" && !restored && !this.#claims.has(id));
    return questions.map(([id]) => id);
  }

  /**
   * What the widget is to show. What is given again leads to the same.
   *
   * @param {View} view
   * @returns {Bubble[]}
   */
  arrange({ bubbles, lines, head, drafts = [], typing = null, restored = false, waiting = false }) {
    if (restored) this.#forget();
    const own = this.#own(bubbles, lines);
    this.#remember(lines);
    // The first that is known of the log is its past: bubbles are matched with it as a whole, from its end.
    const past = restored || (!this.#begun && lines.length > 0);
    this.#begun = lines.length > 0;
    this.#see(own, lines, head, past, restored);
    this.#claim(own, lines);
    if (waiting) this.#claimGrowing(own, lines);
    const writing = drafts.filter(({ text }) => text.trim() && !(waiting && this.#writes(own, text)));
    return [
      ...this.#laid(own, lines),
      ...writing.map(({ id, text }) => ours(id, "bot", text)),
      ...(typing === null ? [] : [{ ...ours("typing", "bot", typing), transparent: true }]),
    ];
  }

  /** Ids of another list mean other bubbles. */
  #forget() {
    this.#seen.clear();
    this.#claims.clear();
  }

  /** The widget's own bubbles. A message that left the log takes the bubble that claimed it along. @param {readonly Bubble[]} bubbles @param {readonly Line[]} lines */
  #own(bubbles, lines) {
    const known = new Set(lines.map(({ id }) => id));
    const present = bubbles.filter(({ id }) => !id.startsWith(PREFIX));
    const own = present.filter(({ id }) => !this.#claims.has(id) || known.has(/** @type {string} */ (this.#claims.get(id))));
    const ids = new Set(own.map(({ id }) => id));
    for (const id of [...this.#seen.keys()]) {
      if (ids.has(id)) continue;
      this.#seen.delete(id);
      this.#claims.delete(id);
    }
    return own;
  }

  /** @param {readonly Line[]} lines */
  #remember(lines) {
    const before = this.#first;
    this.#first = new Map(
      lines.map(({ id, content, changed = false }) => [id, before.has(id) ? (before.get(id) ?? null) : changed ? null : content]),
    );
  }

  /** @param {readonly Bubble[]} own @param {readonly Line[]} lines @param {number} head @param {boolean} past @param {boolean} restored */
  #see(own, lines, head, past, restored) {
    const fresh = own.filter(({ id }) => !this.#seen.has(id) || (past && !this.#claims.has(id)));
    if (past) {
      const taken = new Set(this.#claims.values());
      for (const [bubble, line] of aligned(fresh.filter(claimable), lines.filter(({ id }) => !taken.has(id))))
        this.#claims.set(bubble.id, line.id);
    }
    const places = new Map(lines.map(({ id, seq }) => [id, seq]));
    let [question, below] = [0, 0];
    for (const { id, sender } of own) {
      const seen = this.#seen.get(id);
      const place = places.get(this.#claims.get(id) ?? "");
      if (seen === undefined || (past && place === undefined)) {
        const from = seen?.from ?? (past || sender === "user" ? head : question);
        const made = { side: sender, from, after: past ? below : head, restored: seen?.restored ?? restored };
        this.#seen.set(id, made);
      }
      if (sender === "user") question = place ?? this.#seen.get(id)?.from ?? 0;
      below = place ?? below;
    }
  }

  /** @param {readonly Bubble[]} own @param {readonly Line[]} lines */
  #claim(own, lines) {
    const taken = new Set(this.#claims.values());
    const open = () => own.filter((bubble) => claimable(bubble) && !this.#claims.has(bubble.id));
    const take = (/** @type {Bubble} */ bubble, /** @type {(line: Line) => boolean} */ fits) => {
      const from = this.#seen.get(bubble.id)?.from ?? 0;
      const found = lines.find((line) => line.side === bubble.sender && line.seq > from && !taken.has(line.id) && fits(line));
      if (!found) return;
      this.#claims.set(bubble.id, found.id);
      taken.add(found.id);
    };
    for (const bubble of open()) take(bubble, ({ id, content }) => [content, this.#first.get(id)].some((text) => same(bubble.text, text)));
    // What was redacted before it was seen here may be what the widget still shows: its newest.
    for (const side of ["user", "bot"]) {
      const newest = this.#newest(own, side);
      if (newest && open().includes(newest)) take(newest, ({ id }) => this.#first.get(id) === null);
    }
  }

  /** The bubble that came last. @param {readonly Bubble[]} own @param {string} [side] */
  #newest(own, side) {
    const ids = [...this.#seen].filter(([, seen]) => side === undefined || seen.side === side).map(([id]) => id);
    return own.find(({ id }) => id === ids.at(-1));
  }

  /**
   * An answer that the widget is still receiving, and the log has whole: the bubble claims the message that it begins, until
   * it turns out to say something else.
   *
   * @param {readonly Bubble[]} own @param {readonly Line[]} lines
   */
  #claimGrowing(own, lines) {
    const last = this.#newest(own);
    if (!last || last.sender !== "bot" || !claimable(last)) return;
    const begins = (/** @type {Line} */ { content }) => plain(content).startsWith(plain(String(last.text)));
    const claimed = this.#claims.get(last.id);
    if (claimed !== undefined) {
      if (this.#growing !== last.id || lines.some((line) => line.id === claimed && begins(line))) return;
      this.#claims.delete(last.id);
    }
    const taken = new Set(this.#claims.values());
    const from = this.#seen.get(last.id)?.from ?? 0;
    const found = lines.find((line) => line.side === "bot" && line.seq > from && !taken.has(line.id) && begins(line));
    this.#growing = found ? last.id : null;
    if (found) this.#claims.set(last.id, found.id);
  }

  /** Whether the widget is writing what a draft says. @param {readonly Bubble[]} own @param {string} draft */
  #writes(own, draft) {
    const last = this.#newest(own);
    return last?.sender === "bot" && claimable(last) && !this.#claims.has(last.id) && related(String(last.text), draft);
  }

  /** @param {readonly Bubble[]} own @param {readonly Line[]} lines @returns {Bubble[]} */
  #laid(own, lines) {
    const claimed = new Map(own.map((bubble) => [this.#claims.get(bubble.id), bubble]));
    const place = (/** @type {Bubble} */ { id }) => this.#seen.get(id)?.after ?? 0;
    const free = own.filter(({ id }) => !this.#claims.has(id)).sort((one, other) => place(one) - place(other));
    const laid = [];
    for (const line of lines) {
      while (free.length && place(free[0]) < line.seq) laid.push(/** @type {Bubble} */ (free.shift()));
      const bubble = claimed.get(line.id);
      if (bubble) laid.push(asLogged(bubble, line));
      else laid.push({ ...ours(line.id, line.side, line.text), ...(line.transparent ? { transparent: true } : {}) });
    }
    return [...laid, ...free];
  }
}

/** Whether two lists look the same. @param {readonly Bubble[]} one @param {readonly Bubble[]} other */
export function alike(one, other) {
  if (one.length !== other.length) return false;
  return one.every((bubble, at) => {
    const { id, text, files } = other[at];
    return bubble.id === id && bubble.text === text && (bubble.files?.length ?? 0) === (files?.length ?? 0);
  });
}

/**
 * The longest common subsequence, as pairs; of several the one that is nearest to the end.
 *
 * @param {readonly Bubble[]} all @param {readonly Line[]} every
 * @returns {[Bubble, Line][]}
 */
function aligned(all, every) {
  const bubbles = all.slice(-COMPARED);
  const lines = every.slice(-COMPARED);
  const fits = (/** @type {number} */ i, /** @type {number} */ j) =>
    bubbles[i - 1].sender === lines[j - 1].side && same(bubbles[i - 1].text, lines[j - 1].content);
  const width = lines.length + 1;
  const most = new Uint16Array((bubbles.length + 1) * width);
  const at = (/** @type {number} */ i, /** @type {number} */ j) => most[i * width + j];
  for (let i = 1; i <= bubbles.length; i++)
    for (let j = 1; j < width; j++)
      most[i * width + j] = fits(i, j) ? at(i - 1, j - 1) + 1 : Math.max(at(i - 1, j), at(i, j - 1));
  /** @type {[Bubble, Line][]} */
  const pairs = [];
  for (let [i, j] = [bubbles.length, lines.length]; i > 0 && j > 0; ) {
    if (fits(i, j)) pairs.unshift([bubbles[--i], lines[--j]]);
    else if (at(i - 1, j) >= at(i, j - 1)) i--;
    else j--;
  }
  return pairs;
}

/** A text; a question may be files only. @param {Bubble} bubble */
function claimable({ type = "text", sender, text }) {
  return type === "text" && typeof text === "string" && (sender === "user" || text.trim() !== "");
}

/** @param {unknown} text @param {string | null | undefined} content */
function same(text, content) {
  return content != null && plain(String(text)) === plain(content);
}

/** Whether one is the beginning of the other. @param {string} one @param {string} other */
function related(one, other) {
  return plain(one).startsWith(plain(other)) || plain(other).startsWith(plain(one));
}

/** Models and forms add white space at the ends, and line ends of their own. @param {string} text */
function plain(text) {
  return text.replace(/\r\n?/g, "\n").trim();
}

/** A claimed bubble as its message is now. @param {Bubble} bubble @param {Line} line @returns {Bubble} */
function asLogged(bubble, { content, text, changed, redacted }) {
  const stale = changed ? bubble.text !== text : !same(bubble.text, content);
  if (!stale && !(redacted && bubble.files?.length)) return bubble;
  return { ...bubble, text, ...(redacted && bubble.files ? { files: [] } : {}) };
}

/** @param {string} id @param {"user" | "bot"} sender @param {string} text @returns {Bubble} */
function ours(id, sender, text) {
  return { id: PREFIX + id, sender, text };
}
