// The merge: whatever arrives, in whatever order and however often, the copy is what the log says, or says that it is not.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Merge } from "../../src/umbral_chat_webchat/web/umbral-chat/merge.js";
import { below, pick, seeded, VirtualTime } from "./kit.mjs";
import { FakeService } from "./service.mjs";

const page = (service, limit = 50) => ({ messages: service.folded().slice(-limit), cursor: service.cursor, has_more: service.folded().length > limit });
const cursorOf = (service, seq) => `${service.epoch}.${seq}`;
const copyOf = (merge) => JSON.parse(JSON.stringify([...merge.messages.values()].sort((a, b) => a.seq - b.seq)));
const plain = (messages) => messages.map(({ kind: _kind, redacted, ...rest }) => ({ ...rest, ...(redacted ? { redacted } : {}) }));

function events(service, after, more = {}) {
  const missing = service.after(after);
  return { entries: missing, cursor: service.cursor, head: service.entries.length, has_more: false, poll_after_ms: 0, mode: "local", drafts: [...service.drafts.values()], typing: [], runs: [], ...more };
}

function started(limit) {
  const service = new FakeService(new VirtualTime());
  const merge = new Merge();
  merge.take({ type: "page", page: page(service, limit) });
  return { service, merge };
}

/** One thing that happens in a conversation. */
function happen(service, random) {
  const messages = service.folded();
  const kind = pick(random, ["message", "message", "message", "edit", "redaction", "update", "run", "other"]);
  const target = messages.length ? pick(random, messages).message_id : null;
  if (kind === "message" || (target === null && kind !== "update")) {
    const finish = random() < 0.2 ? { finish: pick(random, ["cancelled", "failed", "interrupted"]) } : {};
    service.say(`text ${random()}`, { ...finish, metadata: random() < 0.3 ? { a: 1 } : undefined });
  } else if (kind === "edit") service.append({ kind, message_id: target, content: `edited ${random()}`, metadata: random() < 0.3 ? { b: 2 } : undefined });
  else if (kind === "redaction") service.append({ kind, message_id: target });
  else if (kind === "update") service.append({ kind, changes: pick(random, [{ title: `title ${below(random, 9)}` }, { responder: "human", assignee: `a${below(random, 3)}` }, { responder: "assistant", assignee: null }]) });
  else if (kind === "run") service.append({ kind, run_id: `r${random()}`, outcome: "failed" });
  else service.append({ kind: "something of a later version" });
}

test("lost, repeated, late and reordered frames cost a poll at most, never an entry", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const { service, merge } = started();
    const seen = [];
    const late = [];
    const take = (input) => {
      const outcome = merge.take(input);
      seen.push(...outcome.entries.map(({ seq }) => seq));
      assert.equal(outcome.foreign, false, `seed ${seed}`);
      if (outcome.gap) {
        const again = merge.take({ type: "answer", answer: events(service, merge.cursor), pushed: random() < 0.5 });
        seen.push(...again.entries.map(({ seq }) => seq));
        assert.equal(again.gap, false, `seed ${seed}`);
      }
    };
    for (let step = 0; step < 60; step++) {
      happen(service, random);
      const seq = service.entries.length;
      const frame = { type: "entry", entry: service.entries[seq - 1], cursor: cursorOf(service, seq) };
      if (random() < 0.7) take(frame);
      else if (random() < 0.5) late.push(frame);
      if (late.length && random() < 0.3) take(late.splice(below(random, late.length), 1)[0]);
      if (random() < 0.1) take({ type: "answer", answer: events(service, cursorOf(service, below(random, merge.seq + 1))), pushed: false });
      if (random() < 0.1) take(frame);
    }
    take({ type: "answer", answer: events(service, merge.cursor), pushed: true });
    assert.deepEqual(seen, service.entries.map(({ seq }) => seq), `seed ${seed}: each once, in order`);
    assert.deepEqual(plain(copyOf(merge)), plain(service.folded()), `seed ${seed}: the copy is the log`);
    assert.equal(merge.cursor, service.cursor);
    assert.equal(merge.endedRuns.length, Math.min(100, service.entries.filter(({ kind }) => kind === "run").length));
  }
});

test("a page that is loaded in the middle neither loses nor repeats", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seeded(seed);
    const service = new FakeService(new VirtualTime());
    for (let step = below(random, 30); step > 0; step--) happen(service, random);
    const merge = new Merge();
    merge.take({ type: "page", page: page(service, 5) });
    for (let step = 0; step < 30; step++) {
      happen(service, random);
      merge.take({ type: "answer", answer: events(service, merge.cursor), pushed: false });
      if (merge.hasEarlier && random() < 0.4) {
        happen(service, random); // the page is read later than the cursor: its messages are newer than the copy's place
        const oldest = Math.min(...[...merge.messages.values()].map(({ seq }) => seq));
        const before = service.folded().filter(({ seq }) => seq < oldest);
        merge.take({ type: "earlier", page: { messages: before.slice(-7), cursor: service.cursor, has_more: before.length > 7 } });
      }
    }
    merge.take({ type: "answer", answer: events(service, merge.cursor), pushed: false });
    const all = plain(service.folded());
    const mine = plain(copyOf(merge));
    assert.deepEqual(mine, all.slice(all.length - mine.length), `seed ${seed}`);
    assert.ok(mine.length === all.length || merge.hasEarlier, `seed ${seed}`);
  }
});

