// The demo at `/`: two visitors, the inbox, and the line that posts from a terminal.

import { connect } from "../../umbral-chat/index.js";
import { icon, make } from "../dom.js";
import { appearance } from "../pages/appearance.js";
import { pick } from "../strings.js";
import { mountConversation } from "../view.js";
import "./strings.js";

/** @typedef {{id: string, name: string, conversation: string, title: string}} Visitor */

/** Milliseconds for which the button says that the line was copied. */
const SAID = 2_000;

/** An icon: out of here. */
const OUT = "M14 5h5v5M19 5l-8 8M11 6H6v12h12v-5";

const page = /** @type {HTMLElement} */ (document.getElementById("page"));
const query = new URLSearchParams(location.search);
const strings = pick(appearance(query).languages);
const { t } = strings;
/** @type {Visitor[]} */
const visitors = JSON.parse(page.dataset.visitors ?? "[]");

document.documentElement.lang = strings.lang;
document.documentElement.dir ||= strings.dir;
document.title = `Umbral Chat: ${t("front.demo")}`;
page.className = "front demo";
page.replaceChildren(intro(), windows(), posting());

function intro() {
  const words = make("div", "", {}, make("h1", "", {}, "Umbral Chat"), make("p", "lead", {}, t("front.lead")));
  const links = [link("/inbox", t("front.inbox")), link("/schema", t("front.api"))];
  return make("header", "", {}, words, make("nav", "", { "aria-label": t("front.more") }, ...links));
}

function windows() {
  const [first] = visitors;
  const choices = ["lang", "theme", "dir"].flatMap((name) => (query.has(name) ? [[name, query.get(name) ?? ""]] : []));
  const src = `/inbox?${new URLSearchParams([["c", first?.conversation ?? ""], ...choices])}`;
  const frame = make("iframe", "content", { src, title: t("front.inbox") });
  const inbox = pane("inbox", t("front.inbox"), t("front.inbox.hint"), "/inbox", frame);
  return make("div", "windows", {}, ...visitors.map(visitorWindow), inbox);
}

/** @param {Visitor} visitor */
function visitorWindow({ id, name, conversation }) {
  const content = make("div", "content");
  const sender = { role: /** @type {const} */ ("user"), id, name };
  const chat = connect({ conversation, sender, user: id, present: true });
  mountConversation(content, { chat, viewer: { role: "user", subject: id }, strings, options: { title: name, level: 3 } });
  addEventListener("pagehide", ({ persisted }) => persisted || chat.close());
  return pane("visitor", name, t("front.visitor"), `/c/${encodeURIComponent(conversation)}`, content);
}

/** @param {string} kind @param {string} name @param {string} hint @param {string} href @param {HTMLElement} content */
function pane(kind, name, hint, href, content) {
  const label = t("front.open", { name });
  const open = make("a", "", { href, target: "_blank", rel: "noopener", "aria-label": label, title: label }, icon(OUT));
  const heading = make("h2", "", {}, make("strong", "", {}, name), " ", make("span", "", {}, hint));
  return make("section", `pane ${kind}`, { "aria-label": `${name}, ${hint}` }, make("div", "bar", {}, heading, open), content);
}

function posting() {
  const line = curl(visitors[0]?.conversation ?? "");
  const code = make("code", "", { dir: "ltr", tabindex: "0" }, line);
  const said = make("span", "unseen", { role: "status" });
  const button = make("button", "", { type: "button" }, t("copy"));
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(line);
      button.textContent = said.textContent = t("copied");
    } catch {
      getSelection()?.selectAllChildren(code); // there is no clipboard here: it is selected, to be copied by hand
      return;
    }
    setTimeout(() => {
      button.textContent = t("copy");
      said.textContent = "";
    }, SAID);
  };
  return make("footer", "", {}, make("p", "", {}, t("front.post")), make("div", "command", {}, code, button, said));
}

/** The line that posts as a workflow would; in a POSIX shell. @param {string} conversation */
function curl(conversation) {
  const body = { content: t("front.posted"), sender: { role: "assistant", name: "n8n" } };
  const quoted = JSON.stringify(body).replaceAll("'", "\\u0027");
  return `curl ${location.origin}/v1/conversations/${conversation}/messages -d '${quoted}'`;
}

/** @param {string} href @param {string} text */
function link(href, text) {
  return make("a", "", { href }, text);
}
