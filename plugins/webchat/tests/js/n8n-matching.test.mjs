// Bubbles and the log: whatever comes first, each message is shown once, at its place, as the log has it now.
import assert from "node:assert/strict";
import { test } from "node:test";
import { alike, Matching, PREFIX } from "../../src/umbral_chat_webchat/web/umbral-chat/n8n/matching.js";
import { below, pick, seeded } from "./kit.mjs";

/** A page: the widget with its bubbles, the log, and what the companion makes of both after each event. */
class Page {
  matching = new Matching();
  bubbles = [];
  lines = [];
  head = 0;
  waiting = false;
  restored = true;
  drafts = [];
  #ids = 0;

  show(why) {
    const view = () => ({ bubbles: this.bubbles, lines: this.lines, head: this.head, drafts: this.drafts, waiting: this.waiting });
    const before = this.bubbles;
    this.bubbles = this.matching.arrange({ ...view(), restored: this.restored });
    this.restored = false;
    this.holds(before, why);
    assert.ok(alike(this.matching.arrange(view()), this.bubbles), `${why}: shown again, it is the same`);
  }

  /** What holds at every moment. */
  holds(before, why) {
    const ids = this.bubbles.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, `${why}: ids are unique`);
    const own = before.filter(({ id }) => !id.startsWith(PREFIX)).map(({ id }) => id);
    if (!this.forgot) assert.deepEqual(ids.filter((id) => !id.startsWith(PREFIX)).sort(), own.sort(), `${why}: the widget's own stay`);
  }

  push(sender, text, more = {}) {
    this.bubbles = [...this.bubbles, { id: `w${++this.#ids}`, sender, text, ...more }];
  }

  /** As the widget does with a session that it loaded. */
  restore(messages) {
    this.bubbles = messages.map(([sender, text], at) => ({ id: `${at}`, sender, text }));
    this.restored = true;
  }

  log(side, content, more = {}) {
    this.head += 1;
    this.lines = [...this.lines, { id: `m${this.head}`, seq: this.head, side, content, text: content, ...more }];
  }

  change(id, more) {
    this.lines = this.lines.map((line) => (line.id === id ? { ...line, changed: true, ...more } : line));
    this.head += 1;
  }

  get shown() {
    return this.bubbles.map(({ sender, text }) => `${sender}:${text}`);
  }

  get logged() {
    return this.lines.map(({ side, text }) => `${side}:${text}`);
  }
}

const count = (list) => list.reduce((counts, one) => counts.set(one, (counts.get(one) ?? 0) + 1), new Map());

/** Every order in which the events of the sequences can happen, each sequence in its own order. */
function* merged(sequences) {
  const left = sequences.filter(({ length }) => length);
  if (!left.length) yield [];
  for (const sequence of left)
    for (const rest of merged(left.map((one) => (one === sequence ? one.slice(1) : one)))) yield [sequence[0], ...rest];
}

/**
 * An exchange: the question in the widget, then in the log; the answer in the log and in the widget, in either order. The next
 * question follows the widget's answer.
 */
function* exchanges(questions) {
  if (!questions.length) return void (yield []);
  const [[question, answer], ...others] = questions;
  const ask = [["push", "user", question], ["log", "user", question]];
  const [inWidget, inLog] = [["push", "bot", answer], ["log", "bot", answer]];
  for (const rest of exchanges(others)) {
    yield [...ask, inLog, inWidget, ...rest];
    // The log's answer, late: anywhere after, before the next question that is stored.
    const stored = rest.findIndex(([what]) => what === "log");
    for (let at = 0; at <= (stored < 0 ? rest.length : stored); at++)
      yield [...ask, inWidget, ...rest.slice(0, at), inLog, ...rest.slice(at)];
  }
}

