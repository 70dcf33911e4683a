// The rows of the list: own messages, groups, days, drafts that become their entry, ended runs, notes between messages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LINGERS, Rows } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/rows.js";
import { below, pick, seeded } from "./kit.mjs";

const AT = Date.parse("2026-03-04T12:00:00Z");
const ada = { role: "user", id: "ada", name: "Ada" };
const bot = { role: "assistant", name: "Bot" };
const viewer = { role: "user", subject: "ada" };

function message(seq, more = {}) {
  const minutes = more.minutes ?? seq;
  return { key: `m${seq}`, seq, message_id: `m${seq}`, version: seq, content: `text ${seq}`, sender: bot, at: new Date(AT + minutes * 60_000).toISOString(), delivery: "sent", ...more };
}

function state(messages, more = {}) {
  return { messages, drafts: [], endedRuns: [], loaded: true, seq: messages.at(-1)?.seq ?? 0, ...more };
}

const keys = (rows) => rows.map(({ key }) => key);

test("messages of one sender within five minutes form a group; another sender, a longer pause and another day begin one", () => {
  const day = 24 * 60;
  const rows = new Rows(viewer).of(
    state([
      message(1, { minutes: 0 }),
      message(2, { minutes: 4 }),
      message(3, { minutes: 5, sender: ada }),
      message(4, { minutes: 6 }),
      message(5, { minutes: 12 }),
      message(6, { minutes: 12 + day }),
    ]),
    null,
  );
  assert.deepEqual(rows.map(({ first }) => first), [true, false, true, true, true, true]);
  assert.deepEqual(rows.map(({ day }) => day), [true, false, false, false, false, true]);
});

test("own messages are those of the viewer's subject and role, or what was sent here where no subject is known", () => {
  const messages = [message(1, { sender: ada }), message(2, { sender: { role: "agent", id: "ada" } }), message(3, { sender: { role: "user", id: "bea" } })];
  const waiting = message(4, { seq: null, message_id: null, key: "c4", client_id: "c4", sender: { role: "user" }, delivery: "pending" });
  assert.deepEqual(new Rows(viewer).of(state([...messages, waiting]), null).map(({ own }) => own), [true, false, false, true]);
  const sentHere = message(4, { key: "c4", client_id: "c4", sender: { role: "user" } });
  const elsewhere = message(5, { client_id: "c5", sender: { role: "user" } });
  const unnamed = new Rows({ role: "user", subject: null }).of(state([sentHere, elsewhere]), null);
  assert.deepEqual(unnamed.map(({ own }) => own), [true, false]);
});

test("a draft keeps its row when its entry replaces it, and stands behind all messages until then", () => {
  const rows = new Rows(viewer);
  const draft = { message_id: "m2", text: "Hel", sender: bot };
  const before = rows.of(state([message(1)], { drafts: [draft] }), null);
  assert.deepEqual(before.map(({ key, kind }) => [key, kind]), [["m1", "message"], ["m2", "draft"]]);
  const after = rows.of(state([message(1), message(2)]), null);
  assert.deepEqual(keys(after), ["m1", "m2"]);
  assert.equal(after[1].first, before[1].first);
});

test("a draft whose end arrives before its entry stays until that is there, and not for ever", () => {
  let now = AT;
  const rows = new Rows(viewer, () => now);
  const draft = (id) => ({ message_id: id, text: "a", sender: bot });
  const one = [message(1)];
  rows.of(state(one, { drafts: [draft("m2"), draft("x")] }), null);
  const ended = rows.of(state(one, { drafts: [] }), null);
  assert.deepEqual([keys(ended), rows.lingering], [["m1", "m2", "x"], true]);
  now += 100;
  assert.deepEqual(keys(rows.of(state([...one, message(2)]), null)), ["m1", "m2", "x"]);
  now += LINGERS;
  const last = state([...one, message(2)]);
  assert.deepEqual([keys(rows.of(last, null)), rows.lingering], [["m1", "m2"], false]);
  assert.equal(rows.of(last, null), rows.of(last, null));
});

test("when earlier messages are loaded, the row that was the first keeps its name, and has a day only where one begins", () => {
  const rows = new Rows(viewer);
  const one = rows.of(state([message(5), message(6)], { hasEarlier: true }), null);
  assert.deepEqual(one.map(({ first, day }) => [first, day]), [[true, false], [false, false]]);
  const two = rows.of(state([message(3), message(4), message(5), message(6)], { hasEarlier: false }), null);
  assert.deepEqual(two.map(({ first, day }) => [first, day]), [[true, true], [false, false], [true, false], [false, false]]);
  const another = new Rows(viewer);
  another.of(state([message(5)], { hasEarlier: true }), null);
  const yesterday = message(4, { minutes: -24 * 60 });
  assert.deepEqual(another.of(state([yesterday, message(5)], { hasEarlier: true }), null).map(({ day }) => day), [false, true]);
});

