// Drafts by pieces, and the lists of who types, who is here and what runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Signals } from "../../src/umbral_chat_webchat/web/umbral-chat/signals.js";
import { below, pick, seeded } from "./kit.mjs";

const never = () => false;
const sender = { role: "assistant" };
const piece = (offset, text, message_id = "a") => ({ signal: "draft", message_id, offset, text, sender });

test("pieces are put at code points, whatever the characters", () => {
  const alphabet = [..."aé漢😀👩‍🚀\u0301", "\u{1F1E9}"];
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const signals = new Signals();
    let expected = [];
    for (let step = 0; step < 20; step++) {
      const offset = random() < 0.8 ? expected.length : below(random, expected.length + 1);
      const text = Array.from({ length: below(random, 5) }, () => pick(random, alphabet)).join("");
      expected = [...expected.slice(0, offset), ...text];
      assert.equal(signals.signal(piece(offset, text), never), true);
      assert.equal(signals.drafts.get("a").text, expected.join(""), `seed ${seed}`);
    }
  }
});

test("a piece past the end is a gap and changes nothing", () => {
  const signals = new Signals();
  assert.equal(signals.signal(piece(3, "x"), never), "gap");
  assert.equal(signals.drafts.size, 0);
  signals.signal(piece(0, "abc"), never);
  assert.equal(signals.signal(piece(4, "x"), never), "gap");
  assert.equal(signals.drafts.get("a").text, "abc");
});

test("a draft ends by its signal, by its entry, and is not begun again after it is written", () => {
  const signals = new Signals();
  signals.signal(piece(0, "abc"), never);
  assert.equal(signals.signal({ signal: "draft", message_id: "a", ended: true }, never), true);
  assert.equal(signals.signal({ signal: "draft", message_id: "a", ended: true }, never), false);
  signals.signal(piece(0, "abc"), never);
  signals.entry({ kind: "message", message_id: "a" });
  assert.equal(signals.drafts.size, 0);
  assert.equal(signals.signal(piece(0, "late"), () => true), false);
});

test("what an edge pushes may be newer than a poll: only longer drafts are taken then", () => {
  const signals = new Signals();
  signals.signal(piece(0, "abcdef"), never);
  const answer = { drafts: [{ message_id: "a", offset: 0, text: "abc", sender }, { message_id: "b", offset: 0, text: "x", sender }], typing: [], runs: [] };
  signals.signal({ signal: "typing", typing: [{ person: "p", role: "user" }] }, never);
  signals.answer(answer, { pushed: true, written: never });
  assert.deepEqual([...signals.drafts.values()].map(({ text }) => text), ["abcdef", "x"]);
  assert.equal(signals.typing.length, 1);
  signals.answer(answer, { pushed: false, written: never });
  assert.deepEqual([...signals.drafts.values()].map(({ text }) => text), ["abc", "x"]);
  assert.equal(signals.typing.length, 0);
});

test("a list that did not change is no change, and keeps its identity; unknown signals are ignored", () => {
  const signals = new Signals();
  const runs = [{ run_id: "r", state: "thinking", sender, started_at: "" }];
  assert.equal(signals.signal({ signal: "runs", runs }, never), true);
  const before = signals.runs;
  assert.equal(signals.signal({ signal: "runs", runs: structuredClone(runs) }, never), false);
  assert.equal(signals.runs, before);
  assert.equal(signals.signal({ signal: "of a later version" }, never), false);
  signals.entry({ kind: "run", run_id: "r", outcome: "failed" });
  assert.deepEqual(signals.runs, []);
});

test("the list of readers replaces the one before, and one reader's marker only rises", () => {
  const signals = new Signals();
  const ada = { subject: "ada", role: "user", seq: 2 };
  assert.equal(signals.signal({ signal: "readers", readers: [ada] }, never), true);
  assert.equal(signals.signal({ signal: "readers", readers: [{ ...ada }] }, never), false);
  assert.equal(signals.signal({ signal: "read", subject: "ada", seq: 1 }, never), false);
  assert.equal(signals.signal({ signal: "read", subject: "ada", seq: 5 }, never), true);
  assert.equal(signals.signal({ signal: "read", subject: "Bob", role: "agent", name: "Bob", seq: 3 }, never), true);
  assert.deepEqual(signals.readers, [{ subject: "Bob", role: "agent", name: "Bob", seq: 3 }, { ...ada, seq: 5 }]);
  assert.equal(signals.signal({ signal: "read", subject: "ada", seq: 0 }, never), true);
  assert.deepEqual(signals.readers.map(({ subject }) => subject), ["Bob"]);
  assert.equal(signals.signal({ signal: "read", subject: "ada", seq: 0 }, never), false);
});

test("a poll's readers count unless an edge pushes, and another tab gets them", () => {
  const signals = new Signals();
  const readers = [{ subject: "ada", role: "user", seq: 2 }];
  signals.answer({ readers }, { pushed: true, written: never });
  assert.deepEqual(signals.readers, []);
  assert.equal(signals.answer({ readers }, { pushed: false, written: never }), true);
  assert.deepEqual(signals.readers, readers);
  const other = new Signals();
  for (const signal of signals.all()) other.signal(signal, never);
  assert.deepEqual(other.readers, readers);
  assert.equal(signals.answer({}, { pushed: false, written: never }), false, "a service of an older version has none");
});
