// The texts of the page at `/`, which are added to those of the interface: other pages do not load them. A further language has
// them as one object more here.

import { languages } from "../strings.js";

/** @type {typeof languages} */
export const frontTexts = {
  en: {
    "front.demo": "demo",
    "front.lead": "Two visitors and the inbox of whoever answers them, live. Write in any window; a demo assistant answers the visitors.",
    "front.more": "More",
    "front.inbox": "Inbox",
    "front.inbox.hint": "for operators",
    "front.visitor": "a visitor",
    "front.api": "HTTP API",
    "front.open": "Open {name} in a window of its own",
    "front.post": "Post from a terminal, as a workflow would:",
    "front.posted": "Your parcel has left.",
  },
  de: {
    "front.demo": "Demo",
    "front.lead": "Zwei Besucher und der Posteingang derer, die ihnen antworten, live. Schreiben Sie in einem der Fenster; ein Demo-Assistent antwortet den Besuchern.",
    "front.more": "Mehr",
    "front.inbox": "Posteingang",
    "front.inbox.hint": "für das Team",
    "front.visitor": "zu Besuch",
    "front.api": "HTTP-API",
    "front.open": "{name} in einem eigenen Fenster öffnen",
    "front.post": "Aus einem Terminal senden, wie es ein Workflow täte:",
    "front.posted": "Ihr Paket ist unterwegs.",
  },
};

for (const [language, texts] of Object.entries(frontTexts)) Object.assign((languages[language] ??= {}), texts);
