// The socket of hints, and the inbox's calls.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Http } from "../../src/umbral_chat_webchat/web/umbral-chat/http.js";
import { Tokens } from "../../src/umbral_chat_webchat/web/umbral-chat/tokens.js";
import { Waker } from "../../src/umbral_chat_webchat/web/umbral-chat/waker.js";
import { InboxApi } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/api.js";
import { Watch } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/watch.js";
import { Browser, settle, VirtualTime } from "./kit.mjs";

/** The service's end of a socket. */
class Socket {
  static all = [];
  readyState = 0;
  sent = [];

  constructor(url) {
    this.url = url;
    Socket.all.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen();
    this.say({ type: "ready" });
  }

  say(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  drop() {
    this.readyState = 3;
    this.onclose();
  }

  of(type) {
    return this.sent.filter((frame) => frame.type === type).map(({ conversation, after }) => (after ? `${conversation} ${after}` : conversation));
  }
}

async function watching(more = {}) {
  Socket.all = [];
  const time = new VirtualTime();
  const browser = new Browser(time);
  const env = browser.tab({ WebSocket: Socket, ...more.env });
  const over = new AbortController();
  const waker = new Waker(env);
  const log = [];
  const watch = new Watch({
    env,
    waker,
    signal: over.signal,
    url: async () => ("url" in more ? more.url : "ws://service/v1/ws"),
    news: (id) => log.push(id),
    changed: () => log.push("changed"),
  });
  watch.want([
    { id: "a", cursor: "e.1" },
    { id: "b", cursor: "e.2" },
  ]);
  const done = watch.run();
  await settle();
  const end = async () => {
    over.abort();
    waker.stop();
    await time.pass(0);
    await done;
  };
  return { time, browser, watch, log, end };
}

test("it follows what is wanted, from where the list is, and no more", async () => {
  const { watch, end } = await watching();
  const [socket] = Socket.all;
  socket.open();
  assert.deepEqual(socket.sent[0], { type: "auth", token: null });
  assert.deepEqual(socket.of("subscribe"), ["a e.1", "b e.2"]);
  watch.want([
    { id: "b", cursor: "e.2" },
    { id: "c", cursor: "e.3" },
  ]);
  assert.deepEqual(socket.of("unsubscribe"), ["a"]);
  assert.deepEqual(socket.of("subscribe"), ["a e.1", "b e.2", "c e.3"]);
  watch.want(Array.from({ length: 100 }, (_, number) => ({ id: `n${number}`, cursor: "0" })));
  assert.equal(socket.of("subscribe").length, 3 + 30);
  await end();
  assert.equal(socket.readyState, 3);
});

test("entries are news, and signals say who types and who is here", async () => {
  const { watch, log, end } = await watching();
  const [socket] = Socket.all;
  socket.open();
  socket.say({ type: "entry", conversation: "a", cursor: "e.2", entry: {} });
  socket.say({ type: "signal", conversation: "a", signal: { signal: "typing", typing: [{ person: "p", role: "user" }] } });
  socket.say({ type: "signal", conversation: "a", signal: { signal: "presence", presence: { counts: { user: 1 } } } });
  socket.say({ type: "signal", conversation: "a", signal: { signal: "draft", message_id: "m" } });
  socket.say({ type: "signal", conversation: "other", signal: { signal: "typing", typing: [] } });
  socket.say({ type: "status", conversation: "b", status: { state: "closed", code: "conversation_deleted" } });
  assert.deepEqual(log, ["a", "changed", "changed", "b"]);
  assert.equal(watch.of("a").typing.length, 1);
  assert.equal(watch.of("a").presence.counts.user, 1);
  assert.equal(watch.of("other"), undefined);
  await end();
});

test("a lost socket is forgotten with what it said, and opened again, later each time, from the last cursor", async () => {
  const { time, watch, end } = await watching();
  Socket.all[0].open();
  Socket.all[0].say({ type: "entry", conversation: "a", cursor: "e.7", entry: {} });
  Socket.all[0].say({ type: "signal", conversation: "a", signal: { signal: "typing", typing: [{}] } });
  Socket.all[0].drop();
  await time.pass(1);
  assert.equal(watch.of("a"), undefined);
  await time.pass(2_000);
  assert.equal(Socket.all.length, 2);
  Socket.all[1].open();
  assert.deepEqual(Socket.all[1].of("subscribe"), ["a e.7", "b e.2"]);
  for (let attempt = 0; attempt < 100; attempt++) {
    Socket.all.at(-1).onclose?.();
    await time.pass(1_000);
  }
  assert.ok(Socket.all.length < 15, String(Socket.all.length));
  await end();
});

test("a socket that is silent, or speaks something else, is given up", async () => {
  const { time, end } = await watching();
  Socket.all[0].open();
  await time.pass(70_000);
  assert.equal(Socket.all[0].readyState, 3);
  assert.ok(Socket.all[0].sent.some(({ type }) => type === "ping"));
  assert.ok(Socket.all.length >= 2);
  const last = Socket.all.at(-1);
  last.open();
  last.onmessage({ data: "<html>" });
  assert.equal(last.readyState, 3);
  await end();
});

test("without an offer, without network or in the background no socket is opened", async () => {
  for (const more of [{ url: null }, { env: { visible: () => false } }, { env: { WebSocket: null } }]) {
    const { time, end } = await watching(more);
    await time.pass(100_000);
    assert.equal(Socket.all.length, 0);
    await end();
  }
});

function calling(answers) {
  const requests = [];
  const time = new VirtualTime();
  const env = new Browser(time).tab({
    fetch: async (url, init) => {
      requests.push({ url, ...init });
      const { status = 200, body, headers = {} } = answers[requests.length - 1] ?? {};
      return new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
    },
  });
  const http = new Http(env, "http://service", new Tokens(env, {}), "same-origin");
  return { api: new InboxApi(http), requests, http };
}

test("the first page is asked for with the ETag of its own query alone", async () => {
  const page = { conversations: [], before: null };
  const { api, requests } = calling([
    { body: page, headers: { ETag: '"1"' } },
    { status: 304 },
    { body: page },
    { body: page, headers: { ETag: '"2"' } },
    { body: page },
  ]);
  const { signal } = new AbortController();
  assert.deepEqual(await api.list({ status: "open" }, null, signal), page);
  assert.equal(await api.list({ status: "open" }, null, signal), null);
  await api.list({ status: "open" }, "place", signal);
  await api.list({ status: "closed", q: "a b&c" }, null, signal);
  api.forget();
  await api.list({ status: "closed", q: "a b&c" }, null, signal);
  assert.deepEqual(requests.map(({ headers }) => headers["If-None-Match"]), [undefined, '"1"', undefined, undefined, undefined]);
  assert.equal(requests[2].url, "http://service/v1/conversations?status=open&limit=50&before=place");
  assert.equal(requests[3].url, "http://service/v1/conversations?status=closed&q=a%20b%26c&limit=50");
});

test("the key is in the one request that exchanges it, and in no later one", async () => {
  const { api, requests } = calling([{ status: 201, body: { subject: "s" } }, { body: {} }]);
  await api.signIn("Grace", "secret-key");
  await api.takeOver("order-1");
  assert.equal(requests[0].headers.Authorization, "Bearer secret-key");
  assert.equal(requests[0].body, '{"name":"Grace"}');
  assert.ok(!JSON.stringify(requests[1]).includes("secret-key"));
  assert.deepEqual([requests[1].method, requests[1].url, requests[1].credentials], ["POST", "http://service/v1/conversations/order-1/takeover", "same-origin"]);
});

test("the socket's URL is of the service", async () => {
  const { api } = calling([{ body: { offers: [{ edge: "poll", url: "/p" }, { edge: "websocket", url: "/v1/ws" }] } }, { body: { offers: [] } }]);
  const { signal } = new AbortController();
  assert.equal(await api.webSocket("a", signal), "ws://service/v1/ws");
  assert.equal(await api.webSocket("a", signal), null);
});
