// The demo at `/`: two visitors, the inbox, and the line that posts from a terminal.

import { connect } from "../../umbral-chat/index.js";
import { element, icon } from "../embed/elements.js";
import { pick } from "../strings.js";
import { mountConversation } from "../view.js";

/** @typedef {{id: string, name: string, conversation: string, title: string}} Visitor */

/** Milliseconds for which the button says that the line was copied. */
const SAID = 2_000;

const OUT = [{ d: "M14 5h5v5M19 5l-8 8M11 6H6v12h12v-5" }];

const page = /** @type {HTMLElement} */ (document.getElementById("page"));
const options = new URLSearchParams(location.search);
const strings = pick([...options.getAll("lang"), ...navigator.languages]);
const { t } = strings;
/** @type {Visitor[]} */
const visitors = JSON.parse(page.dataset.visitors ?? "[]");

document.documentElement.lang = strings.lang;
document.documentElement.dir = options.get("dir") ?? strings.dir;
const theme = options.get("theme");
if (theme) document.body.dataset.theme = theme;
document.title = `Umbral Chat: ${t("front.demo")}`;
page.className = "front demo";
page.replaceChildren(intro(), windows(), posting());

function intro() {
  const links = [link("/inbox", t("front.inbox")), link("/schema", t("front.api"))];
  return element("header", {}, [
    element("div", {}, [element("h1", {}, ["Umbral Chat"]), element("p", { class: "lead" }, [t("front.lead")])]),
    element("nav", { "aria-label": t("front.more") }, links),
  ]);
}

function windows() {
  const [first] = visitors;
  const src = `/inbox?c=${encodeURIComponent(first?.conversation ?? "")}${theme ? `&theme=${encodeURIComponent(theme)}` : ""}${options.has("lang") ? `&lang=${strings.lang}` : ""}`;
  const inbox = element("iframe", { src, title: t("front.inbox"), class: "content" });
  return element("div", { class: "windows" }, [
    ...visitors.map(visitorWindow),
    pane("inbox", t("front.inbox"), t("front.inbox.hint"), "/inbox", inbox),
  ]);
}

/** @param {Visitor} visitor */
function visitorWindow({ id, name, conversation }) {
  const content = element("div", { class: "content" });
  const sender = { role: /** @type {const} */ ("user"), id, name };
  const chat = connect({ conversation, sender, user: id, present: true });
  mountConversation(content, { chat, viewer: { role: "user", subject: id }, strings, options: { header: true } });
  addEventListener("pagehide", ({ persisted }) => persisted || chat.close());
  return pane("visitor", name, t("front.visitor"), `/c/${encodeURIComponent(conversation)}`, content);
}

/** @param {string} kind @param {string} name @param {string} hint @param {string} href @param {HTMLElement} content */
function pane(kind, name, hint, href, content) {
  const label = t("front.open", { name });
  const open = element("a", { href, target: "_blank", rel: "noopener", "aria-label": label, title: label }, [icon(OUT)]);
  const heading = element("h2", {}, [element("strong", {}, [name]), " ", element("span", {}, [hint])]);
  return element("section", { class: `pane ${kind}`, "aria-label": `${name}, ${hint}` }, [element("div", { class: "bar" }, [heading, open]), content]);
}

function posting() {
  const line = curl(visitors[0]?.conversation ?? "");
  const code = element("code", { dir: "ltr", tabindex: "0" }, [line]);
  const button = element("button", { type: "button" }, [t("copy")]);
  const said = element("span", { role: "status", class: "unseen" });
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
  return element("footer", {}, [element("p", {}, [t("front.post")]), element("div", { class: "line" }, [code, button, said])]);
}

/** The line that posts as a workflow would; in a POSIX shell. @param {string} conversation */
function curl(conversation) {
  const body = { content: t("front.posted"), sender: { role: "assistant", name: "n8n" } };
  const quoted = JSON.stringify(body).replaceAll("'", "\\u0027");
  return `curl ${location.origin}/v1/conversations/${conversation}/messages -d '${quoted}'`;
}

/** @param {string} href @param {string} text */
function link(href, text) {
  return element("a", { href }, [text]);
}
