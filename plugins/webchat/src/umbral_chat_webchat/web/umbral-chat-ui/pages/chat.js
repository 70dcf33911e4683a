// The page `/c/{conversation}`.

import { connect } from "../../umbral-chat/index.js";
import { pick } from "../strings.js";
import { mountConversation } from "../view.js";

const conversation = decodeURIComponent(location.pathname.split("/").at(-1) ?? "");
const page = /** @type {HTMLElement} */ (document.getElementById("page"));
const chat = connect({ conversation });
mountConversation(page, { chat, viewer: { role: "user", subject: null }, strings: pick(navigator.languages) });
