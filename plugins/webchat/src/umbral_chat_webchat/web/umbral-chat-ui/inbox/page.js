// The page `/inbox`.

import { environment } from "../../umbral-chat/environment.js";
import { Http } from "../../umbral-chat/http.js";
import { Tokens } from "../../umbral-chat/tokens.js";
import { Waker } from "../../umbral-chat/waker.js";
import { pick } from "../strings.js";
import { InboxApi } from "./api.js";
import { Inbox } from "./inbox.js";
import "./strings.js";

const given = new URLSearchParams(location.search);
const strings = pick([...given.getAll("lang"), ...navigator.languages]);
const { documentElement: root, body } = document;
root.lang = strings.lang;
root.dir = given.get("dir") === "rtl" || given.get("dir") === "ltr" ? /** @type {string} */ (given.get("dir")) : strings.dir;
const theme = given.get("theme");
if (theme === "light" || theme === "dark") body.dataset.theme = theme;

const env = environment();
const http = new Http(env, location.origin, new Tokens(env, {}), "same-origin");
const inbox = new Inbox({ strings, env, waker: new Waker(env), api: new InboxApi(http) });
/** @type {HTMLElement} */ (document.getElementById("page")).append(inbox.element);
void inbox.start();
