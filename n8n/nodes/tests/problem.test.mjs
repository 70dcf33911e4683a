// Errors name the service's code and what mends them, and never a secret.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const { nodeError, problemOf, unreachable } = require("../dist/nodes/problem.js");
const node = { id: "n", name: "Umbral Chat", type: "umbralChat", typeVersion: 1, position: [0, 0], parameters: {} };

test("a problem's title, code and detail are shown", () => {
  const body = { status: 409, code: "client_id_conflict", title: "Conflict", detail: "Use another client_id." };
  const error = nodeError(node, problemOf({ statusCode: 409, body }), 3);
  assert.deepEqual([error.message, error.description, error.httpCode, error.context.itemIndex], ["Conflict (client_id_conflict)", "Use another client_id.", "409", 3]);
});

test("a refused key says where keys are", () => {
  const error = nodeError(node, problemOf({ statusCode: 401, body: JSON.stringify({ code: "unauthorized", title: "Unauthorized", detail: "" }) }));
  assert.match(error.description, /API key in the credential/);
});

test("a proxy's page is a code, not its HTML", () => {
  const { code, detail } = problemOf({ statusCode: 502, body: "<html>Bad gateway</html>" });
  assert.deepEqual([code, detail], ["http_502", ""]);
});

test("no answer at all says what to check", () => {
  const error = nodeError(node, unreachable(Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" })));
  assert.match(error.message, /does not answer \(unreachable\)/);
  assert.match(error.description, /base URL/);
});
