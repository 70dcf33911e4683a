// The event stream format, however the network cuts it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SseParser } from "../../src/umbral_chat_webchat/web/umbral-chat/sse-parser.js";
import { below, pick, seeded } from "./kit.mjs";

test("a stream means the same however it is cut, with any line breaks", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const expected = [];
    let text = random() < 0.3 ? "\ufeff" : "";
    const ending = pick(random, ["\n", "\r\n", "\r"]);
    const line = () => ending;
    for (let count = below(random, 6); count >= 0; count--) {
      if (random() < 0.3) text += `: ping${line()}${line()}`;
      const event = { event: pick(random, ["entry", "signal", "message"]), data: pick(random, ["{}", "a: b", " x", "", "one\ntwo"]), id: random() < 0.5 ? `e.${count}` : null };
      if (event.id !== null) text += `id: ${event.id}${line()}`;
      if (event.event !== "message") text += `event: ${event.event}${line()}`;
      for (const part of event.data.split("\n")) text += `data: ${part}${line()}`;
      text += line();
      expected.push(event);
    }
    const parser = new SseParser();
    const found = [];
    for (let at = 0; at < text.length; ) {
      const size = 1 + below(random, 7);
      found.push(...parser.push(text.slice(at, at + size)));
      at += size;
    }
    found.push(...parser.push("\n")); // a "\r" at the very end may have waited for it
    assert.deepEqual(found, expected, `seed ${seed}`);
  }
});

test("retry is remembered, comments and unknown fields are not", () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push("retry: 2000\nretry: x\n:c\nfoo: bar\ndata\n\n"), [{ event: "message", data: "", id: null }]);
  assert.equal(parser.retry, 2000);
});

test("an event without an end is bounded", () => {
  const parser = new SseParser();
  assert.throws(() => {
    for (let count = 0; count < 100; count++) parser.push("data: " + "x".repeat(100_000));
  }, RangeError);
});
