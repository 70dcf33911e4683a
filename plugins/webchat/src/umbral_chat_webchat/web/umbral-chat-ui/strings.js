// The texts of the interface, in every language. A further language is one object more in `languages`: a test holds that it
// has every text. A text is a string with `{placeholders}`, or one string for each plural category that the language has
// (Intl.PluralRules), chosen by `{count}`.

/** @import { Strings } from "../umbral-chat-ui.d.ts" */

/** Languages that are written from right to left. */
const RTL = new Set(["ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"]);

/** @type {Record<string, Record<string, string | Record<string, string>>>} */
export const languages = {
  en: {
    "conversation": "Conversation",
    "messages": "Messages",
    "message": "Message",
    "write": "Write a message …",
    "send": "Send",
    "sending": "Sending …",
    "sent": "Sent",
    "seen": "Seen",
    "seen.by": "Seen by {names}",
    "failed": "Not sent: {reason}",
    "retry": "Send again",
    "discard": "Discard",
    "edit": "Edit",
    "remove": "Remove",
    "remove.sure": "Remove this message for everyone?",
    "cancel": "Cancel",
    "copy": "Copy",
    "copied": "Copied",
    "editing": "Editing your message",
    "actions": "What to do with this message",
    "beginning": "The conversation begins here.",
    "edited": "edited",
    "removed": "This message was removed.",
    "you": "You",
    "note": "Note",
    "note.write": "Write a note. Visitors never see it …",
    "note.send": "Save the note",
    "reply": "Reply",
    "kind": "What you write",
    "role.user": "Visitor",
    "role.assistant": "Assistant",
    "role.agent": "Agent",
    "role.system": "System",
    "finish.cancelled": "Stopped before it was complete.",
    "finish.failed": "Failed before it was complete.",
    "finish.interrupted": "Interrupted before it was complete.",
    "run.started": "{name} is at work",
    "run.thinking": "{name} is thinking",
    "run.tool": "{name} is looking something up",
    "run.waiting": "{name} is waiting",
    "run.writing": "{name} is writing",
    "run.failed": "No answer: {name} failed.",
    "run.cancelled": "No answer: {name} was stopped.",
    "stop": "Stop",
    "stopping": "Stopping …",
    "typing": { one: "{names} is typing", other: "{names} are typing" },
    "typing.more": { one: "{count} person is typing", other: "{count} people are typing" },
    "here": "{names} here",
    "here.count": { one: "{count} person here", other: "{count} people here" },
    "earlier": "Load earlier messages",
    "loading": "Loading …",
    "earlier.failed": "Earlier messages could not be loaded.",
    "new": "New messages",
    "jump": "Jump to the newest message",
    "jump.count": { one: "{count} new message", other: "{count} new messages" },
    "empty": "No messages yet. Say hello.",
    "empty.readonly": "No messages yet.",
    "today": "Today",
    "yesterday": "Yesterday",
    "closed": "This conversation is closed. A message opens it again.",
    "connection.connecting": "Connecting …",
    "connection.open": "Live",
    "connection.polling": "Connected",
    "connection.waiting": "Reconnecting …",
    "connection.offline": "Offline",
    "connection.closed": "Disconnected",
    "connection.stale": "Updates are delayed",
    "reason.offline": "This device has no network.",
    "reason.unreachable": "The service does not answer.",
    "reason.draining": "The service restarts.",
    "reason.rate_limited": "Too many requests; it goes on in a moment.",
    "reason.token_expired": "The link to this conversation has expired.",
    "reason.unauthorized": "A valid link to this conversation is needed.",
    "reason.forbidden": "This is not allowed.",
    "reason.conversation_deleted": "This conversation was deleted.",
    "reason.expired": "It could not be sent in time.",
    "reason.outbox_full": "Too many messages wait to be sent.",
    "reason.content_too_long": "The message is too long.",
    "reason.stale": "The service reads from memory; new messages come later.",
    "reason.other": "Something went wrong ({code}).",
    "gate.token": "This link has expired",
    "gate.token.text": "Open the conversation again from where you came from: a new link comes with it.",
    "gate.missing": "A link is needed",
    "gate.missing.text": "This conversation opens with a link that has a token in it. Ask whoever gave you this address for a new one.",
    "gate.forbidden": "Not your conversation",
    "gate.forbidden.text": "The link that you opened is for another conversation, or does not allow to read it.",
    "gate.deleted": "This conversation was deleted",
    "gate.deleted.text": "Its messages are gone, and nothing can be sent to it.",
    "gate.failed": "The conversation cannot be shown",
    "gate.help": "How to get a token",
    "gate.again": "Try again",
  },
  de: {
    "conversation": "Unterhaltung",
    "messages": "Nachrichten",
    "message": "Nachricht",
    "write": "Nachricht schreiben …",
    "send": "Senden",
    "sending": "Wird gesendet …",
    "sent": "Gesendet",
    "seen": "Gelesen",
    "seen.by": "Gelesen von {names}",
    "failed": "Nicht gesendet: {reason}",
    "retry": "Erneut senden",
    "discard": "Verwerfen",
    "edit": "Bearbeiten",
    "remove": "Entfernen",
    "remove.sure": "Diese Nachricht für alle entfernen?",
    "cancel": "Abbrechen",
    "copy": "Kopieren",
    "copied": "Kopiert",
    "editing": "Sie bearbeiten Ihre Nachricht",
    "actions": "Was mit dieser Nachricht zu tun ist",
    "beginning": "Hier beginnt die Unterhaltung.",
    "edited": "bearbeitet",
    "removed": "Diese Nachricht wurde entfernt.",
    "you": "Sie",
    "note": "Notiz",
    "note.write": "Notiz schreiben. Besucher sehen sie nie …",
    "note.send": "Notiz sichern",
    "reply": "Antwort",
    "kind": "Was Sie schreiben",
    "role.user": "Besucher",
    "role.assistant": "Assistent",
    "role.agent": "Team",
    "role.system": "System",
    "finish.cancelled": "Angehalten, bevor sie vollständig war.",
    "finish.failed": "Fehlgeschlagen, bevor sie vollständig war.",
    "finish.interrupted": "Abgebrochen, bevor sie vollständig war.",
    "run.started": "{name} arbeitet",
    "run.thinking": "{name} denkt nach",
    "run.tool": "{name} sieht etwas nach",
    "run.waiting": "{name} wartet",
    "run.writing": "{name} schreibt",
    "run.failed": "Keine Antwort: {name} ist gescheitert.",
    "run.cancelled": "Keine Antwort: {name} wurde angehalten.",
    "stop": "Anhalten",
    "stopping": "Wird angehalten …",
    "typing": { one: "{names} schreibt", other: "{names} schreiben" },
    "typing.more": { one: "{count} Person schreibt", other: "{count} Personen schreiben" },
    "here": "{names} hier",
    "here.count": { one: "{count} Person hier", other: "{count} Personen hier" },
    "earlier": "Frühere Nachrichten laden",
    "loading": "Wird geladen …",
    "earlier.failed": "Frühere Nachrichten konnten nicht geladen werden.",
    "new": "Neue Nachrichten",
    "jump": "Zur neuesten Nachricht",
    "jump.count": { one: "{count} neue Nachricht", other: "{count} neue Nachrichten" },
    "empty": "Noch keine Nachrichten. Schreiben Sie die erste.",
    "empty.readonly": "Noch keine Nachrichten.",
    "today": "Heute",
    "yesterday": "Gestern",
    "closed": "Diese Unterhaltung ist geschlossen. Eine Nachricht öffnet sie wieder.",
    "connection.connecting": "Verbinden …",
    "connection.open": "Live",
    "connection.polling": "Verbunden",
    "connection.waiting": "Neu verbinden …",
    "connection.offline": "Offline",
    "connection.closed": "Getrennt",
    "connection.stale": "Neues kommt verzögert",
    "reason.offline": "Dieses Gerät hat kein Netz.",
    "reason.unreachable": "Der Dienst antwortet nicht.",
    "reason.draining": "Der Dienst startet neu.",
    "reason.rate_limited": "Zu viele Anfragen; gleich geht es weiter.",
    "reason.token_expired": "Der Link zu dieser Unterhaltung ist abgelaufen.",
    "reason.unauthorized": "Dafür ist ein gültiger Link zu dieser Unterhaltung nötig.",
    "reason.forbidden": "Das ist nicht erlaubt.",
    "reason.conversation_deleted": "Diese Unterhaltung wurde gelöscht.",
    "reason.expired": "Sie konnte nicht rechtzeitig gesendet werden.",
    "reason.outbox_full": "Zu viele Nachrichten warten auf das Senden.",
    "reason.content_too_long": "Die Nachricht ist zu lang.",
    "reason.stale": "Der Dienst liest aus dem Gedächtnis; Neues kommt später.",
    "reason.other": "Etwas ist schiefgegangen ({code}).",
    "gate.token": "Dieser Link ist abgelaufen",
    "gate.token.text": "Öffnen Sie die Unterhaltung noch einmal von dort, woher Sie kamen: Sie erhalten dabei einen neuen Link.",
    "gate.missing": "Ein Link ist nötig",
    "gate.missing.text": "Diese Unterhaltung wird mit einem Link geöffnet, der ein Token enthält. Bitten Sie die Person, von der Sie diese Adresse haben, um einen neuen.",
    "gate.forbidden": "Nicht Ihre Unterhaltung",
    "gate.forbidden.text": "Der geöffnete Link gehört zu einer anderen Unterhaltung oder erlaubt nicht, sie zu lesen.",
    "gate.deleted": "Diese Unterhaltung wurde gelöscht",
    "gate.deleted.text": "Ihre Nachrichten sind weg, und es kann nichts mehr gesendet werden.",
    "gate.failed": "Die Unterhaltung kann nicht angezeigt werden",
    "gate.help": "So erhält man ein Token",
    "gate.again": "Noch einmal versuchen",
  },
};

