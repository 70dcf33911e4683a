// The inbox's filter, keys, descriptions and texts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { described, when } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/describe.js";
import { current, holder, isWaiting, later, nameOf, shortened } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/details.js";
import { changed, EVERYTHING_OPEN, placeOf, queryOf, same, searchOf, searchText } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/filters.js";
import { internalId, parentOf } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/internal.js";
import { reasonText } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/reasons.js";
import { actionOf, SHORTCUTS } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/shortcuts.js";
import { inboxTexts } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/strings.js";
import { pick as strings } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/strings.js";
import { pick, seeded } from "./kit.mjs";

test("a place comes back from its URL, and other parameters stay", () => {
  const random = seeded(7);
  for (let round = 0; round < 500; round++) {
    const place = {
      filter: {
        status: pick(random, ["open", "closed", "all"]),
        waiting: random() < 0.5,
        mine: random() < 0.5,
        q: searchText(pick(random, ["", "refund 17", "a&b=c#d", "ü ☂ 日本", "%20", "+", "x".repeat(300)])),
      },
      conversation: pick(random, [null, "order-1042", "a:b.c_d", "x".repeat(128)]),
    };
    const search = searchOf("?lang=de&c=other&status=all", place);
    assert.deepEqual(placeOf(search), place, search);
    assert.equal(new URLSearchParams(search).get("lang"), "de");
  }
});

test("what a URL says wrongly is left out", () => {
  for (const search of ["", "?c=", "?c=..", "?c=a/b", "?c=<img>", `?c=${"x".repeat(129)}`, "?status=other&waiting=yes"])
    assert.deepEqual(placeOf(search), { filter: EVERYTHING_OPEN, conversation: null }, search);
  assert.equal(placeOf("?c=internal:order-1").conversation, "order-1");
  assert.equal(searchOf("", { filter: EVERYTHING_OPEN, conversation: null }), "");
});

test("a filter as the service takes it", () => {
  assert.deepEqual(queryOf(EVERYTHING_OPEN), { status: "open", waiting: undefined, assignee: undefined, q: undefined });
  assert.deepEqual(queryOf({ status: "all", waiting: true, mine: true, q: "x" }), { status: undefined, waiting: "true", assignee: "me", q: "x" });
  assert.ok(same(EVERYTHING_OPEN, { ...EVERYTHING_OPEN }));
  assert.equal(searchText(" a\u0000b\nc "), "a b c");
  assert.equal([...searchText("😀".repeat(300))].length, 200);
});

test("what waits is open: of the two the other gives way", () => {
  const closed = changed(EVERYTHING_OPEN, { status: "closed" });
  assert.deepEqual(changed(closed, { waiting: true }), { ...EVERYTHING_OPEN, waiting: true });
  assert.deepEqual(changed({ ...EVERYTHING_OPEN, waiting: true }, { status: "closed" }), closed);
});

const HERE = { editing: false, list: false, dialog: false, enabled: true };

test("each shortcut works, and none twice", () => {
  const keys = SHORTCUTS.flatMap((one) => one.keys);
  assert.equal(new Set(keys).size, keys.length);
  for (const { keys, action } of SHORTCUTS) for (const key of keys) assert.equal(actionOf({ key }, { ...HERE, list: true }), action);
  assert.equal(actionOf({ key: "J" }, HERE), "next"); // with caps lock
});

test("keys are left alone where they mean something else", () => {
  for (const { keys } of SHORTCUTS)
    for (const key of keys) {
      assert.equal(actionOf({ key, ctrlKey: true }, HERE), null);
      assert.equal(actionOf({ key, metaKey: true }, HERE), null);
      assert.equal(actionOf({ key, isComposing: true }, HERE), null);
      assert.equal(actionOf({ key }, { ...HERE, dialog: true }), null);
      if (key !== "Escape") assert.equal(actionOf({ key }, { ...HERE, editing: true }), null);
      if (key.length === 1) assert.equal(actionOf({ key }, { ...HERE, enabled: false }), null);
    }
  assert.equal(actionOf({ key: "ArrowDown" }, HERE), null); // it scrolls
  assert.equal(actionOf({ key: "ArrowDown" }, { ...HERE, list: true, enabled: false }), "next");
  assert.equal(actionOf({ key: "t", repeat: true }, HERE), null);
  assert.equal(actionOf({ key: "j", repeat: true }, HERE), "next");
});

const ROW = { id: "order-1", epoch: "e", head: 5, status: "open", responder: "assistant", assignee: null, title: "Old", last_activity: "2026-01-01T10:00:00Z", unread: 0 };
const message = (role, more = {}) => ({ seq: 5, version: 5, at: ROW.last_activity, message_id: "m", content: "Hello\n  there", sender: { role }, ...more });

test("of an answer and the updates of the chat, what is later in the log counts", () => {
  const updates = { title: "New", assignee: "bo", responder: "human" };
  assert.equal(current(ROW, { seq: 4, conversation: { title: "Older" } }), ROW);
  const now = current(ROW, { seq: 6, conversation: updates });
  assert.deepEqual([now.title, now.assignee, now.responder, now.status, now.head], ["New", "bo", "human", "open", 6]);
  assert.equal(current({ ...ROW, assignee: "bo" }, { seq: 6, conversation: { assignee: null } }).assignee, null);
  assert.equal(later(ROW, { ...ROW, head: 4 }), ROW);
  assert.equal(later(ROW, { ...ROW, epoch: "f", head: 1 }).epoch, "f");
  assert.equal(later(null, ROW), ROW);
});

