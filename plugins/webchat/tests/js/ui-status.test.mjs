// What is said of the connection, of people, runs, errors and attachments.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gateOf } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/gate.js";
import { pillOf, presenceWords, reasonWords, runWords, typingWords } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/status.js";
import { languages, pick } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/strings.js";
import { attachmentsOf, listed, reasonOf } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/wording.js";

const strings = pick(["en"]);
const connection = (state, reason = state, more = {}) => ({ state, reason, edge: null, stale_since: null, ...more });

test("the pill has words for every state, and distinguishes what pushes from what polls", () => {
  assert.equal(pillOf(connection("open", "open", { edge: "websocket" })), "open");
  assert.equal(pillOf(connection("open", "open", { edge: "poll" })), "polling");
  assert.equal(pillOf(connection("open", "open", { edge: "sse", stale_since: "2026-01-01T00:00:00Z" })), "stale");
  for (const state of ["connecting", "waiting", "offline", "closed"]) assert.ok(`connection.${pillOf(connection(state))}` in languages.en);
});

test("a reason is given where there is trouble, and codes that are not known are shown as they are", () => {
  assert.equal(reasonWords(connection("open"), strings), "");
  assert.equal(reasonWords(connection("connecting", "starting"), strings), "");
  assert.equal(reasonWords(connection("waiting", "unreachable"), strings), "The service does not answer.");
  assert.equal(reasonOf("a_new_code", strings), "Something went wrong (a_new_code).");
  assert.equal(reasonOf("not_your_message", strings), "This is not allowed.");
});

test("a conversation that does not come back says why; one that was closed by its page does not", () => {
  assert.equal(gateOf(connection("closed", "token_expired")), "token");
  assert.equal(gateOf(connection("closed", "unauthorized")), "missing");
  assert.equal(gateOf(connection("closed", "foreign_conversation")), "forbidden");
  assert.equal(gateOf(connection("closed", "conversation_deleted")), "deleted");
  assert.equal(gateOf(connection("closed", "no_edge")), "failed");
  assert.equal(gateOf(connection("closed", "closed")), null);
  assert.equal(gateOf(connection("waiting", "token_expired")), null, "it is tried again");
});

test("the reader is not among those who type or are here", () => {
  const [me, bea] = [{ person: "p1", role: "user", name: "Ada" }, { person: "p2", role: "agent", name: "Bea" }];
  assert.equal(typingWords({ typing: [me], me: "p1" }, strings), "");
  assert.equal(typingWords({ typing: [me, bea], me: "p1" }, strings), "Bea is typing");
  assert.equal(typingWords({ typing: [bea, { person: "p3", role: "assistant" }], me: null }, strings), "Bea and Assistant are typing");
  assert.equal(typingWords({ typing: Array(7).fill(bea), me: null }, strings), "7 people are typing");
  assert.equal(presenceWords({ presence: { people: [me, bea], count: 2 }, me: "p1" }, strings), "Bea here");
  assert.equal(presenceWords({ presence: { listed: false, count: 300 }, me: "p1" }, strings), "300 people here");
  assert.equal(presenceWords({ presence: null, me: null }, strings), "");
  assert.equal(listed(["a", "b", "c", "d", "e", "f"], "en"), "a, b, c, and +3");
});

test("a run says what its producer says, or what its state means", () => {
  const run = { run_id: "r", state: "tool", sender: { role: "assistant", name: "Bot" } };
  assert.equal(runWords({ ...run, label: "Looking up the order" }, strings), "Looking up the order");
  assert.equal(runWords(run, strings), "Bot is looking something up");
  assert.equal(runWords({ ...run, cancel_requested: true }, strings), "Stopping …");
  for (const state of ["started", "thinking", "tool", "writing", "waiting"]) assert.ok(`run.${state}` in languages.en);
});

test("attachments of any form are listed, and only addresses of the web are linked", () => {
  const given = [{ url: "https://files.example/a.pdf", name: "a.pdf" }, { id: "f-1" }, { url: "javascript:alert(1)", name: "x" }, "no object", null, {}, { name: 7 }];
  assert.deepEqual(attachmentsOf({ attachments: given }), [
    { name: "a.pdf", url: "https://files.example/a.pdf" },
    { name: "f-1", url: null },
    { name: "x", url: null },
  ]);
  for (const metadata of [null, undefined, {}, { attachments: "x" }, { attachments: { 0: 1 } }]) assert.deepEqual(attachmentsOf(metadata), []);
  assert.equal(attachmentsOf({ attachments: Array(500).fill({ name: "a" }) }).length, 20);
});