test("an entry is shown as its draft was, though it came later: in the same group, on the same day", () => {
  let now = AT;
  const rows = new Rows(viewer, () => now);
  const before = rows.of(state([message(1, { minutes: 0 })], { drafts: [{ message_id: "m2", text: "a", sender: bot }] }), null);
  now += 60_000;
  const after = rows.of(state([message(1, { minutes: 0 }), message(2, { minutes: 30 * 60 })]), null);
  assert.deepEqual([before[1].first, before[1].day], [false, false]);
  assert.deepEqual([after[1].first, after[1].day], [false, false]);
});

test("what did not change keeps its identity: rows while a draft grows, and the whole list while nothing does", () => {
  const rows = new Rows(viewer);
  const messages = [message(1), message(2), message(3)];
  const runs = [];
  const draft = (text) => [{ message_id: "d", text, sender: bot }];
  const one = rows.of({ ...state(messages), endedRuns: runs, drafts: draft("a") }, null);
  const two = rows.of({ ...state(messages), endedRuns: runs, drafts: draft("ab") }, null);
  assert.deepEqual(two.slice(0, 3).map((row, at) => row === one[at]), [true, true, true]);
  assert.notEqual(two[3], one[3]);
  const drafts = draft("ab");
  const kept = { ...state(messages), endedRuns: runs, drafts };
  assert.equal(rows.of({ ...kept, typing: [1] }, null), rows.of({ ...kept, typing: [2] }, null));
});

test("a run that ended without a message stands at its place in the log; a completed one, and those before the first page, do not", () => {
  const run = (seq, outcome) => ({ kind: "run", run_id: `r${seq}`, seq, outcome, sender: bot, at: new Date(AT + seq * 60_000).toISOString() });
  const endedRuns = [run(3, "failed"), run(6, "failed"), run(7, "completed"), run(9, "cancelled")];
  const rows = new Rows(viewer).of(state([message(5), message(8)], { endedRuns }), null);
  assert.deepEqual(keys(rows), ["m5", "run:r6", "m8", "run:r9"]);
  assert.deepEqual(keys(new Rows(viewer).of(state([], { endedRuns: [run(1, "failed")] }), null)), ["run:r1"]);
});

test("notes stand between the messages by time, and each log keeps its order", () => {
  const random = seeded(7);
  for (let round = 0; round < 200; round++) {
    const log = (length) => Array.from({ length }, (_, at) => message(at + 1, { minutes: below(random, 20) }));
    const [main, notes] = [log(below(random, 9)), log(below(random, 9))];
    const rows = new Rows(viewer).of(state(main), state(notes));
    assert.equal(rows.length, main.length + notes.length);
    for (const note of [true, false]) {
      const numbers = rows.filter((row) => row.note === note).map(({ seq }) => seq);
      assert.deepEqual(numbers, [...numbers].sort((one, other) => one - other), `round ${round}`);
    }
    assert.equal(new Set(keys(rows)).size, rows.length, "no two rows have one key");
  }
  const rows = new Rows(viewer).of(state([message(1), message(3)]), state([message(2)]));
  assert.deepEqual(keys(rows), ["m1", "note:m2", "m3"]);
  assert.deepEqual(rows.map(({ first }) => first), [true, true, true], "a note is no part of a group of messages");
});

test("the rows of any sequence of states are those of a fresh view of the last", () => {
  const random = seeded(11);
  for (let round = 0; round < 100; round++) {
    const rows = new Rows(viewer, () => AT);
    let messages = [];
    let drafts = [];
    for (let step = 0; step < 12; step++) {
      const seq = messages.length + 1;
      const what = below(random, 4);
      if (what === 0) messages = [...messages, message(seq, { sender: pick(random, [ada, bot]), minutes: seq * pick(random, [1, 6, 700]) })];
      else if (what === 1 && messages.length) messages = messages.map((one, at) => (at === 0 ? { ...one, content: `${step}`, edited_at: one.at } : one));
      else if (what === 2) drafts = [{ message_id: "d", text: "x".repeat(step), sender: bot }];
      else drafts = [];
      const now = { ...state(messages), drafts };
      // A draft is placed once, and not moved by what comes before it.
      // One that ended stays for a moment.
      const logged = (found) => found.of(now, null).filter(({ kind }) => kind !== "draft");
      assert.deepEqual(logged(rows), logged(new Rows(viewer, () => AT)), `round ${round}, step ${step}`);
    }
  }
});
