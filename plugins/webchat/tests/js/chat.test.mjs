// The whole client against a stand-in for the service, in virtual time: every edge, every way in which they break.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/umbral_chat_webchat/web/umbral-chat.js";
import { below, Browser, pick, seeded, settle, VirtualTime } from "./kit.mjs";
import { FakeService, problem } from "./service.mjs";

const LONG = 600_000;

function world(seed = 1) {
  const time = new VirtualTime();
  const service = new FakeService(time);
  const browser = new Browser(time, seeded(seed));
  const chats = [];
  const open = (more = {}) => {
    const environment = browser.tab({ fetch: service.fetch, WebSocket: service.WebSocket, ...more.environment });
    const chat = connect({ url: "http://service", conversation: "room", ...more, environment });
    chats.push(chat);
    return chat;
  };
  const end = async () => {
    chats.forEach((chat) => chat.close());
    await settle();
    service.kill();
    await settle();
  };
  return { time, service, browser, open, end };
}

const contents = (chat) => chat.state.messages.map(({ content }) => content);
const connection = ({ state: { connection: { state, edge, reason } } }) => [state, edge, reason];

/** What a fresh read of the log would show. */
function agrees(chat, service, why) {
  const shown = chat.state.messages.map(({ seq, content, delivery }) => [seq, content, delivery]);
  assert.deepEqual(shown, service.folded().map(({ seq, content }) => [seq, content, "sent"]), why);
  assert.equal(chat.state.seq, service.entries.length, why);
}

for (const edge of ["websocket", "sse", "long_poll", "poll"])
  test(`${edge}: messages, drafts, runs and who types arrive`, async () => {
    const { time, service, open, end } = world();
    service.say("before");
    service.piece("d0", "begun");
    const chat = open({ edges: [edge] });
    await time.pass(2000);
    assert.deepEqual(connection(chat), ["open", edge, "open"]);
    service.say("after");
    service.piece("d0", " and on");
    service.signal({ signal: "typing", typing: [{ person: "p", role: "agent" }] });
    service.signal({ signal: "presence", presence: { version: "v1", count: 1, counts: {}, people: [] } });
    service.signal({ signal: "runs", runs: [{ run_id: "r", state: "writing", sender: { role: "assistant", name: "Bot" }, started_at: "" }] });
    await time.pass(3000);
    agrees(chat, service);
    const { drafts, typing, presence, runs } = chat.state;
    assert.deepEqual(drafts, [{ message_id: "d0", text: "begun and on", sender: { role: "assistant" } }]);
    assert.deepEqual(typing.map(({ person }) => person), ["p", "run:r"], "a run that writes shows its assistant as typing");
    assert.deepEqual([presence.version, runs.length], ["v1", 1]);
    service.append({ kind: "run", run_id: "r", outcome: "failed", reason: "lost" });
    service.say("begun and on.", { message_id: "d0", sender: { role: "assistant" } });
    await time.pass(3000);
    agrees(chat, service);
    assert.deepEqual([chat.state.drafts, chat.state.runs, chat.state.endedRuns.map(({ reason }) => reason)], [[], [], ["lost"]]);
    await end();
  });

test("of typing the last report arrives last, however slow the one before is", async () => {
  const { time, service, open, end } = world();
  const arrived = [];
  let delay = 3000;
  const fetch = async (target, init) => {
    if (!String(target).endsWith("/typing")) return service.fetch(target, init);
    await new Promise((resolve) => time.setTimeout(resolve, delay));
    arrived.push(JSON.parse(init.body).typing);
    return new Response("{}", { status: 200 });
  };
  const chat = open({ environment: { fetch } });
  await time.pass(1000);
  chat.typing(true);
  await time.pass(100);
  delay = 10;
  for (const typing of [false, true, false]) chat.typing(typing);
  await time.pass(5000);
  assert.deepEqual(arrived, [true, false]);
  chat.typing(true);
  await time.pass(100);
  chat.typing(false);
  await time.pass(100);
  assert.deepEqual(arrived, [true, false, true, false]);
  delay = 3000;
  chat.typing(true);
  await time.pass(100);
  chat.send("hello");
  await time.pass(7000);
  assert.deepEqual(arrived.slice(4), [true, false], "the report that the message overtook is taken back");
  await end();
});