test("an entry of another log is foreign, and starting over takes the new one", () => {
  const { service, merge } = started();
  service.say("one");
  merge.take({ type: "answer", answer: events(service, merge.cursor), pushed: false });
  service.renew(["two", "three"]);
  assert.equal(merge.take({ type: "entry", entry: service.entries[1], cursor: service.cursor }).foreign, true);
  assert.equal(merge.take({ type: "answer", answer: events(service, "0"), pushed: false }).foreign, true);
  assert.deepEqual(copyOf(merge).map(({ content }) => content), ["one"], "nothing of it is taken");
  merge.restart();
  merge.take({ type: "page", page: page(service) });
  assert.deepEqual(copyOf(merge).map(({ content }) => content), ["two", "three"]);
});

test("one may wait for a conversation that was never made", () => {
  const merge = new Merge();
  merge.take({ type: "page", page: { messages: [], cursor: "0", has_more: false } });
  const service = new FakeService(new VirtualTime());
  service.say("first");
  const outcome = merge.take({ type: "entry", entry: service.entries[0], cursor: service.cursor });
  assert.deepEqual([outcome.gap, outcome.foreign, merge.cursor], [false, false, service.cursor]);
});

test("nothing is taken before a page: it could not be put in order", () => {
  const service = new FakeService(new VirtualTime());
  service.say("first");
  const merge = new Merge();
  const outcome = merge.take({ type: "entry", entry: service.entries[0], cursor: service.cursor });
  assert.deepEqual([outcome.changed, merge.cursor, merge.messages.size], [false, "0", 0]);
});

test("an edit of an interrupted message completes it; an edit of a redacted one does nothing", () => {
  const { service, merge } = started();
  service.say("half", { message_id: "a", finish: "interrupted" });
  service.append({ kind: "edit", message_id: "a", content: "whole" });
  service.append({ kind: "redaction", message_id: "a" });
  const take = (seq) => merge.take({ type: "entry", entry: service.entries[seq - 1], cursor: cursorOf(service, seq) });
  take(1);
  assert.equal(merge.messages.get("a").finish, "interrupted");
  take(2);
  assert.deepEqual([merge.messages.get("a").finish, merge.messages.get("a").content], [undefined, "whole"]);
  take(3);
  service.entries.push({ ...service.entries[1], seq: 4 });
  take(4);
  assert.deepEqual([merge.messages.get("a").content, merge.messages.get("a").redacted, merge.seq], ["", true, 4]);
});

test("a tab that is open for weeks does not keep everything", () => {
  const { service, merge } = started();
  const seen = new Set();
  for (let seq = 1; seq <= 12_000; seq++) {
    const entry = { kind: "message", seq, message_id: `m${seq}`, content: "", sender: { role: "user" }, at: "" };
    merge.take({ type: "entry", entry, cursor: cursorOf(service, seq) });
    seen.add(merge.messages.size);
  }
  assert.equal(Math.max(...seen), 5000);
  const kept = [...merge.messages.values()].map(({ seq }) => seq);
  assert.deepEqual([Math.max(...kept), Math.max(...kept) - Math.min(...kept) + 1, merge.hasEarlier], [12_000, kept.length, true]);
});

test("a snapshot replaces the copy where something may be missing between, and is joined where not", () => {
  const { service, merge } = started();
  const snapshot = (limit) => ({ ...events(service, service.cursor), snapshot: true, messages: service.folded().slice(-limit) });
  ["1", "2", "3"].forEach((content) => service.say(content));
  merge.take({ type: "answer", answer: snapshot(10), pushed: false });
  service.say("4");
  merge.take({ type: "answer", answer: snapshot(2), pushed: false });
  assert.deepEqual(copyOf(merge).map(({ content }) => content), ["1", "2", "3", "4"]);
  ["5", "6", "7"].forEach((content) => service.say(content));
  merge.take({ type: "answer", answer: snapshot(2), pushed: false });
  assert.deepEqual([copyOf(merge).map(({ content }) => content), merge.hasEarlier, merge.seq], [["6", "7"], true, 7]);
  service.append({ kind: "edit", message_id: "m7", content: "seven" });
  merge.take({ type: "answer", answer: snapshot(1), pushed: false });
  assert.deepEqual(copyOf(merge).map(({ content }) => content), ["6", "seven"], "the edit is seen in it");
  service.append({ kind: "edit", message_id: "m6", content: "six" });
  merge.take({ type: "answer", answer: snapshot(1), pushed: false });
  assert.deepEqual(copyOf(merge).map(({ content }) => content), ["seven"], "what was changed is not: 6 may be another");
  const older = { ...snapshot(2), cursor: cursorOf(service, 5) };
  assert.equal(merge.take({ type: "answer", answer: older, pushed: false }).changed, false);
});
