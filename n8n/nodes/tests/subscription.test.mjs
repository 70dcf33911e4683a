// The trigger's subscription against a stand-in for the service's subscriptions.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, test } from "node:test";

const require = createRequire(import.meta.url);
const { nameOf, Refused, Subscription, testNameOf } = require("../dist/nodes/UmbralChatTrigger/subscription.js");

/** The calls of the contract: one claim of a conversation at a time, leases without an end. */
class Service {
  subscriptions = new Map();
  log = [];
  faults = [];

  call = async (method, path, body = {}) => {
    const [, , , name, verb] = path.split("/");
    this.log.push(`${method} ${verb ?? name ?? ""}`.trim());
    const fault = this.faults.shift();
    if (fault instanceof Error) throw fault;
    if (fault) return { statusCode: fault, body: { code: `code_${fault}`, title: "Fault", detail: "" } };
    const found = this.subscriptions.get(decodeURIComponent(name ?? body.name));
    if (method === "POST" && !name) {
      const same = JSON.stringify(found?.filter) === JSON.stringify(body.filter);
      if (found && !same) return { statusCode: 409, body: { code: "subscription_exists", title: "Conflict", detail: "" } };
      if (!found) this.subscriptions.set(body.name, { filter: body.filter, start: body.start, paused: false, queues: new Map(), open: new Map(), acked: [], released: [] });
      return { statusCode: found ? 200 : 201, body: {} };
    }
    if (!found) return { statusCode: 404, body: { code: "subscription_not_found", title: "Not found", detail: "" } };
    if (method === "DELETE") return this.subscriptions.delete(decodeURIComponent(name)), { statusCode: 204, body: null };
    if (method === "PATCH") return (found.paused = body.paused), { statusCode: 200, body: {} };
    if (verb === "claim" && found.paused) return { statusCode: 409, body: { code: "subscription_paused", title: "Conflict", detail: "" } };
    if (verb === "claim") return { statusCode: 200, body: { claims: await this.#claim(found, body) } };
    for (const id of body.claim_ids) {
      const claim = found.open.get(id);
      if (!claim) return { statusCode: 409, body: { code: "claim_expired", title: "Expired", detail: "" } };
      found.open.delete(id);
      if (verb === "release") {
        found.released.push(body);
        found.queues.get(claim.conversation).unshift(...claim.entries);
      }
      else found.acked.push(...claim.entries.map((event) => event.content));
    }
    return { statusCode: 200, body: {} };
  };

  write(name, conversation, content) {
    const { queues } = this.subscriptions.get(name);
    queues.set(conversation, [...(queues.get(conversation) ?? []), { id: content, type: "entry", conversation, content, entry: { content } }]);
  }

  async #claim(found, { max, entries }) {
    await new Promise((resolve) => setImmediate(resolve));
    const claims = [];
    const busy = new Set([...found.open.values()].map(({ conversation }) => conversation));
    for (const [conversation, queue] of found.queues) {
      if (!queue.length || busy.has(conversation) || claims.length === max) continue;
      const claim = { claim_id: `c${Math.random()}`, conversation, entries: queue.splice(0, entries) };
      found.open.set(claim.claim_id, claim);
      claims.push(claim);
    }
    return claims;
  }
}

/** What a test that failed left running. */
const begun = [];
afterEach(() => begun.splice(0).forEach((subscription) => (subscription.stopped = true)));

const WANTED = { name: "n8n.w.n", filter: { roles: ["user"] }, temporary: false, entries: 1, lease: 60, acknowledge: "start" };

function world(wanted = {}, deliver = async () => true) {
  const service = new Service();
  const delivered = [];
  const reported = [];
  const slept = [];
  const surroundings = {
    call: service.call,
    deliver: async (claim) => (delivered.push(...claim.entries.map(({ content }) => content)), deliver(claim)),
    sleep: async (ms) => (slept.push(ms), new Promise((resolve) => setImmediate(resolve))),
    random: () => 0.5,
    report: (problem) => reported.push(problem),
  };
  const start = () => (begun.push(new Subscription({ ...WANTED, ...wanted }, surroundings)), begun.at(-1));
  return { service, delivered, reported, slept, start };
}

async function until(condition) {
  for (let turn = 0; turn < 2000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail("not in time");
}

test("made at now, claimed, acknowledged in order; paused at the end, and taken up where it was", async () => {
  const { service, delivered, start } = world();
  for (const [first, second] of [["1", "2"], ["3", "4"]]) {
    const subscription = start();
    await subscription.begin();
    const followed = subscription.follow();
    const state = service.subscriptions.get("n8n.w.n");
    assert.deepEqual([state.paused, state.start], [false, "now"]);
    service.write("n8n.w.n", "a", first);
    service.write("n8n.w.n", "a", second);
    await until(() => state.acked.includes(second));
    await subscription.end();
    await followed;
    assert.equal(state.paused, true);
  }
  assert.deepEqual(delivered, ["1", "2", "3", "4"]);
});

test("a test in the editor has one of its own, which is gone afterwards", async () => {
  const { service, start } = world({ name: "n8n.test.n", temporary: true });
  const subscription = start();
  await subscription.begin();
  const followed = subscription.follow();
  assert.equal(service.subscriptions.size, 1);
  await subscription.end();
  await followed;
  assert.equal(service.subscriptions.size, 0);
});

test("conversations run beside each other, and one that fails is given again while it alone waits", async () => {
  let failing = true;
  const { service, delivered, start } = world({ acknowledge: "success" }, async ({ entries: [{ content }] }) => content !== "a1" || !failing);
  const subscription = start();
  await subscription.begin();
  const state = service.subscriptions.get("n8n.w.n");
  for (const content of ["a1", "a2"]) service.write("n8n.w.n", "a", content);
  for (const content of ["b1", "b2", "b3"]) service.write("n8n.w.n", "b", content);
  const followed = subscription.follow();
  await until(() => state.acked.includes("b3"));
  assert.equal(delivered.includes("a2"), false);
  failing = false;
  await until(() => state.acked.includes("a2"));
  await subscription.end();
  await followed;
  assert.deepEqual(state.acked.filter((one) => one.startsWith("a")), ["a1", "a2"]);
});

test("a failed execution counts as a try of its entry, so that the service gives it up at last", async () => {
  const outcomes = [async () => false, async () => { throw new Error("not active"); }];
  const { service, reported, start } = world({ acknowledge: "success" }, async (claim) => (await outcomes.shift()?.(claim)) ?? true);
  const subscription = start();
  await subscription.begin();
  const state = service.subscriptions.get("n8n.w.n");
  service.write("n8n.w.n", "a", "1");
  const followed = subscription.follow();
  await until(() => state.acked.length === 1);
  await subscription.end();
  await followed;
  const [failed, notRun] = state.released;
  assert.deepEqual([failed.failed, failed.reason, failed.delay > 0], [true, "The execution of the workflow failed", true]);
  // Where the workflow could not be run at all, that is the fault of no entry.
  assert.deepEqual([notRun.failed, notRun.reason, notRun.delay > 0], [undefined, undefined, true]);
  assert.equal(reported.length, 1);
});

test("a batch is one delivery", async () => {
  const { service, start } = world({ entries: 100 });
  const subscription = start();
  await subscription.begin();
  for (const content of ["1", "2", "3"]) service.write("n8n.w.n", "a", content);
  const followed = subscription.follow();
  const state = service.subscriptions.get("n8n.w.n");
  await until(() => state.acked.length === 3);
  assert.equal(service.log.filter((one) => one === "POST ack").length, 1);
  await subscription.end();
  await followed;
});

test("another filter makes it anew, from now", async () => {
  const { service, start } = world();
  await start().begin();
  service.subscriptions.get("n8n.w.n").filter = { roles: ["agent"] };
  await start().begin();
  assert.deepEqual(service.subscriptions.get("n8n.w.n").filter, { roles: ["user"] });
});

test("a service that does not answer is asked again, with growing pauses, and reported once", async () => {
  const { service, reported, slept, start } = world();
  const subscription = start();
  await subscription.begin();
  service.faults.push(...Array.from({ length: 12 }, (_, at) => (at % 2 ? 503 : new Error("ECONNREFUSED"))));
  service.write("n8n.w.n", "a", "1");
  const followed = subscription.follow();
  const state = service.subscriptions.get("n8n.w.n");
  await until(() => state.acked.length === 1);
  await subscription.end();
  await followed;
  assert.equal(reported.length, 1);
  assert.ok(slept.slice(0, 6).every((ms, at) => at === 0 || ms > slept[at - 1]), slept.join());
  assert.ok(Math.max(...slept) <= 30_000);
});

test("an operator pauses it and resumes it: the trigger waits, and does not resume it itself", async () => {
  const { service, reported, slept, start } = world();
  const subscription = start();
  await subscription.begin();
  const followed = subscription.follow();
  const state = service.subscriptions.get("n8n.w.n");
  state.paused = true;
  await until(() => slept.length > 0); // the claim that waited is over
  service.write("n8n.w.n", "a", "1");
  await until(() => slept.length > 3);
  assert.deepEqual([state.paused, state.acked], [true, []]);
  state.paused = false;
  await until(() => state.acked.length === 1);
  assert.deepEqual(reported.map(({ code }) => code), ["subscription_paused"]);
  await subscription.end();
  await followed;
});

test("one that is refused for good ends: deleted, or without the right", async () => {
  for (const status of [403, 404]) {
    const { service, start } = world();
    const subscription = start();
    await subscription.begin();
    if (status === 404) service.subscriptions.clear();
    else service.faults.push(403);
    await assert.rejects(subscription.follow(), (error) => error instanceof Refused && error.problem.status === status);
  }
  const { service, start } = world();
  service.faults.push(403);
  await assert.rejects(start().begin(), Refused);
});

test("an acknowledgement is tried again; one that came too late is another's", async () => {
  const { service, delivered, start } = world();
  const subscription = start();
  await subscription.begin();
  const state = service.subscriptions.get("n8n.w.n");
  service.write("n8n.w.n", "a", "1");
  const { call } = service;
  let acks = 0;
  subscription.surroundings.call = async (method, path, body) => {
    if (path.endsWith("/ack") && ++acks === 1) return { statusCode: 503, body: {} };
    if (path.endsWith("/ack") && acks === 3) state.open.clear();
    return call(method, path, body);
  };
  const followed = subscription.follow();
  await until(() => state.acked.length === 1);
  service.write("n8n.w.n", "a", "2");
  await until(() => acks === 3);
  await subscription.end();
  await followed;
  assert.deepEqual(delivered, ["1", "2"]);
});

test("names are those that a subscription may have", () => {
  const uuid = "3f0b8f6d-2a01-4e0c-9d5a-b1a7c0de51b9";
  for (const name of [nameOf("w".repeat(40), uuid), nameOf("a b/c", "ü.x"), testNameOf(uuid, "0123456789abcdef")]) assert.match(name, /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
  assert.notEqual(testNameOf(uuid, "a".repeat(12)), testNameOf(uuid, "b".repeat(12)));
});