test("a sent message is shown at once, keeps its key, and is there once", async () => {
  const { time, open, service, end } = world();
  const chat = open();
  await time.pass(1000);
  const message = chat.send("hello", { metadata: { a: 1 } });
  assert.deepEqual([message.delivery, message.content, message.seq], ["pending", "hello", null]);
  await time.pass(1000);
  const [stored] = chat.state.messages;
  assert.deepEqual([stored.key, stored.delivery, stored.seq, stored.metadata], [message.key, "sent", 1, { a: 1 }]);
  await chat.edit(stored.message_id, "better");
  await time.pass(100);
  assert.deepEqual([chat.state.messages[0].content, chat.state.messages[0].key], ["better", message.key]);
  await chat.redact(stored.message_id);
  await time.pass(100);
  agrees(chat, service);
  assert.equal(chat.state.unread, 0, "one's own messages are read");
  await end();
});

test("direct: entries, gaps, long entries and signals; a cut channel is reported, and messages go on", async () => {
  const { time, service, open, end } = world();
  service.direct = true;
  const chat = open({ supabase: service.supabase });
  await time.pass(1000);
  assert.deepEqual(connection(chat), ["open", "direct", "open"], "a page that brings supabase-js prefers it");
  service.say("one");
  await time.pass(50);
  agrees(chat, service, "at once");
  service.say("x".repeat(60)); // too long to be broadcast
  await time.pass(50);
  agrees(chat, service, "read");
  service.lossy = () => true;
  service.say("lost");
  await time.pass(5500);
  agrees(chat, service, "found by the read of every five seconds");
  service.lossy = null;
  service.piece("d", "dra");
  service.piece("d", "ft");
  service.channels[0].tell("signals", { signals: [{ signal: "typing", person: "p", role: "agent", typing: true, expires_in: 3 }] });
  await time.pass(50);
  assert.deepEqual([chat.state.drafts[0].text, chat.state.typing.length], ["draft", 1]);
  service.channels[0].tell("signals", { signals: [{ signal: "read", conversation: "room", subject: "ada", seq: 2 }] });
  await time.pass(50);
  assert.deepEqual(chat.state.readers, [{ subject: "ada", role: "user", seq: 2 }]);
  await time.pass(3100);
  assert.equal(chat.state.typing.length, 0, "it ends by itself");
  service.moves = 1;
  service.channels[0].tell("moved", { topic: "t/1" });
  await time.pass(1000);
  assert.deepEqual([service.channels.at(-1).topic, chat.state.connection.edge], ["t/1", "direct"]);
  await time.pass(20_000);
  const reasons = new Set();
  chat.subscribe((state) => reasons.add(state.connection.reason));
  service.blocked.add("direct");
  service.cut("direct");
  service.say("meanwhile");
  for (let step = 0; step < 10; step++) await time.pass(100);
  assert.deepEqual(connection(chat), ["open", "websocket", "open"]);
  assert.ok(reasons.has("unreachable"));
  agrees(chat, service);
  service.blocked.delete("direct");
  await time.pass(LONG);
  assert.equal(chat.state.connection.edge, "direct");
  await end();
});

test("direct: a member is removed while the page joins, and it moves to the new topic at once", async () => {
  const { time, service, open, end } = world();
  service.direct = true;
  const { supabase } = service;
  const channel = supabase.channel.bind(supabase);
  supabase.channel = (...given) => {
    const made = channel(...given);
    const subscribe = made.subscribe.bind(made);
    made.subscribe = (callback) => {
      if (service.channels.length === 1) {
        // What the removal says on the old topic, nobody has joined to receive.
        service.moves = 1;
        service.say("what it leaves in the log");
      }
      subscribe(callback);
    };
    return made;
  };
  const chat = open({ supabase });
  await time.pass(3000);
  assert.deepEqual([service.channels.map(({ topic }) => topic), chat.state.connection.edge], [["t/0", "t/1"], "direct"]);
  service.say("on the new topic");
  await time.pass(50);
  agrees(chat, service);
  await end();
});

