// The page `/inbox`.

import { environment } from "../../umbral-chat/environment.js";
import { Http } from "../../umbral-chat/http.js";
import { Tokens } from "../../umbral-chat/tokens.js";
import { Waker } from "../../umbral-chat/waker.js";
import { appearance } from "../pages/appearance.js";
import { pick } from "../strings.js";
import { InboxApi } from "./api.js";
import { Inbox } from "./inbox.js";
import { byAccount, byKey } from "./sign-in-ways.js";
import "./strings.js";

/** @import { Way } from "./sign-in-ways.js" */

const { languages } = appearance(new URLSearchParams(location.search));
const strings = pick(languages);
document.documentElement.lang = strings.lang;
if (strings.dir === "rtl") document.documentElement.dir ||= "rtl";

const env = environment();
const http = new Http(env, location.origin, new Tokens(env, {}), "same-origin");
const page = /** @type {HTMLElement} */ (document.getElementById("page"));
const receipts = page.dataset.receipts === "on";
const api = new InboxApi(http);
const { supabaseUrl: url, supabaseKey: apikey } = page.dataset;
/** @type {[Way, ...Way[]]} */
const ways = url && apikey ? [byAccount(api, env, { url, apikey }), byKey(api)] : [byKey(api)];
const inbox = new Inbox({ strings, env, waker: new Waker(env), api, ways, receipts });
page.append(inbox.element);
void inbox.start();