test("who has it, who waits, and what an agent is called", () => {
  assert.equal(holder({ responder: "assistant", assignee: null }, "me"), "assistant");
  assert.equal(holder({ responder: "human", assignee: null }, "me"), "nobody");
  assert.equal(holder({ responder: "human", assignee: "me" }, "me"), "me");
  assert.equal(holder({ responder: "human", assignee: "bo" }, "me"), "other");
  assert.equal(isWaiting({ ...ROW, last_message: message("user") }), true);
  assert.equal(isWaiting({ ...ROW, status: "closed", last_message: message("user") }), false);
  assert.equal(isWaiting({ ...ROW, last_message: message("assistant") }), false);
  const messages = [{ sender: { role: "agent", id: "bo", name: "Bo" } }, { sender: { role: "user", id: "bo", name: "Visitor" } }];
  assert.equal(nameOf("bo", { messages, presence: null }), "Bo");
  assert.equal(nameOf("cy", { messages, presence: { people: [{ id: "cy", name: "Cy" }] } }), "Cy");
  assert.equal(nameOf("dee", { messages, presence: null }), null);
  assert.equal(shortened("agent:support:abcdefghijklmnop"), "support");
  assert.equal(shortened("x".repeat(40)).length, 24);
});

const EN = strings(["en"]);
const PEOPLE = { subject: "me", name: (subject) => `<${subject}>` };
const item = (row, more = {}) => ({ id: ROW.id, row, notes: null, unread: 0, unreadNotes: 0, counted: true, ...more });

test("a row says what it is about, on one line", () => {
  const found = described(item({ ...ROW, title: null, last_message: message("user") }), EN, PEOPLE);
  assert.deepEqual(found, { title: "order-1", preview: "Hello there", at: ROW.last_activity, badges: [{ kind: "waiting", text: "Waiting" }, { kind: "assistant", text: "Assistant" }] });
  const own = { ...ROW, responder: "human", assignee: "me", last_message: message("agent", { sender: { role: "agent", id: "me", name: "Ada" } }) };
  assert.deepEqual(described(item(own), EN, PEOPLE).preview, "You: Hello there");
  assert.deepEqual(described(item(own), EN, PEOPLE).badges, [{ kind: "mine", text: "Yours" }]);
  assert.equal(described(item({ ...ROW, last_message: message("assistant", { redacted: true, content: "" }) }), EN, PEOPLE).preview, "Assistant: Removed message");
  assert.equal(described(item({ ...ROW, last_message: message("user", { content: "x".repeat(100_000) }) }), EN, PEOPLE).preview.length, 160);
  const marked = "# Title\n**bold** and `code`, [a link](https://example.com)\n\n- one\n- two\n|---|:--|\n2 * 3 * 4, a_b_c";
  const shown = described(item({ ...ROW, last_message: message("user", { content: marked }) }), EN, PEOPLE).preview;
  assert.equal(shown, "Title bold and code, a link one two 2 * 3 * 4, a_b_c");
  const taken = { ...ROW, status: "closed", responder: "human", assignee: "bo" };
  assert.deepEqual(described(item(taken), EN, PEOPLE).badges.map(({ text }) => text), ["Closed", "<bo>"]);
  const notes = described(item(null, { notes: { ...ROW, last_message: message("agent", { sender: { role: "agent", name: "Bo" } }) } }), EN, PEOPLE);
  assert.deepEqual([notes.title, notes.preview, notes.badges[0].kind], ["order-1", "Bo: Hello there", "note"]);
});

test("the time of a row is as short as it is clear", () => {
  const now = new Date(2026, 5, 15, 12).getTime();
  const at = (...parts) => new Date(...parts).toISOString();
  assert.match(when(at(2026, 5, 15, 9, 30), EN, now), /9:30/);
  assert.equal(when(at(2026, 5, 14, 23, 59), EN, now), "Yesterday");
  assert.equal(when(at(2026, 0, 2), EN, now), "Jan 2");
  assert.equal(when(at(2025, 0, 2), EN, now), "Jan 2, 2025");
});

test("an internal conversation and its parent", async () => {
  assert.equal(await internalId("order-1"), "internal:order-1");
  assert.equal(await internalId("x".repeat(119)), `internal:${"x".repeat(119)}`);
  assert.match(/** @type {string} */ (await internalId("x".repeat(120))), /^internal\.sha256:[0-9a-f]{64}$/);
  assert.equal(parentOf("internal:order-1"), "order-1");
  assert.equal(parentOf("order-1"), null);
});

test("every language has every text, with the same placeholders", () => {
  const shape = (text) => [...new Set(JSON.stringify(text).match(/\{\w+\}/g) ?? [])].sort().join();
  for (const [language, texts] of Object.entries(inboxTexts)) {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(inboxTexts.en).sort(), language);
    for (const [key, text] of Object.entries(texts)) {
      assert.equal(shape(text), shape(inboxTexts.en[key]), `${language} ${key}`);
      if (typeof text === "object") assert.ok("other" in text, `${language} ${key}`);
    }
  }
  for (const { action } of SHORTCUTS) assert.ok(`inbox.key.${action}` in inboxTexts.en, action);
  assert.equal(strings(["de-AT"]).t("inbox"), "Posteingang");
});

test("a code without words of its own is shown itself", () => {
  assert.equal(reasonText("already_taken", EN), "Somebody else has it.");
  assert.match(reasonText("unreachable", EN), /does not answer/);
  assert.match(reasonText("some_new_code", EN), /some_new_code/);
});