test("direct: left when the service does not offer it any more, and taken again when it does", async () => {
  const { time, service, open, end } = world();
  service.direct = true;
  const chat = open({ supabase: service.supabase });
  await time.pass(20_000);
  assert.deepEqual(connection(chat), ["open", "direct", "open"]);
  assert.equal(service.channels.length, 1, "a channel that is still on offer is not joined again");
  service.direct = false; // realtime was switched off, or the service's own link is down
  for (let step = 0; step < 20; step++) await time.pass(500);
  assert.deepEqual(connection(chat), ["open", "websocket", "open"]);
  service.say("meanwhile");
  await time.pass(100);
  agrees(chat, service);
  service.direct = true;
  await time.pass(20_000);
  assert.deepEqual(connection(chat), ["open", "direct", "open"]);
  service.say("afterwards");
  await time.pass(100);
  agrees(chat, service);
  await end();
});

test("it falls back edge by edge, and climbs up again by itself", async () => {
  const { time, service, open, end } = world();
  service.blocked = new Set(["websocket", "sse"]);
  const chat = open();
  await time.pass(3000);
  assert.deepEqual(connection(chat), ["open", "long_poll", "open"]);
  service.say("one");
  service.blocked.delete("sse");
  await time.pass(60_000);
  assert.equal(chat.state.connection.edge, "sse");
  service.say("two");
  service.blocked.clear();
  await time.pass(LONG);
  assert.equal(chat.state.connection.edge, "websocket");
  assert.deepEqual(service.edges, ["websocket"], "the one below was ended");
  service.say("three");
  await time.pass(100);
  agrees(chat, service);
  await end();
});

test("the toggle sends to polling, says why, and switched on again the stream comes back", async () => {
  const { time, service, open, end } = world();
  const chat = open();
  const reasons = new Set();
  chat.subscribe((state) => reasons.add(state.connection.reason));
  await time.pass(20_000);
  service.toggle(false);
  await time.pass(3000);
  assert.deepEqual(connection(chat), ["open", "long_poll", "open"]);
  assert.ok(reasons.has("realtime_off"));
  service.say("meanwhile");
  await time.pass(1000);
  agrees(chat, service);
  service.toggle(true);
  await time.pass(130_000);
  assert.equal(chat.state.connection.edge, "websocket");
  await end();
});

test("a service that is killed is waited for, and the edge is the same after it", async () => {
  for (const edge of ["websocket", "sse", "long_poll", "poll"]) {
    const { time, service, open, end } = world();
    const chat = open(edge === "websocket" ? {} : { edges: [edge, "poll"] });
    await time.pass(20_000);
    service.kill();
    await time.pass(200);
    chat.send("written while it is down");
    await time.pass(30_000);
    assert.equal(chat.state.connection.state, "waiting", edge);
    assert.equal(chat.state.connection.reason, "unreachable", edge);
    assert.ok(service.calls.length < 100, `${service.calls.length} calls`);
    service.start();
    service.say("after");
    await time.pass(40_000);
    assert.deepEqual(connection(chat), ["open", edge, "open"]);
    await time.pass(5000);
    agrees(chat, service, edge);
    assert.equal(contents(chat).length, 2);
    await end();
  }
});

test("without network nothing is asked; when it is back, everything goes on at once", async () => {
  const { time, service, browser, open, end } = world();
  const chat = open();
  await time.pass(20_000);
  browser.network(false);
  service.cut("websocket");
  service.up = false;
  await time.pass(1000);
  assert.equal(chat.state.connection.state, "offline");
  const calls = service.calls.length;
  chat.send("offline");
  await time.pass(25_000);
  assert.ok(service.calls.length - calls < 10);
  service.up = true;
  service.say("meanwhile");
  browser.network(true);
  await time.pass(1000);
  assert.deepEqual(connection(chat), ["open", "websocket", "open"]);
  agrees(chat, service);
  await end();
});

test("a tab that slept notices at once that its connection is dead", async () => {
  for (const edge of ["websocket", "sse", "long_poll"]) {
    const { time, service, open, end } = world();
    const chat = open({ edges: [edge, "poll"] });
    await time.pass(30_000);
    assert.equal(chat.state.connection.edge, edge);
    service.lose(); // half open: nothing comes any more, and nothing says so
    await time.sleep(600_000);
    service.say("while asleep");
    for (let step = 0; step < 20; step++) await time.pass(300);
    agrees(chat, service, edge);
    await end();
  }
});

test("a service that comes and goes is no edge's fault", async () => {
  const { time, service, open, end } = world();
  const chat = open();
  const edges = new Set();
  chat.subscribe(({ connection: { edge } }) => edges.add(edge));
  for (let round = 0; round < 5; round++) {
    await time.pass(1000);
    service.kill();
    await time.pass(3000);
    service.start();
    for (let step = 0; step < 60 && chat.state.connection.state !== "open"; step++) await time.pass(500);
  }
  assert.deepEqual(edges, new Set([null, "websocket"]));
  await end();
});

