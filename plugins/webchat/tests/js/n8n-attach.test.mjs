// The companion on a stand-in for the widget, whose `$chat` is as the tested version has it, and a stand-in for the service.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { attach } from "../../src/umbral_chat_webchat/web/umbral-chat-n8n.js";
import { Browser, settle, VirtualTime } from "./kit.mjs";
import { FakeService } from "./service.mjs";

/** Pages that a test leaves open. */
const open = [];
const warned = [];
const { warn } = console;
console.warn = (text) => warned.push(text);
globalThis.document = { visibilityState: "visible", addEventListener() {}, removeEventListener() {} };
globalThis.MutationObserver = class {
  observe(element) {
    element.observers.add(this);
    this.element = element;
  }
  disconnect() {
    this.element.observers.delete(this);
  }
  constructor(callback) {
    this.callback = callback;
  }
};

afterEach(async () => {
  for (const end of open.splice(0)) await end();
  warned.length = 0;
});

test.after(() => (console.warn = warn));

/** `$chat` and the element of an app, without Vue: a push is followed by the observers, as after a rendering. */
function app() {
  const element = {
    observers: new Set(),
    listeners: {},
    querySelector: () => ({ getClientRects: () => [1] }),
    addEventListener: (name, listener) => (element.listeners[name] = listener),
    removeEventListener: (name) => delete element.listeners[name],
  };
  const $chat = { messages: { value: [] }, waitingForResponse: { value: false }, sendMessage() {} };
  const rendered = () => element.observers.forEach(({ callback }) => callback());
  let count = 0;
  return {
    config: { globalProperties: { $chat } },
    _container: element,
    onUnmount: (ended) => (element.ended = ended),
    $chat,
    push: (sender, text) => ($chat.messages.value.push({ id: `w${++count}`, sender, text }), rendered()),
    load: (messages) => (($chat.messages.value = messages), rendered()),
    get shown() {
      return $chat.messages.value.map(({ sender, text }) => `${sender}:${text}`);
    },
  };
}

function world(options = {}) {
  const time = new VirtualTime();
  const service = new FakeService(time);
  const environment = new Browser(time).tab({ fetch: service.fetch, WebSocket: service.WebSocket });
  const widget = app();
  const start = () => attach(widget, { url: "http://service", conversation: "room", environment, ...options });
  const begin = async () => {
    const companion = start();
    open.push(async () => {
      companion.detach();
      await settle();
      service.kill();
      await settle();
    });
    await time.pass(1000);
    return companion;
  };
  return { time, service, widget, begin };
}

test("history, what comes later, a human's message, and the widget's own bubbles once", async () => {
  const { time, service, widget, begin } = world();
  service.say("before");
  await begin();
  assert.deepEqual(widget.shown, ["user:before"]);
  widget.push("user", "hi");
  service.say("hi");
  service.say("hello", { sender: { role: "assistant" } });
  await time.pass(100);
  widget.push("bot", "hello");
  service.say("Here is Ben.", { sender: { role: "agent", name: "Ben_*" } });
  service.say("closed", { sender: { role: "system" } });
  await time.pass(100);
  assert.deepEqual(widget.shown, ["user:before", "user:hi", "bot:hello", "bot:**Ben\\_\\***\n\nHere is Ben.", "bot:closed"]);
  assert.equal(widget.$chat.messages.value.at(-1).transparent, true);
  assert.deepEqual(warned, []);
});

test("edits, redactions and attachments", async () => {
  const { time, service, widget, begin } = world({ texts: { removed: "(gone)" } });
  service.say("one", { message_id: "a" });
  service.say("", { metadata: { attachments: [{ name: "scan.png" }, { id: "x" }] } });
  await begin();
  widget.push("user", "two");
  service.say("two", { message_id: "b" });
  service.append({ kind: "edit", message_id: "a", content: "first" });
  await time.pass(100);
  service.append({ kind: "redaction", message_id: "b" });
  await time.pass(100);
  assert.deepEqual(widget.shown, ["user:first", "user:📎 scan\\.png\n\n📎 x", "user:(gone)"]);
});

test("who types, what a run does, and drafts; the widget's own dots are enough while it waits", async () => {
  const { time, service, widget, begin } = world();
  await begin();
  const typing = async (signal) => {
    service.signal(signal);
    await time.pass(100);
    return widget.shown;
  };
  const agent = { person: "p", role: "agent", name: "Ben" };
  assert.deepEqual(await typing({ signal: "typing", typing: [agent, { person: "q", role: "user", name: "Me" }] }), ["bot:Ben …"]);
  assert.deepEqual(await typing({ signal: "typing", typing: [] }), []);
  const run = { run_id: "r", state: "tool", label: "Looking up your order", sender: { role: "assistant" }, started_at: "" };
  assert.deepEqual(await typing({ signal: "runs", runs: [run] }), ["bot:Looking up your order …"]);
  assert.deepEqual(await typing({ signal: "runs", runs: [{ ...run, state: "waiting" }] }), []);
  widget.$chat.waitingForResponse.value = true;
  assert.deepEqual(await typing({ signal: "runs", runs: [run] }), []);
  widget.$chat.waitingForResponse.value = false;
  service.piece("d", "So far");
  await time.pass(100);
  assert.deepEqual(widget.shown, ["bot:So far"]);
  service.say("So far, so good", { message_id: "d", sender: { role: "assistant" } });
  service.signal({ signal: "runs", runs: [] });
  await time.pass(100);
  assert.deepEqual(widget.shown, ["bot:So far, so good"]);
});