/**
 * The texts of the first of these languages that there is, or the English ones.
 *
 * @param {readonly string[]} preferred BCP 47 tags, as in `navigator.languages`
 * @returns {Strings}
 */
export function pick(preferred) {
  for (const tag of preferred) {
    const language = tag.toLowerCase().split("-")[0];
    if (Object.hasOwn(languages, language)) return of(language, tag);
  }
  return of("en", "en");
}

/** @param {string} language @param {string} tag whose region sets how times are written @returns {Strings} */
function of(language, tag) {
  const texts = languages[language];
  const lang = isTag(tag) ? tag : language;
  const plurals = new Intl.PluralRules(language);
  const time = new Intl.DateTimeFormat(lang, { timeStyle: "short" });
  const dateTime = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "short" });
  const date = new Intl.DateTimeFormat(lang, { weekday: "long", day: "numeric", month: "long" });
  const dateOfYear = new Intl.DateTimeFormat(lang, { dateStyle: "long" });
  return {
    lang: language,
    dir: RTL.has(language) ? "rtl" : "ltr",
    t: (key, values = {}) => filled(texts[key] ?? languages.en[key] ?? key, values, plurals),
    time: (at) => time.format(new Date(at)),
    dateTime: (at) => dateTime.format(new Date(at)),
    day(at, now = Date.now()) {
      const [then, today] = [new Date(at), new Date(now)];
      const ago = daysBetween(then, today);
      if (ago === 0) return this.t("today");
      if (ago === 1) return this.t("yesterday");
      return (then.getFullYear() === today.getFullYear() ? date : dateOfYear).format(then);
    },
  };
}

/** @param {string} tag */
function isTag(tag) {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

/** Whole days of the calendar, in the reader's zone. @param {Date} from @param {Date} to */
export function daysBetween(from, to) {
  const day = (/** @type {Date} */ one) => Date.UTC(one.getFullYear(), one.getMonth(), one.getDate());
  return Math.round((day(to) - day(from)) / 86_400_000);
}

/** @param {string | Record<string, string>} text @param {Record<string, string | number>} values @param {Intl.PluralRules} plurals */
function filled(text, values, plurals) {
  const chosen = typeof text === "string" ? text : (text[plurals.select(Number(values.count ?? 0))] ?? text.other);
  return chosen.replace(/\{(\w+)\}/g, (placeholder, name) => (name in values ? String(values[name]) : placeholder));
}
