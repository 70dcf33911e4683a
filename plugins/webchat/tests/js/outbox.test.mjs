// Messages on their way out: in order, each once, through reloads, outages and refusals.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem, Unreachable } from "../../src/umbral_chat_webchat/web/umbral-chat/errors.js";
import { Outbox } from "../../src/umbral_chat_webchat/web/umbral-chat/outbox.js";
import { Waker } from "../../src/umbral_chat_webchat/web/umbral-chat/waker.js";
import { webStorage } from "../../src/umbral_chat_webchat/web/umbral-chat/storage.js";
import { Browser, seeded, settle, VirtualTime } from "./kit.mjs";

function rig({ post, time = new VirtualTime(), browser = new Browser(time), seconds = 3600, storage } = {}) {
  const env = browser.tab();
  const waker = new Waker(env);
  const changes = [];
  const outbox = new Outbox({ env, storage: storage === undefined ? env.storage : storage, seconds, waker, post, changed: (item) => changes.push(item) });
  return { outbox, time, browser, waker, changes, controller: new AbortController() };
}

const body = (name) => ({ content: name, client_id: name });
const states = (outbox) => outbox.items.map((item) => `${item.body.client_id} ${item.state}${item.error ? " " + item.error.code : ""}`);

test("messages are sent in order, and kept until they are stored", async () => {
  const sent = [];
  const { outbox, browser, controller } = rig({ post: async ({ client_id }) => (sent.push(client_id), { seq: sent.length }) });
  await outbox.load("box:");
  ["a", "b", "c"].forEach((name) => outbox.add(body(name)));
  await settle();
  assert.deepEqual([...browser.kept.keys()], ["box:a", "box:b", "box:c"]);
  await outbox.drain(controller.signal);
  assert.deepEqual(sent, ["a", "b", "c"]);
  assert.deepEqual(states(outbox), ["a sent", "b sent", "c sent"]);
  await settle();
  assert.equal(browser.kept.size, 0);
  assert.equal(outbox.confirm(2, new Set()), true);
  assert.deepEqual(states(outbox), ["c sent"], "what the log does not have yet is still shown");
});

test("an outage of any length is waited for, with pauses that grow, and nothing is sent twice", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed);
    const time = new VirtualTime();
    const stored = new Set();
    const order = [];
    let calls = 0;
    const post = async ({ client_id }) => {
      calls += 1;
      const fate = random();
      if (fate < 0.3) throw new Unreachable("no answer");
      if (fate < 0.4) throw new Problem(503, { code: "history_unavailable" }, 3);
      if (fate < 0.5) throw new Problem(429, { code: "rate_limited" }, 2);
      if (!stored.has(client_id)) (stored.add(client_id), order.push(client_id)); // the service's idempotency
      if (fate < 0.6) throw new Unreachable("the answer was lost");
      return { seq: order.length };
    };
    const { outbox, controller } = rig({ post, time, browser: new Browser(time, random) });
    const names = Array.from({ length: 10 }, (_, at) => `m${at}`);
    names.forEach((name) => outbox.add(body(name)));
    const done = outbox.drain(controller.signal);
    await time.pass(1800_000);
    await done;
    assert.deepEqual(order, names, `seed ${seed}`);
    assert.ok(calls < 200, `${calls} calls: a loop`);
  }
});

test("a refusal fails the message with its code and lets the next ones go; retry sends it again", async () => {
  let refuse = true;
  const sent = [];
  const post = async ({ client_id }) => {
    if (client_id === "b" && refuse) throw new Problem(413, { code: "body_too_large", detail: "too large" });
    sent.push(client_id);
    return { seq: sent.length };
  };
  const { outbox, browser, controller } = rig({ post });
  await outbox.load("box:");
  ["a", "b", "c"].forEach((name) => outbox.add(body(name)));
  await outbox.drain(controller.signal);
  assert.deepEqual(states(outbox), ["a sent", "b failed body_too_large", "c sent"]);
  await settle();
  assert.deepEqual([...browser.kept.keys()], ["box:b"], "it is kept, to be sent again or dropped");
  refuse = false;
  outbox.retry("b");
  assert.deepEqual(states(outbox)[1], "b pending");
  await outbox.drain(controller.signal);
  assert.deepEqual(sent, ["a", "c", "b"]);
});

test("trying has an end", async () => {
  const { outbox, time, controller, browser } = rig({ post: async () => Promise.reject(new Unreachable("never")), seconds: 60 });
  await outbox.load("box:");
  outbox.add(body("a"));
  const done = outbox.drain(controller.signal);
  await time.pass(61_000);
  await done;
  assert.deepEqual(states(outbox), ["a failed expired"]);
  outbox.discard("a");
  await settle();
  assert.deepEqual([outbox.items.length, browser.kept.size], [0, 0]);
});

test("a reload finds what was not sent, oldest first, and what was added before the storage was read", async () => {
  const first = rig({ post: async () => Promise.reject(new Unreachable("offline")) });
  await first.outbox.load("box:");
  for (const name of ["z", "a"]) {
    first.outbox.add(body(name));
    await first.time.pass(1000);
  }
  const again = rig({ post: async () => ({ seq: 1 }), time: first.time, browser: first.browser });
  again.outbox.add(body("new"));
  await again.outbox.load("box:");
  assert.deepEqual(states(again.outbox), ["z pending", "a pending", "new pending"]);
  assert.ok(again.browser.kept.has("box:new"));
  const foreign = rig({ post: async () => ({ seq: 1 }), time: first.time, browser: first.browser });
  await foreign.outbox.load("box of another person:");
  assert.deepEqual(foreign.outbox.items, []);
});

test("a storage that fails or holds nonsense costs only what it would have kept", async () => {
  const broken = { load: () => { throw new Error("denied"); }, save: () => Promise.reject(new Error("full")), remove: () => { throw new Error("denied"); } };
  const { outbox, controller } = rig({ post: async () => ({ seq: 1 }), storage: broken });
  await outbox.load("box:");
  outbox.add(body("a"));
  await outbox.drain(controller.signal);
  assert.deepEqual(states(outbox), ["a sent"]);
  const kept = new Map([["box:x", "{"], ["box:y", "null"], ["box:z", '{"body": {"content": 1}}']]);
  const area = { get length() { return kept.size; }, key: (at) => [...kept.keys()][at], getItem: (key) => kept.get(key) ?? null };
  const second = rig({ post: async () => ({ seq: 1 }), storage: webStorage(area) });
  await second.outbox.load("box:");
  assert.deepEqual(second.outbox.items, []);
});

test("the outbox is bounded", () => {
  const { outbox } = rig({ post: async () => ({ seq: 1 }), storage: null });
  for (let at = 0; at < 200; at++) outbox.add(body(`m${at}`));
  assert.throws(() => outbox.add(body("more")), { code: "outbox_full" });
});

test("a message that the log brings before the answer is not shown twice", async () => {
  const { outbox, controller } = rig({
    post: async () => {
      outbox.confirm(7, new Set(["a"]));
      return { seq: 7 };
    },
  });
  outbox.add(body("a"));
  await outbox.drain(controller.signal);
  assert.deepEqual(outbox.items, []);
});