test("a session that the widget loads late replaces nothing of the log", async () => {
  const { service, widget, begin } = world();
  service.say("hi");
  service.say("hello", { sender: { role: "assistant" } });
  service.say("pushed", { sender: { role: "assistant" } });
  await begin();
  widget.load([{ id: "0", sender: "user", text: "hi" }, { id: "1", sender: "bot", text: "hello" }]);
  assert.deepEqual(widget.shown, ["user:hi", "bot:hello", "bot:pushed"]);
  assert.deepEqual(widget.$chat.messages.value.map(({ id }) => id).slice(0, 2), ["0", "1"]);
});

test("detached, and taken away by the page, it leaves what the widget itself showed", async () => {
  for (const end of ["detach", "unmount"]) {
    const { time, service, widget, begin } = world();
    service.say("before");
    const companion = await begin();
    widget.push("bot", "its own");
    if (end === "detach") companion.detach();
    else widget._container.ended();
    assert.deepEqual(widget.shown, ["bot:its own"]);
    service.say("after");
    await time.pass(5000);
    assert.deepEqual(widget.shown, ["bot:its own"]);
    assert.deepEqual([widget._container.observers.size, companion.chat.state.connection.state], [0, "closed"]);
  }
});

test("the read marker follows what is seen, and typing is reported where it is wanted", async () => {
  const { time, service, widget, begin } = world({ reportTyping: true });
  service.say("before");
  await begin();
  widget._container.listeners.input();
  await time.pass(2000);
  assert.ok(service.calls.some((call) => call.startsWith("POST") && call.includes("/read")), service.calls.join());
  assert.ok(service.calls.some((call) => call.startsWith("POST") && call.includes("/typing")));
});

const shapes = {
  nothing: () => undefined,
  "an app of another kind": () => ({ config: { globalProperties: {} } }),
  "no list": () => Object.assign(app(), { config: { globalProperties: { $chat: { messages: [] } } } }),
  "another bubble": () => {
    const other = app();
    other.$chat.messages.value = [{ id: 7, role: "user" }];
    return other;
  },
  "no element": () => Object.assign(app(), { _container: null }),
  "no waiting": () => {
    const other = app();
    other.$chat.waitingForResponse = { value: "no" };
    return other;
  },
};
for (const [name, shape] of Object.entries(shapes))
  test(`another widget (${name}) is left as it is, and the console says so once`, async () => {
    const other = shape();
    const before = JSON.stringify(other?.config);
    const fetch = () => assert.fail("it does not even connect");
    const companion = attach(other, { url: "http://service", conversation: "room", environment: new Browser(new VirtualTime()).tab({ fetch }) });
    assert.deepEqual([companion.chat, warned.length, JSON.stringify(other?.config)], [null, 1, before]);
    companion.detach();
  });

test("a widget that comes to do what none did: the companion ends, and says so once", async () => {
  const { time, service, widget, begin } = world();
  await begin();
  widget.push("robot", "hi");
  widget.push("robot", "hi");
  service.say("after");
  await time.pass(1000);
  assert.deepEqual([widget.shown, warned.length], [["robot:hi", "robot:hi"], 1]);
});

test("a workflow that logs nothing gets one line in the console; one that logs gets none", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  for (const [logs, lines] of [[false, 1], [true, 0]]) {
    const { time, service, widget, begin } = world();
    warned.length = 0;
    await begin();
    for (const text of ["one", "two"]) {
      widget.push("user", text);
      if (logs) service.say(text);
      await time.pass(100);
      widget.push("bot", "answer");
      context.mock.timers.tick(11_000);
    }
    assert.equal(warned.filter((text) => text.includes("does not store")).length, lines);
    assert.deepEqual(widget.shown, ["user:one", "bot:answer", "user:two", "bot:answer"]);
  }
});

test("a token that is refused for good is one line in the console, and the widget works on", async () => {
  const { time, service, widget, begin } = world({ token: "wrong" });
  service.token = "right";
  await begin();
  await time.pass(60_000);
  widget.push("user", "hi");
  assert.deepEqual([widget.shown, warned.length], [["user:hi"], 1]);
  assert.match(warned[0], /not followed/);
  assert.doesNotMatch(warned[0], /wrong/);
});
