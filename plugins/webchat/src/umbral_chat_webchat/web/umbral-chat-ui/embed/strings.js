// The texts of the chat in pages of others, which are added to those of the interface: other pages do not load them. A further language has
// them as one object more here.

import { languages } from "../strings.js";

/** @type {typeof languages} */
export const embedTexts = {
  en: {
    "embed.title": "Chat",
    "embed.open": "Open the chat",
    "embed.close": "Close the chat",
    "embed.sound": "Sound for new messages",
    "embed.unread": { one: "{count} unread message", other: "{count} unread messages" },
    "embed.failed": "The chat cannot be reached now.",
  },
  de: {
    "embed.title": "Chat",
    "embed.open": "Chat öffnen",
    "embed.close": "Chat schließen",
    "embed.sound": "Ton bei neuen Nachrichten",
    "embed.unread": { one: "{count} ungelesene Nachricht", other: "{count} ungelesene Nachrichten" },
    "embed.failed": "Der Chat ist gerade nicht erreichbar.",
  },
};

for (const [language, texts] of Object.entries(embedTexts)) Object.assign((languages[language] ??= {}), texts);
