// Lines of one height, whatever they say, so that nothing moves: who is here and how the connection is; who types, and what
// an assistant does.

import { icon, ICONS, make, write } from "./dom.js";
import { listed, nameOf, reasonOf } from "./wording.js";

/** @import { ChatState, ConnectionState, Run } from "../umbral-chat.d.ts" */
/** @import { Strings } from "../umbral-chat-ui.d.ts" */

/** Reasons that are no trouble, and need no words. */
const QUIET = new Set(["open", "starting", "closed"]);

/** How the connection is, for the text and colour of its pill. @param {ConnectionState} connection */
export function pillOf({ state, edge, stale_since }) {
  if (state !== "open") return state;
  if (stale_since) return "stale";
  return edge === "poll" || edge === "long_poll" ? "polling" : "open";
}

/** @param {ConnectionState} connection @param {Strings} strings */
export function reasonWords({ state, reason, stale_since }, strings) {
  if (state === "open") return stale_since ? strings.t("reason.stale") : "";
  return QUIET.has(reason) ? "" : reasonOf(reason, strings);
}

/** Who else is here. @param {ChatState} state @param {Strings} strings */
export function presenceWords({ presence, me }, strings) {
  if (!presence) return "";
  if (presence.listed === false || !presence.people) return strings.t("here.count", { count: presence.count });
  const others = presence.people.filter(({ person }) => person !== me);
  return others.length ? strings.t("here", { names: listed(others.map((one) => nameOf(one, strings)), strings.lang) }) : "";
}

/** Who else types. @param {ChatState} state @param {Strings} strings */
export function typingWords({ typing, me }, strings) {
  const others = typing.filter(({ person }) => person !== me);
  if (!others.length) return "";
  if (others.length > 3) return strings.t("typing.more", { count: others.length });
  return strings.t("typing", { count: others.length, names: listed(others.map((one) => nameOf(one, strings)), strings.lang) });
}

/** Who writes an answer, where neither a run nor typing says so. @param {ChatState} state @param {Strings} strings */
export function writingWords({ drafts }, strings) {
  const names = [...new Set(drafts.map(({ sender }) => nameOf(sender, strings)))];
  return names.length ? strings.t("typing", { count: names.length, names: listed(names, strings.lang) }) : "";
}

/** @param {Run} run @param {Strings} strings */
export function runWords(run, strings) {
  if (run.cancel_requested) return strings.t("stopping");
  return run.label || strings.t(`run.${run.state}`, { name: nameOf(run.sender, strings) });
}

export class Header {
  #strings;
  #title;
  #line = make("p", "line");
  #said = "";

  /** @param {Strings} strings @param {number} level of its heading */
  constructor(strings, level) {
    this.#strings = strings;
    // A title has its own direction, and stands where the page's begins.
    this.#title = make("bdi", "");
    this.element = make("header", "head", {}, make(/** @type {"h2"} */ (`h${level}`), "title", {}, this.#title), this.#line);
  }

  /** @param {ChatState} state @param {string} title where the conversation has none */
  update(state, title) {
    const { connection } = state;
    const kind = pillOf(connection);
    const reason = reasonWords(connection, this.#strings);
    const words = reason || presenceWords(state, this.#strings);
    write(this.#title, state.conversation.title || title);
    const said = `${kind} ${words}`;
    if (said === this.#said) return;
    this.#said = said;
    const dot = make("span", "dot", { "aria-hidden": "true" });
    const pill = make("span", "pill", { "data-state": kind, title: reason || null }, dot, this.#strings.t(`connection.${kind}`));
    // New elements, and not the old ones moved by a longer word before them.
    this.#line.replaceChildren(pill, ...(words ? [make("span", reason ? "trouble" : "", { textContent: words })] : []));
  }
}

export class Activity {
  #strings;
  #stop;
  #words = make("span", "words");
  #button;
  #spinner = make("span", "spinner", { "aria-hidden": "true" });
  /** @type {Run | null} */
  #run = null;
  #noticed = "";

  /** @param {Strings} strings @param {(run: Run) => void} stop */
  constructor(strings, stop) {
    this.#strings = strings;
    this.#stop = stop;
    const onclick = () => this.#run && this.#stop(this.#run);
    this.#button = make("button", "stop", { type: "button", hidden: true, onclick }, icon(ICONS.stop), strings.t("stop"));
    this.element = make("div", "activity", {}, this.#spinner, this.#words, this.#button);
  }

  /** Something failed: it is shown in place of the rest, until it is set to nothing. @param {string} words */
  notice(words) {
    this.#noticed = words;
    this.element.classList.toggle("trouble", words !== "");
    if (words) write(this.#words, words);
  }

  /** @param {ChatState} state @param {(run: Run) => boolean} stoppable */
  update(state, stoppable) {
    // Of several runs the newest is shown: what the person last asked for.
    const run = state.runs[state.runs.length - 1] ?? null;
    this.#run = run;
    const more = state.runs.length > 1 ? ` (+${state.runs.length - 1})` : "";
    this.element.classList.toggle("trouble", this.#noticed !== "");
    if (this.#noticed) write(this.#words, this.#noticed);
    else write(this.#words, run ? runWords(run, this.#strings) + more : typingWords(state, this.#strings) || writingWords(state, this.#strings));
    this.#spinner.hidden = !run;
    this.#button.hidden = !run || run.cancel_requested === true || !stoppable(run);
  }
}