function play(events, why) {
  const page = new Page();
  const real = [];
  const pending = { push: [], log: [] };
  page.show(why);
  for (const [what, side, text, foreign] of events) {
    page[what](side, text);
    const message = `${side}:${text}`;
    // What is known first through one of the two is one message when it comes through the other.
    const other = what === "push" ? "log" : "push";
    const at = foreign ? -1 : pending[other].indexOf(message);
    if (at >= 0) pending[other].splice(at, 1);
    else {
      real.push(message);
      if (!foreign) pending[what].push(message);
    }
    page.show(why);
    const [shown, logged, most] = [count(page.shown), count(page.logged), count(real)];
    for (const [one, times] of shown) assert.ok(times <= most.get(one), `${why}: ${one} is shown ${times} times`);
    for (const [one, times] of logged) assert.ok((shown.get(one) ?? 0) >= times, `${why}: ${one} is missing`);
  }
  assert.deepEqual(page.shown, page.logged, why);
  assert.deepEqual(page.matching.unlogged, [], why);
}

test("every order of two exchanges and what others write, equal texts and different ones: shown is the log", () => {
  let played = 0;
  const texts = ["a", "b"];
  for (const [q1, a1, q2, a2] of texts.flatMap((x) => texts.flatMap((y) => texts.flatMap((z) => texts.map((w) => [x, y, z, w])))))
    for (const order of exchanges([[q1, a1], [q2, a2]]))
      for (const others of [[], [["log", "bot", "a", true]], [["log", "user", "a", true]], [["log", "user", "a", true], ["log", "bot", "b", true]]])
        for (const events of merged([order, others])) {
          play(events, JSON.stringify(events));
          played += 1;
        }
  assert.ok(played > 5000, String(played));
});

test("a workflow that logs nothing: the widget shows what it showed, and the question is known to be missing", () => {
  const page = new Page();
  page.show("empty");
  page.push("user", "hi");
  page.show("asked");
  page.push("bot", "hello");
  page.show("answered");
  assert.deepEqual(page.shown, ["user:hi", "bot:hello"]);
  assert.deepEqual(page.matching.unlogged, ["w1"]);
  page.log("bot", "a push");
  page.show("later");
  page.log("bot", "another");
  page.show("later still");
  assert.deepEqual(page.shown, ["user:hi", "bot:hello", "bot:a push", "bot:another"]);
});

test("two equal messages stay two, and a question repeated later is not the old one", () => {
  const page = new Page();
  page.log("user", "hi");
  page.log("bot", "hello");
  page.show("history");
  page.push("user", "hi");
  page.show("asked");
  assert.deepEqual(page.shown, ["user:hi", "bot:hello", "user:hi"]);
  page.log("user", "hi");
  page.log("bot", "hello");
  page.show("stored");
  page.push("bot", "hello");
  page.show("answered");
  assert.deepEqual(page.shown, page.logged);
  assert.equal(page.bubbles.filter(({ id }) => id.startsWith("w")).length, 2);
});

test("an error that only the widget shows keeps its place", () => {
  const page = new Page();
  page.log("bot", "before");
  page.show("history");
  page.push("user", "hi");
  page.show("asked");
  page.push("bot", "Error in workflow");
  page.show("failed");
  page.log("bot", "after");
  page.show("pushed");
  page.log("bot", "x");
  page.show("pushed");
  page.change("m3", { text: "edited", content: "edited" });
  page.show("edited");
  assert.deepEqual(page.shown, ["bot:before", "user:hi", "bot:Error in workflow", "bot:after", "bot:edited"]);
});