test("a silent stream is given up, by heartbeats and pings", async () => {
  for (const edge of ["websocket", "sse"]) {
    const { time, service, open, end } = world();
    const chat = open({ edges: [edge, "long_poll"] });
    await time.pass(20_000);
    assert.equal(chat.state.connection.edge, edge);
    service.silent = edge;
    const reasons = new Set();
    chat.subscribe((state) => reasons.add(state.connection.reason));
    await time.pass(60_000);
    assert.ok(reasons.has("unreachable"), edge);
    await end();
  }
});

test("a log that is another one is started over with", async () => {
  for (const edge of ["websocket", "sse", "long_poll", "poll"]) {
    const { time, service, open, end } = world();
    service.say("old");
    const chat = open({ edges: [edge] });
    await time.pass(12_000);
    service.renew(["new", "newer"]);
    await time.pass(60_000);
    assert.deepEqual(contents(chat), ["new", "newer"], edge);
    service.say("newest");
    await time.pass(3000);
    agrees(chat, service, edge);
    await end();
  }
});

test("a deleted conversation is left for good", async () => {
  for (const edge of ["websocket", "sse", "long_poll", "poll"]) {
    const { time, service, open, end } = world();
    const chat = open({ edges: [edge] });
    await time.pass(12_000);
    service.remove();
    await time.pass(5000);
    assert.deepEqual(connection(chat), ["closed", null, "conversation_deleted"], edge);
    const calls = service.calls.length;
    await time.pass(LONG);
    assert.equal(service.calls.length, calls, "nothing is asked any more");
    await end();
  }
});

test("tokens: renewed before they expire, after a refusal, and without getToken the end says why", async () => {
  const { time, service, open, end } = world();
  service.token = "t1";
  service.expires = time.now + 120_000;
  const asked = [];
  const chat = open({ getToken: async (why) => (asked.push(why), service.token) });
  await time.pass(30_000);
  assert.equal(chat.state.connection.edge, "websocket");
  await time.pass(60_000);
  assert.deepEqual(asked, ["start", "renew"]);
  assert.ok(service.calls.includes("WS renew"));
  service.token = "t2";
  service.close({ code: "token_expired", reconnect: "renew" });
  await time.pass(2000);
  assert.deepEqual(connection(chat), ["open", "websocket", "open"]);
  assert.deepEqual(asked, ["start", "renew", "renew"]);
  const poor = open({ token: "wrong", shareConnection: false });
  await time.pass(2000);
  assert.deepEqual(connection(poor), ["closed", null, "token_expired"]);
  await end();
});

test("a drain spreads reconnects over the window; a busy service is given its time", async () => {
  const waits = [];
  for (let seed = 1; seed <= 12; seed++) {
    const { time, service, open, end } = world(seed);
    const chat = open();
    await time.pass(20_000);
    service.close({ code: "draining", reconnect: "now", retry_ms: 10_000 });
    const begun = time.now;
    while (chat.state.connection.state !== "open" || !service.edges.length) await time.pass(250);
    waits.push(time.now - begun);
    await end();
  }
  assert.ok(Math.max(...waits) <= 11_000 && Math.min(...waits) < 4_000 && Math.max(...waits) > 5_000, String(waits));
  const { time, service, open, end } = world();
  service.refuse = () => problem(503, "history_unavailable", { "Retry-After": "20" });
  open();
  await time.pass(19_000);
  const tries = service.calls.length;
  assert.ok(tries <= 3, String(service.calls));
  await end();
});

