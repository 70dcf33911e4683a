// What each operation asks for, and the ids that make a repeated try harmless.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const { itemsOf, requestOf } = require("../dist/nodes/UmbralChat/operations.js");
const { properties } = require("../dist/nodes/UmbralChat/properties.js");
const { clientId, runId } = require("../dist/nodes/UmbralChat/ids.js");

const IDS = { clientId: "n8n-1", runId: "n8n-run" };
const ask = (resource, operation, given = {}) => requestOf(resource, operation, (name) => ({ conversation: "a/b", ...given })[name], IDS);
const ROOM = "/v1/conversations/a%2Fb";

const cases = [
  ["message", "send", { content: "hi", role: "user", options: { senderId: "v", metadata: '{"a":1}', replyTo: "m1", senderName: "" } },
    ["POST", `${ROOM}/messages`, { content: "hi", sender: { role: "user", id: "v" }, client_id: "n8n-1", reply_to: "m1", metadata: { a: 1 } }]],
  ["message", "send", { content: { a: [1] }, role: "assistant", options: { clientId: "mine" } },
    ["POST", `${ROOM}/messages`, { content: '{"a":[1]}', sender: { role: "assistant" }, client_id: "mine" }]],
  ["message", "send", { content: "x", role: "assistant", options: { ofRun: true, metadata: { a: 1 } } },
    ["POST", `${ROOM}/messages`, { content: "x", sender: { role: "assistant" }, client_id: "n8n-1", metadata: { a: 1, umbral_run: "n8n-run" } }]],
  ["message", "edit", { content: "better", messageId: "m/1" }, ["PATCH", `${ROOM}/messages/m%2F1`, { content: "better" }]],
  ["message", "redact", { messageId: "m1" }, ["DELETE", `${ROOM}/messages/m1`, undefined]],
  ["message", "getAll", { limit: 5, options: { before: 9 } }, ["GET", `${ROOM}/messages`, undefined, { limit: 5, before: "9" }]],
  ["conversation", "get", {}, ["GET", ROOM, undefined]],
  ["conversation", "transcript", { format: "text" }, ["GET", `${ROOM}/transcript`, undefined, { format: "text" }]],
  ["conversation", "presence", {}, ["GET", `${ROOM}/presence`, undefined]],
  ["conversation", "handOver", {}, ["PATCH", ROOM, { responder: "human" }]],
  ["conversation", "handBack", {}, ["PATCH", ROOM, { responder: "assistant" }]],
  ["conversation", "close", {}, ["PATCH", ROOM, { status: "closed" }]],
  ["conversation", "reopen", {}, ["PATCH", ROOM, { status: "open" }]],
  ["typing", "start", { role: "assistant", seconds: 30 }, ["POST", `${ROOM}/typing`, { sender: { role: "assistant" }, seconds: 30 }]],
  ["typing", "stop", { role: "agent", options: { senderId: "ben" } }, ["POST", `${ROOM}/typing`, { sender: { role: "agent", id: "ben" }, typing: false }]],
  ["run", "start", { role: "assistant", options: { forSeq: 3 } }, ["POST", `${ROOM}/runs`, { run_id: "n8n-run", sender: { role: "assistant" }, for_seq: 3 }]],
  ["run", "progress", { state: "tool", label: "Looking", ttl: 60 }, ["POST", `${ROOM}/runs/n8n-run/progress`, { state: "tool", label: "Looking", ttl: 60 }]],
  ["run", "progress", { state: "writing", label: "", ttl: 0, runId: "mine" }, ["POST", `${ROOM}/runs/mine/progress`, { state: "writing" }]],
  ["run", "end", { outcome: "failed", reason: "timeout" }, ["POST", `${ROOM}/runs/n8n-run/end`, { outcome: "failed", reason: "timeout" }]],
  ["token", "create", { subject: "v", rights: ["read"], ttl: 60, options: { name: "Ada" } },
    ["POST", "/v1/tokens", { conversation: "a/b", subject: "v", name: "Ada", rights: ["read"], ttl: 60 }]],
];
for (const [resource, operation, given, [method, path, body, qs]] of cases)
  test(`${resource}: ${operation} ${JSON.stringify(given)}`, () => {
    const request = ask(resource, operation, given);
    assert.deepEqual([request.method, request.path, request.body, request.qs], [method, path, body, qs]);
  });

test("every operation of the editor is one, and the other way round", () => {
  const offered = properties
    .filter(({ name }) => name === "operation")
    .flatMap(({ displayOptions, options }) => options.map(({ value }) => `${displayOptions.show.resource[0]}:${value}`));
  assert.deepEqual(offered.sort(), [...new Set(cases.map(([resource, operation]) => `${resource}:${operation}`))].sort());
  for (const one of offered) ask(...one.split(":"), { messageId: "m", content: "c" });
});

test("what cannot be asked for says why", () => {
  assert.throws(() => ask("message", "explode"), /no operation/);
  assert.throws(() => ask("message", "send", { conversation: "" }), /sessionId/);
  for (const metadata of ["{", "[1]", "null", "7"]) assert.throws(() => ask("message", "send", { content: "x", options: { metadata } }), /JSON object/);
});

test("answers become items", () => {
  const page = { messages: [{ seq: 1 }, { seq: 2 }], cursor: "e.2", has_more: false };
  assert.deepEqual(itemsOf("message", "getAll", page), [1, 2].map((seq) => ({ seq, page: { cursor: "e.2", has_more: false } })));
  assert.deepEqual(itemsOf("conversation", "transcript", [{ role: "user" }]), [{ messages: [{ role: "user" }] }]);
  assert.deepEqual(itemsOf("conversation", "transcript", "text"), [{ transcript: "text" }]);
  assert.deepEqual(itemsOf("message", "send", { entry: {} }), [{ entry: {} }]);
  assert.deepEqual(itemsOf("message", "redact", null), [{}]);
});

test("a try again has the same id; anything else of a run another", () => {
  const origin = { instance: "i", workflow: "w", execution: "7", began: 1, node: "n", round: 0, item: 0 };
  assert.equal(clientId(origin), clientId({ ...origin }));
  const others = [["instance", "j"], ["workflow", "v"], ["execution", "8"], ["began", 2], ["began", undefined], ["node", "m"], ["round", 1], ["item", 1]];
  const ids = others.map(([name, value]) => clientId({ ...origin, [name]: value }));
  assert.equal(new Set([clientId(origin), ...ids]).size, others.length + 1);
  assert.ok(ids.every((id) => /^[\w-]{1,128}$/.test(id)));
  assert.equal(runId(origin), runId({ ...origin, node: "m", round: 3, item: 5 }));
  assert.notEqual(runId(origin), runId({ ...origin, began: 2 }));
});
