// Which own messages were read, and by whom.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Seen } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/seen.js";
import { languages, pick } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/strings.js";
import { below, seeded } from "./kit.mjs";

const strings = pick(["en"]);
const agent = { role: "agent", subject: "grace" };
const reader = (subject, seq, more = {}) => ({ subject, role: "user", seq, ...more });

test("an own message is seen once somebody else has read it, and an agent sees by whom", () => {
  const seen = new Seen(agent, strings);
  assert.equal(seen.of(1), null);
  const readers = [reader("ada", 5, { name: "Ada" }), reader("bob", 3), reader("grace", 9, { role: "agent", name: "Grace" })];
  assert.equal(seen.take(readers), true);
  assert.equal(seen.take(readers), false, "the same list");
  assert.deepEqual([1, 3, 4, 5, 6].map((seq) => seen.of(seq)), ["Seen by Ada and Visitor", "Seen by Ada and Visitor", "Seen by Ada", "Seen by Ada", null]);
  assert.equal(seen.of(null), null, "it is not stored yet");
  seen.take([]);
  assert.equal(seen.of(1), null, "they do not allow it any more");
});

test("a visitor sees that, and not by whom; its own reading on another device does not count", () => {
  const seen = new Seen({ role: "user", subject: "ada" }, strings);
  seen.take([reader("ada", 5), reader("grace", 2, { role: "agent", name: "Grace" })]);
  assert.deepEqual([seen.of(2), seen.of(3)], ["Seen", null]);
  const unknown = new Seen({ role: "user", subject: null }, strings);
  unknown.take([reader("ada", 5)]);
  assert.equal(unknown.of(1), null, "who is it oneself is not known");
});

test("whoever reads how far, a message is seen exactly if one of the others has read up to it", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed);
    const seen = new Seen(agent, strings);
    const readers = Array.from({ length: below(random, 8) }, (_, at) => reader(`r${at}`, 1 + below(random, 10), { name: `R${at}` }));
    seen.take(readers);
    for (let seq = 1; seq <= 11; seq++) {
      const expected = readers.filter((one) => one.seq >= seq);
      const words = seen.of(seq);
      assert.equal(words !== null, expected.length > 0, `seed ${seed}`);
      if (expected.length && expected.length <= 4) for (const { name } of expected) assert.ok(words.includes(name), `seed ${seed}: ${words}`);
    }
  }
});

test("every language has words for it", () => {
  for (const texts of Object.values(languages)) assert.ok(texts.seen && texts["seen.by"].includes("{names}"));
});
