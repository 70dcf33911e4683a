// The page `/inbox`.

import { environment } from "../../umbral-chat/environment.js";
import { Http } from "../../umbral-chat/http.js";
import { Tokens } from "../../umbral-chat/tokens.js";
import { Waker } from "../../umbral-chat/waker.js";
import { appearance } from "../pages/appearance.js";
import { pick } from "../strings.js";
import { InboxApi } from "./api.js";
import { Inbox } from "./inbox.js";
import "./strings.js";

const { languages } = appearance(new URLSearchParams(location.search));
const strings = pick(languages);
document.documentElement.lang = strings.lang;
if (strings.dir === "rtl") document.documentElement.dir ||= "rtl";

const env = environment();
const http = new Http(env, location.origin, new Tokens(env, {}), "same-origin");
const page = /** @type {HTMLElement} */ (document.getElementById("page"));
const receipts = page.dataset.receipts === "on";
const inbox = new Inbox({ strings, env, waker: new Waker(env), api: new InboxApi(http), receipts });
page.append(inbox.element);
void inbox.start();
