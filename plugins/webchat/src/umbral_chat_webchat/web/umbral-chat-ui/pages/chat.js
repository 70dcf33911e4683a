// The page `/c/{conversation}`.

import { connect } from "../../umbral-chat/index.js";
import { environment } from "../../umbral-chat/environment.js";
import { Tokens } from "../../umbral-chat/tokens.js";
import { pick } from "../strings.js";
import { mountConversation } from "../view.js";
import { Credentials } from "./credentials.js";
import { appearance } from "./appearance.js";

/** The reference of the call that issues tokens, which the service has itself. */
const HELP = "/schema#post%20/v1/tokens";

const conversation = decodeURIComponent(location.pathname.split("/").at(-1) ?? "");
const credentials = new Credentials(conversation);
const { languages } = appearance(new URLSearchParams(location.search));
const strings = pick(languages);
document.documentElement.lang = strings.lang;
if (strings.dir === "rtl") document.documentElement.dir ||= "rtl";

const token = credentials.take();
const known = token === null ? null : new Tokens(environment(), { token }).sender;
// Without keys everyone on this machine is the same caller: the person is named instead.
const sender = token === null ? credentials.visitor() : undefined;
const { role, id } = known ?? sender ?? { role: "user" };

const page = /** @type {HTMLElement} */ (document.getElementById("page"));
// Without keys all callers are one, and none has read for itself.
const receipts = token === null ? undefined : page.dataset.receipts === "on";
const chat = connect({ conversation, token, sender, receipts, present: true });
const view = mountConversation(page, {
  chat,
  viewer: { role, subject: id ?? null },
  strings,
  options: {
    level: 1,
    help: HELP,
    onState({ connection, conversation: { title } }) {
      const name = title || strings.t("conversation");
      if (document.title !== name) document.title = name;
      // A token that is refused is not tried again after a reload.
      if (connection.state === "closed" && connection.reason === "token_expired") credentials.forget();
    },
  },
});
if (matchMedia("(pointer: fine)").matches) view.focus();

// The page is opened again with another link, and the browser has it already.
addEventListener("hashchange", () => {
  if (credentials.isGiven()) location.reload();
});
// Leaving is said at once; a page that comes back from the cache is loaded anew.
addEventListener("pagehide", () => chat.close());
addEventListener("pageshow", (event) => event.persisted && location.reload());
