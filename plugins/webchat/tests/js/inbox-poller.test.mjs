// The pace at which the list is asked for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem, Unreachable } from "../../src/umbral_chat_webchat/web/umbral-chat/errors.js";
import { Waker } from "../../src/umbral_chat_webchat/web/umbral-chat/waker.js";
import { pace, Poller } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/poller.js";
import { Browser, VirtualTime } from "./kit.mjs";

function started(answer, more = {}) {
  const time = new VirtualTime();
  const browser = new Browser(time);
  const env = browser.tab(more);
  const over = new AbortController();
  const asked = [];
  const states = [];
  const waker = new Waker(env);
  const poller = new Poller({
    env,
    waker,
    signal: over.signal,
    ask: async () => {
      asked.push(time.now);
      return answer(asked.length, poller);
    },
    report: (state, reason) => states.at(-1)?.[0] === state || states.push([state, reason]),
  });
  const done = poller.run();
  const end = async () => {
    over.abort();
    waker.stop();
    await time.pass(0);
    await done;
  };
  return { time, browser, poller, asked, states, end };
}

test("it slows down while nothing changes, to a bound", async () => {
  const { time, asked, states, end } = started(() => false);
  await time.pass(60_000);
  const pauses = asked.slice(1).map((at, index) => at - asked[index]);
  assert.equal(pauses[0], 2_500);
  assert.ok(pauses.every((pause, index) => index === 0 || pause >= pauses[index - 1]));
  assert.equal(pauses.at(-1), 6_000);
  assert.deepEqual(states, [["open", "open"]]);
  await end();
});

test("in a tab that nobody sees it asks every 30 s", async () => {
  const { time, asked, end } = started(() => true, { visible: () => false });
  await time.pass(120_000);
  assert.equal(asked.length, 5);
  assert.equal(pace(0, false), 30_000);
  await end();
});

test("hints ask at once, however many there are not faster than the spacing", async () => {
  const { time, poller, asked, end } = started(() => false);
  await time.pass(1_000);
  assert.equal(asked.length, 1);
  poller.poke();
  await time.pass(1);
  assert.equal(asked.length, 2);
  for (let hint = 0; hint < 100; hint++) {
    poller.poke();
    await time.pass(10);
  }
  assert.ok(asked.length >= 4 && asked.length <= 5, String(asked.length));
  await end();
});

test("a hint while it asks leads to another question", async () => {
  const { time, asked, end } = started(async (count, poller) => {
    await null; // it is under way
    if (count === 1) poller.poke();
    return false;
  });
  await time.pass(500);
  assert.equal(asked.length, 2);
  await end();
});

test("while the service does not answer it backs off, and hints do not shorten that", async () => {
  const { time, poller, asked, states, end } = started((count) => {
    if (count <= 6) throw new Unreachable("no answer");
    return false;
  });
  for (let second = 0; second < 20; second++) {
    await time.pass(1_000);
    poller.poke();
  }
  assert.ok(asked.length <= 6, String(asked.length));
  assert.deepEqual(states.at(-1), ["waiting", "unreachable"]);
  const before = asked.length;
  poller.poke(true); // the person pressed "try again"
  await time.pass(1);
  assert.equal(asked.length, before + 1);
  await time.pass(300_000);
  assert.deepEqual(states.at(-1), ["open", "open"]);
  await end();
});

test("it waits as long as the service asks for", async () => {
  const { time, asked, end } = started((count) => {
    if (count === 1) throw new Problem(429, { code: "rate_limited" }, 20);
    return false;
  });
  await time.pass(19_000);
  assert.equal(asked.length, 1);
  await time.pass(10_000);
  assert.ok(asked.length >= 2);
  await end();
});

test("an ended session is reported, and asked for again when somebody has signed in", async () => {
  let signedIn = false;
  const { time, poller, asked, states, end } = started(() => {
    if (!signedIn) throw new Problem(401, { code: "session_ended" });
    return true;
  });
  await time.pass(10_000);
  assert.deepEqual([asked.length, states], [1, [["signed_out", "session_ended"]]]);
  signedIn = true;
  poller.poke(true);
  await time.pass(1);
  assert.deepEqual(states.at(-1), ["open", "open"]);
  await end();
});

test("a refusal is not repeated in a hurry", async () => {
  const { time, asked, states, end } = started(() => {
    throw new Problem(403, { code: "forbidden" });
  });
  await time.pass(59_000);
  assert.deepEqual([asked.length, states], [1, [["refused", "forbidden"]]]);
  await end();
});

test("without network nothing is asked, and with it at once", async () => {
  const { time, browser, asked, states, end } = started(() => false);
  await time.pass(100);
  browser.network(false);
  assert.deepEqual(states.at(-1), ["offline", "offline"]);
  await time.pass(100_000);
  const before = asked.length;
  assert.ok(before <= 2);
  browser.network(true);
  await time.pass(1);
  assert.equal(asked.length, before + 1);
  assert.deepEqual(states.at(-1), ["open", "open"]);
  await end();
});
