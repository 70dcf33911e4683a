// What the view of a conversation needs of the client besides its messages: whether they are there, the conversation's own
// fields, what was unread, who oneself is, and to stop a run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/umbral_chat_webchat/web/umbral-chat.js";
import { Merge } from "../../src/umbral_chat_webchat/web/umbral-chat/merge.js";
import { Browser, settle, VirtualTime } from "./kit.mjs";
import { FakeService } from "./service.mjs";

function world() {
  const time = new VirtualTime();
  const service = new FakeService(time);
  const browser = new Browser(time);
  const chats = [];
  const open = (more = {}) => {
    const environment = browser.tab({ fetch: service.fetch, WebSocket: service.WebSocket });
    const chat = connect({ url: "http://service", conversation: "room", ...more, environment });
    chats.push(chat);
    return chat;
  };
  const end = async () => {
    for (const chat of chats) chat.close();
    await settle();
    service.kill();
    await settle();
  };
  return { time, service, open, end };
}

test("the state says whether the first page is there, in the tab that leads and in those that follow", async () => {
  const { time, service, open, end } = world();
  service.up = false;
  const chat = open();
  await time.pass(1000);
  assert.equal(chat.state.loaded, false);
  service.start();
  await time.pass(60_000);
  assert.equal(chat.state.loaded, true);
  const follower = open();
  assert.equal(follower.state.loaded, false);
  await time.pass(1000);
  assert.equal(follower.state.loaded, true);
  await end();
});

test("the conversation has what was set before the page was opened, and what updates change", async () => {
  const { time, service, open, end } = world();
  service.fields = { title: "Order 1042", status: "open", responder: "assistant" };
  service.say("hello");
  const chat = open();
  await time.pass(1000);
  assert.equal(chat.state.conversation.title, "Order 1042");
  service.append({ kind: "update", changes: { status: "closed" } });
  await time.pass(1000);
  assert.deepEqual([chat.state.conversation.title, chat.state.conversation.status], ["Order 1042", "closed"]);
  await end();
});

test("what a read says of the conversation does not undo an update that it does not know", () => {
  const merge = new Merge();
  merge.take({ type: "page", page: { messages: [], cursor: "e.4", has_more: false } });
  merge.take({ type: "entry", entry: { kind: "update", seq: 5, changes: { status: "closed" } }, cursor: "e.5" });
  merge.describe({ epoch: "e", head: 4, status: "open", title: "T" });
  assert.deepEqual([merge.conversation.status, merge.conversation.title], ["closed", "T"]);
  merge.describe({ epoch: "e", head: 6, status: "open", title: "U" });
  assert.deepEqual([merge.conversation.status, merge.conversation.title], ["open", "U"]);
  merge.describe({ epoch: "other", head: 9, title: "V" });
  assert.equal(merge.conversation.title, "U", "it is of another log");
});

test("what was unread at the opening stays known when it is read", async () => {
  const { time, service, open, end } = world();
  for (let at = 0; at < 5; at++) service.say(`m${at}`, { sender: { role: "assistant" } });
  service.unread = 2;
  const chat = open();
  assert.equal(chat.state.unreadAtOpening, null);
  await time.pass(1000);
  chat.markRead();
  assert.deepEqual([chat.state.unreadAtOpening, chat.state.unread], [2, 0]);
  await end();
});

test("every tab of a person who is here knows who that is among those who type and are here", async () => {
  const { time, service, open, end } = world();
  service.presence = { version: "v", count: 1, counts: {}, people: [] };
  const chat = open({ present: true });
  assert.equal(chat.state.me, null);
  await time.pass(1000);
  assert.equal(chat.state.me, "p-me");
  service.renew();
  await time.pass(5000);
  assert.equal(chat.state.me, "p-me", "it is of the service, and not of a log");
  const follower = open({ present: true });
  await time.pass(20_000);
  assert.deepEqual([follower.state.connection.leader, follower.state.me], [false, "p-me"]);
  await end();
});

test("a run is asked to end; one that is not known is an error", async () => {
  const { time, service, open, end } = world();
  const chat = open();
  service.signal({ signal: "runs", runs: [{ run_id: "r1", state: "thinking", sender: { role: "assistant" }, started_at: "" }] });
  await time.pass(1000);
  const cancelled = chat.cancelRun("r1");
  await time.pass(1000);
  await cancelled;
  assert.equal(chat.state.runs[0].cancel_requested, true);
  await assert.rejects(chat.cancelRun("r2"), { code: "unknown_run" });
  await end();
});