test("one tab holds the connection for all, and another takes over when it goes", async () => {
  const { time, service, open, end } = world();
  const tabs = [open(), open(), open()];
  await time.pass(5000);
  assert.deepEqual(service.edges, ["websocket"], "one connection");
  assert.deepEqual(tabs.map((tab) => tab.state.connection.leader), [true, false, false]);
  service.say("one");
  service.piece("d", "dra");
  await time.pass(100);
  tabs[2].send("from a follower");
  await time.pass(1000);
  tabs.forEach((tab) => agrees(tab, service));
  assert.deepEqual(tabs.map((tab) => tab.state.drafts[0].text), ["dra", "dra", "dra"]);
  const late = open();
  await time.pass(1000);
  assert.deepEqual([late.state.drafts[0].text, late.state.connection.edge], ["dra", "websocket"], "a new tab gets what is no entry");
  tabs[0].close();
  service.say("while there is no leader");
  await time.pass(2000);
  assert.deepEqual([tabs[1], tabs[2], late].map((tab) => tab.state.connection.leader), [true, false, false]);
  assert.deepEqual(service.edges, ["websocket"]);
  service.say("two");
  await time.pass(100);
  [tabs[1], tabs[2], late].forEach((tab) => agrees(tab, service));
  await end();
});

test("a message of a tab that is closed in the middle is sent by another, once", async () => {
  const { time, service, browser, open, end } = world();
  const [first, second] = [open(), open()];
  await time.pass(1000);
  service.up = false;
  service.cut("websocket");
  first.send("mine");
  await time.pass(500);
  assert.deepEqual(contents(second), ["mine"]);
  first.close();
  await time.pass(5000);
  service.up = true;
  await time.pass(60_000);
  agrees(second, service);
  assert.equal(service.entries.length, 1);
  assert.equal(browser.kept.size, 0);
  await end();
});

test("without Web Locks each tab connects by itself", async () => {
  const { time, service, open, end } = world();
  const tabs = [open({ environment: { locks: null } }), open({ environment: { locks: null } })];
  await time.pass(2000);
  assert.deepEqual(service.edges, ["websocket", "websocket"]);
  service.say("one");
  await time.pass(100);
  tabs.forEach((tab) => agrees(tab, service));
  await end();
});

test("earlier pages, the read marker and unread", async () => {
  const { time, service, open, end } = world();
  for (let at = 1; at <= 25; at++) service.say(`m${at}`);
  const chat = open({ pageSize: 10 });
  await time.pass(1000);
  assert.deepEqual([chat.state.messages.length, chat.state.hasEarlier], [10, true]);
  assert.equal(await chat.loadEarlier(), true);
  assert.equal(await chat.loadEarlier(), false);
  agrees(chat, service);
  service.say("new");
  await time.pass(100);
  assert.equal(chat.state.unread, 1);
  chat.markRead();
  chat.markRead(3);
  assert.equal(chat.state.unread, 0);
  await time.pass(1000);
  assert.equal(service.calls.filter((call) => call.endsWith("/read")).length, 1);
  await end();
});

test("who has read how far is shown, and of oneself only if the page says so", async () => {
  const { time, service, open, end } = world();
  service.say("one");
  const chats = [open({ shareConnection: false }), open({ shareConnection: false, receipts: true }), open({ shareConnection: false, receipts: false })];
  await time.pass(1000);
  for (const chat of chats) {
    chat.markRead();
    await time.pass(1000);
  }
  assert.deepEqual(service.markers, [{ seq: 1 }, { seq: 1, receipt: true }, { seq: 1, receipt: false }]);
  const readers = [{ subject: "ada", role: "user", name: "Ada", seq: 1 }];
  service.signal({ signal: "readers", readers });
  await time.pass(100);
  for (const chat of chats) assert.deepEqual(chat.state.readers, readers);
  await end();
});

test("presence is reported by the tab that leads, while the page is open, and not where nothing provides it", async () => {
  const { time, service, open, end } = world();
  service.presence = { version: "v1", count: 0, counts: {}, people: [] };
  let visible = true;
  const environment = { visible: () => visible };
  const tabs = [open({ present: true, environment }), open({ present: true, environment })];
  await time.pass(1000);
  assert.deepEqual([...service.devices.values()], ["online"]);
  visible = false;
  await time.pass(16_000);
  assert.deepEqual([...service.devices.values()], ["away"]);
  tabs[0].close();
  for (let step = 0; step < 5; step++) await time.pass(200);
  assert.equal(service.devices.size, 1, "the next leader's");
  tabs[1].close();
  for (let step = 0; step < 5; step++) await time.pass(200);
  assert.equal(service.devices.size, 0);
  await end();
  const bare = world();
  bare.open({ present: true });
  await bare.time.pass(LONG);
  assert.equal(bare.service.calls.filter((call) => call === "PUT /v1/conversations/room/presence").length, 1);
  await bare.end();
});

