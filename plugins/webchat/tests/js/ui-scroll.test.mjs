// Where the list scrolls to when it changes, so that the reader's place stays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { follows, isAtEnd, isNearStart, scrollTo } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/scroll.js";
import { below, seeded } from "./kit.mjs";

const box = (scrollTop, scrollHeight, clientHeight) => ({ scrollTop, scrollHeight, clientHeight });

test("the end is seen when a line or less is below", () => {
  assert.ok(isAtEnd(box(500, 1000, 500)));
  assert.ok(isAtEnd(box(470, 1000, 500)));
  assert.ok(!isAtEnd(box(400, 1000, 500)));
  assert.ok(isAtEnd(box(0, 300, 500)), "all of it fits");
  assert.ok(isNearStart(box(10, 5000, 500)) && !isNearStart(box(4000, 5000, 500)));
});

test("only a reader who scrolls back leaves the end", () => {
  assert.ok(follows(true, 500, box(500, 1200, 500)), "it grew");
  assert.ok(follows(true, 500, box(300, 800, 500)), "it shrank, and ends at its end");
  assert.ok(follows(true, 500, box(500, 1000, 300)), "the keyboard opened");
  assert.ok(!follows(true, 500, box(450, 1200, 500)), "the reader scrolled back while it grew");
  assert.ok(!follows(false, 100, box(200, 1200, 500)), "the reader scrolls on, but is not there");
  assert.ok(follows(false, 100, box(695, 1200, 500)), "the reader is there");
});

test("who follows the end stays there; who reads elsewhere sees the same row at the same place", () => {
  assert.equal(scrollTo({ pinned: true, box: box(500, 1200, 500), moved: null }), 700);
  assert.equal(scrollTo({ pinned: true, box: box(700, 1200, 500), moved: null }), null);
  assert.equal(scrollTo({ pinned: false, box: box(100, 3000, 500), moved: 1800 }), 1900, "history above");
  assert.equal(scrollTo({ pinned: false, box: box(100, 3000, 500), moved: 0 }), null, "an answer grows below");
  assert.equal(scrollTo({ pinned: false, box: box(100, 3000, 500), moved: null }), null, "the row is gone");
});

test("whatever is inserted above or below, the row that was seen first does not move", () => {
  const random = seeded(3);
  for (let round = 0; round < 500; round++) {
    let rows = Array.from({ length: 20 }, (_, at) => ({ at, height: 20 + below(random, 200) }));
    const height = 400;
    const total = () => rows.reduce((sum, row) => sum + row.height, 0);
    const top = (at) => rows.slice(0, rows.findIndex((row) => row.at === at)).reduce((sum, row) => sum + row.height, 0);
    const before = below(random, Math.max(1, total() - height - 40));
    const anchor = rows.find(({ at, height: own }) => top(at) + own > before);
    const seen = top(anchor.at) - before;
    const more = Array.from({ length: 1 + below(random, 5) }, (_, at) => ({ at: 100 + at, height: below(random, 300) }));
    rows = random() < 0.5 ? [...more, ...rows] : [...rows, ...more];
    const now = box(before, total(), height);
    const to = scrollTo({ pinned: false, box: now, moved: top(anchor.at) - before - seen }) ?? before;
    assert.equal(top(anchor.at) - to, seen);
  }
});