test("a session that the widget loaded by itself is found in the log, from its end; what is not there stays in between", () => {
  for (const first of ["log", "widget"]) {
    const page = new Page();
    page.show("empty");
    const log = () => ["user:hi", "bot:hello", "user:hi", "bot:hello", "bot:pushed", "user:more", "bot:yes"].forEach((one) => page.log(...one.split(":")));
    const restore = () => page.restore([["user", "hi"], ["bot", "hello"], ["bot", "an error"], ["user", "more"], ["bot", "yes"]]);
    (first === "log" ? log : restore)();
    page.show(first);
    page.forgot = true; // the list was another
    (first === "log" ? restore : log)();
    page.show("both");
    const { shown } = page;
    assert.deepEqual(shown.filter((one) => one !== "bot:an error"), page.logged, first);
    assert.equal(shown.indexOf("bot:an error"), 4, `${first}: after the second hello`);
    assert.deepEqual(page.bubbles.map(({ id }) => id).slice(0, 2), [`${PREFIX}m1`, `${PREFIX}m2`]);
    assert.deepEqual(page.matching.unlogged, []);
  }
});

test("edits and redactions reach the widget's own bubbles, its files too", () => {
  const page = new Page();
  page.show("empty");
  page.push("user", "hi", { files: [{ name: "a.png" }] });
  page.log("user", "hi");
  page.push("bot", "hello");
  page.log("bot", "hello");
  page.show("both");
  page.change("m2", { text: "hello!", content: "hello!" });
  page.change("m1", { text: "(removed)", content: "", redacted: true });
  page.show("changed");
  assert.deepEqual(page.shown, ["user:(removed)", "bot:hello!"]);
  assert.deepEqual(page.bubbles.map(({ id, files }) => [id, files]), [["w1", []], ["w2", undefined]]);
});

test("a placeholder that was edited into the answer is the answer, whichever the widget shows", () => {
  for (const said of ["one moment", "done"]) {
    const page = new Page();
    page.show("empty");
    page.push("user", "hi");
    page.log("user", "hi");
    page.log("bot", "one moment");
    page.show("placeholder");
    page.change("m2", { text: "done", content: "done" });
    page.show("edited");
    page.push("bot", said);
    page.show("answered");
    assert.deepEqual(page.shown, ["user:hi", "bot:done"]);
  }
});

test("what was redacted before it was seen is not left in the widget", () => {
  const page = new Page();
  page.show("empty");
  page.push("user", "a secret");
  page.show("asked");
  page.log("user", "", { text: "(removed)", changed: true, redacted: true });
  page.show("redacted");
  assert.deepEqual(page.shown, ["user:(removed)"]);
});

/** A page whose widget has asked, and is being answered piece by piece. */
function answered() {
  const page = new Page();
  page.show("empty");
  page.push("user", "hi");
  page.log("user", "hi");
  page.waiting = true;
  page.show("asked");
  const piece = (text) => {
    const at = page.bubbles.findIndex(({ id }) => id === "stream");
    const bubble = { id: "stream", sender: "bot", text };
    page.bubbles = at < 0 ? [...page.bubbles, bubble] : page.bubbles.with(at, bubble);
    page.show(text);
  };
  return { page, piece };
}

test("an answer that grows in the widget is not shown beside itself, and is whole as soon as the log has it", () => {
  const { page, piece } = answered();
  for (const text of ["The", "The whole"]) {
    page.drafts = [{ id: "d", text: text.slice(0, -2) }];
    piece(text);
    assert.deepEqual(page.shown, ["user:hi", `bot:${text}`]);
  }
  page.drafts = [];
  page.log("bot", "The whole answer\n");
  for (const text of ["The whole", "The whole a", "The whole answer"]) {
    piece(text);
    assert.deepEqual(page.shown.map((one) => one.trim()), ["user:hi", "bot:The whole answer"]);
  }
  page.waiting = false;
  page.show("over");
  assert.deepEqual(page.bubbles.map(({ id }) => id), ["w1", "stream"]);
});

test("an answer that begins as another message does, and goes on otherwise, is its own", () => {
  const { page, piece } = answered();
  piece("Yes");
  page.log("bot", "Yes, your order is there.");
  page.show("pushed");
  assert.deepEqual(page.shown, ["user:hi", "bot:Yes, your order is there."]);
  piece("Yes, but");
  assert.deepEqual(page.shown, ["user:hi", "bot:Yes, but", "bot:Yes, your order is there."]);
  piece("Yes, but no");
  page.log("bot", "Yes, but no");
  page.waiting = false;
  page.show("over");
  assert.deepEqual(page.shown, page.logged);
});

