// Which edge is used: pure choice, with suspensions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../src/umbral_chat_webchat/web/umbral-chat/backoff.js";
import { Ladder } from "../../src/umbral_chat_webchat/web/umbral-chat/ladder.js";
import { seeded } from "./kit.mjs";

const ALL = [
  { edge: "poll", rank: 0, url: "/p" },
  { edge: "direct", rank: 20, url: "/d" },
  { edge: "sse", rank: 50, url: "/s" },
  { edge: "websocket", rank: 60, url: "/w" },
  { edge: "of a later version", rank: 90, url: "/x" },
];
const usable = ["websocket", "sse", "long_poll", "poll"];
const ladder = (more = {}, offers = ALL) => {
  const made = new Ladder({ random: seeded(1), usable, ...more });
  made.offer(offers);
  return made;
};

test("the best offer that this environment can use, then the next as they fail", () => {
  const made = ladder();
  const order = [];
  for (let step = 0; step < 4; step++) {
    const { edge } = made.best(0);
    order.push(edge);
    made.failed(edge, 0);
  }
  assert.deepEqual(order, ["websocket", "sse", "long_poll", "poll"]);
  assert.equal(made.best(0).edge, "poll", "with all of them suspended the lowest");
  assert.equal(made.best(10_000).edge, "websocket", "suspensions end");
});

test("suspensions grow to a bound, and end when the edge works or the service was to blame", () => {
  const made = ladder();
  let now = 0;
  let longest = 0;
  for (let step = 0; step < 20; step++) {
    made.failed("websocket", now);
    const until = made.climbAt("sse", now);
    assert.ok(until > now && until - now <= 300_000);
    longest = Math.max(longest, until - now);
    now = until;
  }
  assert.ok(longest > 150_000);
  made.forgive();
  assert.equal(made.best(now).edge, "websocket");
  made.failed("websocket", now);
  made.worked("websocket");
  assert.equal(made.best(now).edge, "websocket");
});

test("there is nothing to climb to from the best edge, and something to ask for from a poll", () => {
  const made = ladder();
  assert.equal(made.climbAt("websocket", 0), null);
  assert.ok(made.climbAt("sse", 0) >= 0);
  const bare = ladder({}, ALL.slice(0, 1));
  const first = bare.climbAt("long_poll", 0);
  assert.ok(first > 0 && first <= 120_000, "the service may offer more later");
  assert.equal(ladder({ order: ["long_poll", "poll"] }).climbAt("long_poll", 0), null);
});

test("an edge that is not on offer now is asked for again from every edge below it, ever more rarely", () => {
  const withDirect = ["direct", ...usable];
  const made = ladder({ usable: withDirect });
  assert.equal(made.climbAt("direct", 0), null);
  made.offer(ALL.filter(({ edge }) => edge !== "direct")); // the service's own link to Supabase is down, say
  assert.equal(made.best(0).edge, "websocket");
  let longest = 0;
  for (let step = 0; step < 12; step++) {
    const at = made.climbAt("websocket", 0);
    assert.ok(at > 0 && at <= 120_000);
    longest = Math.max(longest, at);
    made.offer(ALL.filter(({ edge }) => edge !== "direct"));
  }
  assert.ok(longest > 60_000, "a page that can never have it does not ask often");
  made.offer(ALL);
  assert.equal(made.climbAt("websocket", 0), 0);
});

test("supabase-js on the page is preferred, and the page's own order over everything", () => {
  assert.equal(ladder({ usable: ["direct", ...usable] }).best(0).edge, "direct");
  assert.equal(ladder({ order: ["poll", "sse"] }).best(0).edge, "poll");
  assert.equal(ladder({ order: ["sse"] }, ALL.slice(0, 2)).best(0), null);
});

test("pauses double to their bound, are drawn, and heed what the service asks for", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const backoff = new Backoff({ random: seeded(seed), initial: 500, maximum: 30_000 });
    for (let failure = 0; failure < 12; failure++) {
      const most = Math.min(30_000, 500 * 2 ** failure);
      const pause = backoff.next();
      assert.ok(pause >= most / 2 && pause <= most, `${pause} of ${most}`);
    }
    assert.ok(backoff.next(60) >= 60_000 && backoff.next(60) <= 75_000);
    backoff.reset();
    assert.ok(backoff.next() <= 500);
  }
});
