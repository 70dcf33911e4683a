// What is announced, what counts as unseen, and where the marker "new messages" stands.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reading } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/reading.js";

const row = (seq, more = {}) => ({ key: `m${seq}`, kind: "message", seq, own: false, note: false, ...more });
const state = (seq, more = {}) => ({ loaded: true, seq, ...more });
const upTo = (seq, own = []) => Array.from({ length: seq }, (_, at) => row(at + 1, { own: own.includes(at + 1) }));
const announced = ({ rows, count }) => [...rows.map(({ key }) => key), ...(count ? [count] : [])];

test("the history is not announced, nor what is loaded before it; what comes is, once and whole", () => {
  const reading = new Reading();
  assert.deepEqual(announced(reading.take({ loaded: false, seq: 0 }, null, [], true)), []);
  assert.deepEqual(announced(reading.take(state(3), null, upTo(3).slice(2), true)), []);
  assert.deepEqual(announced(reading.take(state(3), null, upTo(3), true)), [], "earlier messages");
  assert.deepEqual(announced(reading.take(state(4), null, upTo(4), true)), ["m4"]);
  assert.deepEqual(announced(reading.take(state(4), null, upTo(4), true)), []);
});

test("a draft is announced by its entry alone, and an edit not at all", () => {
  const reading = new Reading();
  reading.take(state(1), null, upTo(1), true);
  const draft = row(null, { key: "m2", kind: "draft" });
  assert.deepEqual(announced(reading.take(state(1), null, [...upTo(1), draft], true)), []);
  assert.deepEqual(announced(reading.take(state(2), null, upTo(2), true)), ["m2"]);
  assert.deepEqual(announced(reading.take(state(3), null, upTo(2), true)), [], "entry 3 is an edit of the first");
});

test("own messages are not announced; of many at once only their number is", () => {
  const reading = new Reading();
  reading.take(state(0), null, [], true);
  assert.deepEqual(announced(reading.take(state(2), null, upTo(2, [1]), true)), ["m2"]);
  assert.deepEqual(announced(reading.take(state(8), null, upTo(8, [1]), true)), [6]);
});

test("the marker stands above the oldest message that was not seen, and stays when it was", () => {
  const reading = new Reading();
  reading.take(state(2), null, upTo(2), true);
  reading.take(state(3), null, upTo(3), false);
  reading.take(state(5), null, upTo(5, [4]), false);
  assert.deepEqual([reading.marker, reading.unseen], ["m3", 2], "the own message does not count");
  reading.seen();
  assert.deepEqual([reading.marker, reading.unseen], ["m3", 0]);
  reading.take(state(6), null, upTo(6, [4]), true);
  assert.equal(reading.marker, "m3", "what is seen at once needs no marker");
  reading.take(state(7), null, upTo(7, [4]), false);
  assert.deepEqual([reading.marker, reading.unseen], ["m7", 1]);
});

test("who writes has read: the marker goes", () => {
  const reading = new Reading();
  reading.take(state(1), null, upTo(1), true);
  reading.take(state(2), null, upTo(2), false);
  reading.take(state(2), null, [...upTo(2), row(null, { key: "c1", own: true })], true);
  assert.equal(reading.marker, null);
});

test("when it is opened the marker stands above the unread messages, unless all that is shown is unread", () => {
  const rows = upTo(6, [5]);
  for (const [unread, marker] of [[0, null], [1, "m6"], [2, "m4"], [4, "m2"], [5, null], [60, null]]) {
    const reading = new Reading();
    reading.opened(unread, rows);
    assert.equal(reading.marker, marker, `${unread} unread`);
  }
});

test("notes have numbers of their own: the first page of them is not announced, what comes is", () => {
  const reading = new Reading();
  const note = (seq) => row(seq, { key: `note:m${seq}`, note: true });
  reading.take(state(9), { loaded: false, seq: 0 }, upTo(9), true);
  reading.take(state(9), state(2), [note(1), ...upTo(9), note(2)], true);
  assert.deepEqual(announced(reading.take(state(9), state(3), [note(1), ...upTo(9), note(2), note(3)], false)), ["note:m3"]);
  assert.deepEqual([reading.marker, reading.unseen], [null, 0], "a colleague's note is no message to the reader");
});

test("a log that begins anew is not announced, and its marker goes", () => {
  const reading = new Reading();
  reading.take(state(5), null, upTo(5), false);
  reading.take(state(6), null, upTo(6), false);
  assert.equal(reading.marker, "m6");
  reading.take({ loaded: false, seq: 0 }, null, [], false);
  assert.deepEqual(announced(reading.take(state(2), null, upTo(2), false)), []);
  assert.equal(reading.marker, null);
});