test("drafts and who types are shown last, and a draft becomes its message in place", () => {
  const matching = new Matching();
  const line = { id: "m1", seq: 1, side: "bot", content: "hello", text: "hello" };
  const arrange = (more) => matching.arrange({ bubbles: [], lines: [], head: 0, ...more }).map(({ id, text }) => [id, text]);
  assert.deepEqual(arrange({ drafts: [{ id: "m1", text: "hel" }], typing: "Ben …" }), [[`${PREFIX}m1`, "hel"], [`${PREFIX}typing`, "Ben …"]]);
  assert.deepEqual(arrange({ lines: [line], head: 1 }), [[`${PREFIX}m1`, "hello"]]);
});

test("messages that left the log take their bubbles along: the conversation was deleted", () => {
  const page = new Page();
  page.show("empty");
  page.push("user", "hi");
  page.log("user", "hi");
  page.push("bot", "not in the log");
  page.show("both");
  [page.lines, page.head, page.forgot] = [[], 0, true];
  page.show("deleted");
  assert.deepEqual(page.shown, ["bot:not in the log"]);
});

test("bubbles with buttons, empty answers and texts that are none are left alone", () => {
  const page = new Page();
  page.log("bot", "x");
  page.show("history");
  page.push("bot", undefined, { type: "component", key: "with-buttons" });
  page.push("bot", "");
  page.push("bot", { a: 1 });
  page.show("odd");
  page.log("bot", "");
  page.show("odd");
  assert.deepEqual(page.bubbles.map(({ id }) => id), [`${PREFIX}m1`, "w1", "w2", "w3", `${PREFIX}m2`]);
});

test("whatever happens, in whatever order: the log is shown whole, once and in order, beside what only the widget has", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = seeded(seed);
    const page = new Page();
    page.forgot = true;
    page.show("empty");
    for (let step = 0; step < 60; step++) {
      const why = `seed ${seed}, step ${step}`;
      const text = pick(random, ["a", "b", " a ", ""]);
      const side = pick(random, ["user", "bot"]);
      const what = pick(random, ["push", "push", "log", "log", "change", "restore", "wait", "show", "drop"]);
      if (what === "push") page.push(side, text);
      else if (what === "log") page.log(side, text);
      else if (what === "change" && page.lines.length) {
        const redacted = random() < 0.3;
        const said = redacted ? "" : `edited ${step}`;
        page.change(pick(random, page.lines).id, { content: said, text: redacted ? "(removed)" : said, redacted });
      } else if (what === "restore" && random() < 0.2) page.restore(page.lines.slice(-below(random, 6)).map((line) => [line.side, line.content]));
      else if (what === "wait") page.waiting = !page.waiting;
      else if (what === "drop" && random() < 0.1) [page.lines, page.head] = random() < 0.5 ? [[], 0] : [page.lines.slice(2), page.head];
      if (random() < 0.8) page.show(why);
    }
    page.waiting = false;
    page.show(`seed ${seed}`);
    const backed = page.bubbles.filter(({ id, text }) => id.startsWith(PREFIX) || !page.matching.unlogged.includes(id));
    assert.ok(backed.length >= page.lines.length, `seed ${seed}`);
    let from = 0;
    for (const { text, changed } of page.lines) {
      const at = page.bubbles.findIndex((bubble, index) => index >= from && (changed ? bubble.text === text : String(bubble.text).trim() === text.trim()));
      assert.ok(at >= from, `seed ${seed}: ${text} is missing after ${from}: ${JSON.stringify([page.bubbles, page.lines])}`);
      from = at + 1;
    }
  }
});
