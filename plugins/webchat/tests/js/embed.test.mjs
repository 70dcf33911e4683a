// The embedded chat's pure parts: what attributes ask for, whose conversation it is, and what is news.
import assert from "node:assert/strict";
import { test } from "node:test";
import { normalized, read, serviceOf } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/embed/read.js";
import { badge, News } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/embed/unread.js";
import { subjectOf, Visitor } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/embed/visitor.js";

const SERVICE = "https://chat.example.com";

class Memory {
  values = new Map();
  getItem(name) {
    return this.values.get(name) ?? null;
  }
  setItem(name, value) {
    this.values.set(name, value);
  }
}

const jwt = (claims) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

test("attributes become options, and what is none of theirs is left out", () => {
  assert.deepEqual(read({ dataset: {} }), {});
  const dataset = { mode: "inline", theme: "pink", position: "start", open: "", sound: "off", receipts: "", tokenUrl: "/token", title: "Hi", conversation: "c-1" };
  assert.deepEqual(read({ dataset }), { mode: "inline", position: "start", open: true, sound: false, receipts: true, tokenUrl: "/token", title: "Hi", conversation: "c-1" });
});

test("a named function is looked up when it is called, also within an object", async () => {
  const scope = {};
  const { getToken } = read({ dataset: { tokenFunction: "shop.chat.token" } }, scope);
  assert.throws(() => getToken("c", "start"), /no function shop\.chat\.token/);
  scope.shop = { chat: { token: (conversation, why) => `${conversation} ${why}` } };
  assert.equal(getToken("c", "renew"), "c renew");
});

test("the service is where the script is from, below a path too", () => {
  assert.equal(serviceOf("https://chat.example.com/web/umbral-chat-embed.js?v=1"), "https://chat.example.com");
  assert.equal(serviceOf("http://127.0.0.1:8750/web/umbral-chat-embed.0123.js"), "http://127.0.0.1:8750");
  assert.equal(serviceOf("https://example.com/tools/chat/web/umbral-chat-embed.js"), "https://example.com/tools/chat");
});

test("a token's source may answer in three forms, and in no other", () => {
  assert.deepEqual(normalized("t"), { token: "t" });
  assert.deepEqual(normalized({ token: "t", expires_at: "x" }), { token: "t" });
  assert.deepEqual(normalized({ token: "t", conversation: "order-7" }), { token: "t", conversation: "order-7" });
  assert.deepEqual(normalized(null), { token: null });
  for (const wrong of [undefined, 7, {}, { token: 7 }, []]) assert.throws(() => normalized(wrong), /without a token/);
});

test("a browser keeps its conversation, and each service has one of its own", () => {
  const memory = new Memory();
  const first = new Visitor({}, SERVICE, { memory });
  assert.match(first.conversation, /^web:[0-9a-f]{32}$/);
  assert.equal(new Visitor({}, SERVICE, { memory }).conversation, first.conversation);
  assert.notEqual(new Visitor({}, "https://other.example", { memory }).conversation, first.conversation);
  assert.notEqual(new Visitor({}, SERVICE, { memory: new Memory() }).conversation, first.conversation);
  assert.equal(new Visitor({ conversation: "order-7" }, SERVICE, { memory }).conversation, "order-7");
});

test("without a storage, or with a full one, there is a conversation all the same", () => {
  assert.match(new Visitor({}, SERVICE, { memory: null }).conversation, /^web:/);
  const full = { getItem: () => null, setItem: () => { throw new Error("full"); } };
  const visitor = new Visitor({}, SERVICE, { memory: full });
  assert.match(visitor.conversation, /^web:/);
  visitor.remember("sound", "on");
  assert.equal(visitor.recall("sound"), null);
});

test("nothing is asked for before the chat is opened, unless it was before or is given", async () => {
  const memory = new Memory();
  const visitor = new Visitor({}, SERVICE, { memory });
  assert.equal(visitor.hasBegun, false);
  await visitor.begin();
  assert.equal(new Visitor({}, SERVICE, { memory }).hasBegun, true);
  assert.equal(new Visitor({ conversation: "c" }, SERVICE, { memory: new Memory() }).hasBegun, true);
});

test("the token's URL gets the conversation as a form field, and the first answer is used once", async () => {
  const asked = [];
  const tokens = [jwt({ sub: "ada" }), "second", "third"];
  const fetch = async (url, options) => {
    asked.push([url, options.method, options.body.toString(), options.credentials]);
    return new Response(JSON.stringify({ token: tokens[asked.length - 1], conversation: "order-7" }));
  };
  const visitor = new Visitor({ conversation: "c:1", tokenUrl: "https://n8n.example/t" }, SERVICE, { memory: null, fetch });
  await visitor.begin();
  assert.deepEqual(asked, [["https://n8n.example/t", "POST", "session=c%3A1", "omit"]]);
  assert.deepEqual([visitor.conversation, visitor.subject], ["order-7", "ada"]);
  assert.equal(await visitor.token("start"), tokens[0]);
  assert.equal(asked.length, 1);
  assert.equal(await visitor.token("renew"), "second");
  assert.equal(asked[1][2], "session=order-7");
});

test("a source that fails makes the beginning fail, and it can be tried again", async () => {
  let fails = true;
  const fetch = async () => (fails ? new Response("", { status: 502 }) : new Response('{"token": "t"}'));
  const visitor = new Visitor({ tokenUrl: "/t" }, SERVICE, { memory: null, fetch });
  await assert.rejects(visitor.begin(), /no token: 502/);
  assert.equal(visitor.hasBegun, false);
  fails = false;
  await visitor.begin();
  assert.equal(await visitor.token("start"), "t");
});

test("the page's function goes before a URL, and is given the reason", async () => {
  const calls = [];
  const getToken = async (...given) => (calls.push(given), "t");
  const visitor = new Visitor({ conversation: "c", getToken, tokenUrl: "/t" }, SERVICE, { memory: null });
  await visitor.begin();
  await visitor.token("start");
  await visitor.token("renew");
  assert.deepEqual(calls, [["c", "start"], ["c", "renew"]]);
});

test("the subject is read from what looks like a token of the service", () => {
  assert.equal(subjectOf(jwt({ sub: "Zoë" })), "Zoë");
  for (const other of [null, "", "opaque", "a.b.c", jwt({}), jwt({ sub: 7 })]) assert.equal(subjectOf(other), null);
});

test("news is what others wrote after the history was there", () => {
  const open = { state: "open" };
  const message = (seq, role = "assistant", more = {}) => ({ seq, sender: { role }, ...more });
  const news = new News();
  const take = (messages, connection = open) => news.take({ messages, connection }).map(({ seq }) => seq);
  assert.deepEqual(take([], { state: "connecting" }), []);
  assert.deepEqual(take([message(1), message(2)]), [], "the history");
  assert.deepEqual(take([message(1), message(2), message(3), message(null, "user")]), [3]);
  assert.deepEqual(take([message(3), message(4, "user"), message(5, "agent")]), [5]);
  assert.deepEqual(take([message(5, "agent")]), []);
  assert.deepEqual(take([message(6, "assistant", { redacted: true })]), []);
  assert.deepEqual(take([message(0), message(6)]), [], "earlier history that is loaded is none");
  const empty = new News();
  assert.deepEqual(empty.take({ messages: [], connection: open }), []);
  assert.deepEqual(empty.take({ messages: [message(1)], connection: open }).length, 1, "the first one of an empty conversation");
});

test("a badge has room for three characters", () => {
  assert.deepEqual([badge(1), badge(99), badge(100)], ["1", "99", "99+"]);
});