test("states: one notice a turn, parts that did not change keep their identity, a listener's error stops nothing", async () => {
  const { time, service, open, end } = world();
  const chat = open();
  await time.pass(1000);
  service.say("one");
  await time.pass(100);
  const before = chat.state;
  const seen = [];
  globalThis.reportError = (error) => seen.push(error.message);
  chat.subscribe(() => { throw new Error("the page's own"); });
  chat.subscribe((state) => seen.push(state.messages.length));
  service.signal({ signal: "typing", typing: [{ person: "p", role: "user" }] });
  await time.pass(100);
  assert.deepEqual(seen.splice(0), ["the page's own", 1]);
  assert.equal(chat.state.messages, before.messages);
  assert.notEqual(chat.state, before);
  service.say("two");
  await time.pass(100);
  assert.equal(chat.state.messages[0], before.messages[0]);
  await end();
  delete globalThis.reportError;
});

test("closed, it leaves no timer and sends nothing", async () => {
  const { time, service, open } = world();
  const chats = [open(), open({ shareConnection: false, edges: ["sse"] }), open({ shareConnection: false, edges: ["poll"] })];
  await time.pass(5000);
  chats.forEach((chat) => chat.close());
  await settle(10);
  assert.throws(() => chats[0].send("late"), { code: "closed" });
  const calls = service.calls.length;
  await time.pass(LONG);
  assert.equal(service.calls.length, calls);
  assert.equal(time.pending, 0);
});

test("chaos: whatever breaks in whatever order, every tab ends equal to a fresh read", async () => {
  for (let seed = 1; seed <= Number(process.env.CHAOS ?? 25); seed++) {
    const { time, service, browser, open, end } = world(seed);
    const random = seeded(seed * 7919);
    service.batch = 3;
    service.strategy = seed % 7 === 0 ? "snapshot" : "cursor";
    const edges = pick(random, [undefined, ["sse", "poll"], ["long_poll", "poll"], ["websocket", "long_poll"], ["direct", "poll"]]);
    service.direct = edges?.[0] === "direct";
    service.lossy = () => random() < 0.2;
    const { supabase } = service;
    const tabs = [open({ edges, supabase }), open({ edges, supabase }), open({ edges, supabase, shareConnection: false })];
    let sent = 0;
    const shown = tabs.map(() => 0);
    tabs.forEach((tab, at) => tab.subscribe(({ messages }) => {
      const seqs = messages.flatMap(({ seq, delivery, message_id }) => (delivery === "sent" && message_id ? [seq] : []));
      assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b), `seed ${seed}: ordered, no repeat`);
      shown[at] = seqs.length;
    }));
    for (let step = 0; step < 60; step++) {
      const what = below(random, 14);
      if (what < 4 && service.up) service.say(`s${step}`);
      else if (what === 4) pick(random, tabs).send(`t${++sent}`);
      else if (what === 5) service.kill();
      else if (what === 6) service.start();
      else if (what === 7) service.cut(pick(random, ["sse", "websocket", "direct"]));
      else if (what === 8) service.toggle(random() < 0.6);
      else if (what === 9) service.blocked = new Set(random() < 0.5 ? [pick(random, ["sse", "websocket", "direct"])] : []);
      else if (what === 10) browser.network(random() < 0.5);
      else if (what === 11) service.close({ code: pick(random, ["draining", "slow_consumer", "rebalance"]), reconnect: "now", retry_ms: 500 });
      else if (what === 12 && service.entries.some(({ kind }) => kind === "message"))
        service.append({ kind: pick(random, ["edit", "redaction"]), message_id: pick(random, service.folded()).message_id, content: "e" });
      else if (what === 13 && tabs.length < 5) tabs.push(open({ edges, supabase }));
      await time.pass(pick(random, [0, 10, 300, 3000, 20_000]));
    }
    service.start();
    service.realtime = true;
    service.blocked.clear();
    browser.network(true);
    await time.pass(LONG);
    for (const tab of tabs) while (tab.state.hasEarlier) await tab.loadEarlier(); // snapshots drop what may be stale
    tabs.forEach((tab, at) => agrees(tab, service, `seed ${seed}, tab ${at}`));
    assert.equal(service.entries.filter(({ client_id }) => client_id).length, sent, `seed ${seed}: each is sent once`);
    assert.equal(browser.kept.size, 0);
    await end();
  }
});
