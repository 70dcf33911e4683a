// The inbox's list: pages, refreshes and sweeps end in what the service has, whatever happened in between.
import assert from "node:assert/strict";
import { test } from "node:test";
import { comparable, InboxList } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/inbox/list.js";
import { below, pick, seeded } from "./kit.mjs";

const AT = Date.parse("2026-01-01T00:00:00Z");

/** An inbox as the service keeps it: pages by keyset, as `GET /v1/conversations` gives them. */
class Service {
  #rows = new Map();
  #clock = 0;

  touch(id, more = {}) {
    const head = (this.#rows.get(id)?.head ?? 0) + 1;
    const time = new Date(AT + ++this.#clock * 1000).toISOString().replace(".000Z", "Z");
    // A deleted conversation that is made again has another epoch.
    this.#rows.set(id, { id, epoch: `e${this.#clock}`, status: "open", responder: "assistant", unread: 0, ...this.#rows.get(id), ...more, head, last_activity: time });
    return this.#rows.get(id);
  }

  remove(id) {
    this.#rows.delete(id);
  }

  rows(filter = () => true) {
    return [...this.#rows.values()].filter(filter).sort((a, b) => (order(a) < order(b) ? 1 : -1));
  }

  page(before, limit, filter) {
    const rest = this.rows(filter).filter((row) => before === null || order(row) < before);
    const conversations = rest.slice(0, limit).map((row) => ({ ...row }));
    return { conversations, before: rest.length > limit ? order(conversations.at(-1)) : null };
  }
}

const order = ({ last_activity, id }) => `${comparable(last_activity)} ${id}`;
const ids = (list) => list.items.map(({ id }) => id);

/** Loads all pages. */
function loadAll(list, service, limit, filter) {
  list.take(service.page(null, limit, filter));
  for (let from; (from = list.more); ) list.take(service.page(from.before, limit, filter), from);
}

test("newest activity first, and pages follow each other", () => {
  const service = new Service();
  for (let number = 0; number < 7; number++) service.touch(`c${number}`);
  const list = new InboxList();
  assert.equal(list.loaded, false);
  list.take(service.page(null, 3));
  assert.deepEqual(ids(list), ["c6", "c5", "c4"]);
  list.take(service.page(list.more.before, 3), list.more);
  assert.deepEqual(ids(list), ["c6", "c5", "c4", "c3", "c2", "c1"]);
  list.take(service.page(list.more.before, 3), list.more);
  assert.equal(list.more, null);
  assert.equal(ids(list).length, 7);
});

test("times without a fraction are in order with those that have one", () => {
  assert.ok(comparable("2026-01-01T00:00:00Z") < comparable("2026-01-01T00:00:00.5Z"));
  assert.ok(comparable("2026-01-01T00:00:00.123456Z") < comparable("2026-01-01T00:00:00.2Z"));
});

test("a refresh moves what is new to the top, and drops what left the filter", () => {
  const service = new Service();
  for (const id of ["a", "b", "c"]) service.touch(id);
  const list = new InboxList();
  list.take(service.page(null, 50));
  service.touch("a");
  service.remove("b");
  assert.equal(list.take(service.page(null, 50)), true);
  assert.deepEqual(ids(list), ["a", "c"]);
  assert.equal(list.take(service.page(null, 50)), false);
});

test("what did not change keeps its identity, so that its row is not made again", () => {
  const service = new Service();
  for (const id of ["a", "b"]) service.touch(id);
  const list = new InboxList();
  list.take(service.page(null, 50));
  const before = list.items;
  assert.equal(list.items, before);
  list.take(service.page(null, 50));
  assert.equal(list.items, before);
  service.touch("a");
  list.take(service.page(null, 50));
  assert.equal(list.items[1], before[0]);
  assert.notEqual(list.items[0], before[1]);
});

test("the open conversation stays when it leaves the filter", () => {
  const service = new Service();
  service.touch("a", { waiting: true });
  service.touch("b", { waiting: true });
  const waiting = (row) => row.waiting;
  const list = new InboxList();
  list.kept = "a";
  list.take(service.page(null, 50, waiting));
  service.touch("a", { waiting: false });
  service.touch("b", { waiting: false });
  list.take(service.page(null, 50, waiting));
  assert.deepEqual(ids(list), ["a"]);
  list.kept = null;
  list.take(service.page(null, 50, waiting));
  assert.deepEqual(ids(list), []);
});

test("an older answer does not undo a newer one; another log does", () => {
  const service = new Service();
  const old = { ...service.touch("a") };
  const list = new InboxList();
  list.take({ conversations: [service.touch("a", { status: "closed" })], before: null });
  list.update(old);
  assert.equal(list.get("a").status, "closed");
  list.update({ ...old, epoch: "other" });
  assert.equal(list.get("a").status, "open");
  assert.equal(list.update({ ...old, id: "unknown" }), false);
});

test("after a long pause the list is cut where something may be missing, and goes on from there", () => {
  const service = new Service();
  for (let number = 0; number < 4; number++) service.touch(`old${number}`);
  const list = new InboxList();
  loadAll(list, service, 2);
  for (let number = 0; number < 6; number++) service.touch(`new${number}`);
  list.take(service.page(null, 2));
  assert.deepEqual(ids(list), ["new5", "new4"]);
  for (let from; (from = list.more); ) list.take(service.page(from.before, 2), from);
  assert.deepEqual(ids(list), service.rows().map(({ id }) => id));
});

test("a search whose first page is empty goes on behind it, and loses nothing that was found", () => {
  const service = new Service();
  const found = service.touch("found");
  const list = new InboxList();
  list.take({ conversations: [], before: "x" });
  const from = list.more;
  assert.equal(from.before, "x");
  list.take({ conversations: [found], before: null }, from);
  list.take({ conversations: [], before: "x" });
  assert.deepEqual(ids(list), ["found"]);
});

test("notes are shown with the conversation that they are about, or stand for it", () => {
  const service = new Service();
  service.touch("a");
  service.touch("internal:a", { unread: 2 });
  service.touch("internal:gone");
  service.touch("internal.sha256:0000");
  const list = new InboxList();
  list.take(service.page(null, 50));
  assert.deepEqual(
    list.items.map(({ id, row, notes, unreadNotes }) => [id, row?.id ?? null, notes?.id ?? null, unreadNotes]),
    [
      ["gone", null, "internal:gone", 0],
      ["a", "a", "internal:a", 2],
    ],
  );
});

test("what was read here is not unread any more, until something newer comes", () => {
  const service = new Service();
  service.touch("a", { unread: 3 });
  const list = new InboxList();
  list.take(service.page(null, 50));
  assert.equal(list.items[0].unread, 3);
  assert.equal(list.readTo("a", 1), true);
  assert.equal(list.readTo("a", 1), false);
  assert.equal(list.items[0].unread, 0);
  service.touch("a", { unread: 1 });
  list.take(service.page(null, 50));
  assert.equal(list.items[0].unread, 1);
});

test("where the service does not count, a visitor's last message is unread until it was read here", () => {
  const service = new Service();
  const message = (role, seq) => ({ last_message: { sender: { role }, seq, content: "" } });
  service.touch("a", message("user", 1));
  service.touch("b", message("assistant", 1));
  const list = new InboxList({ counted: false, read: [["c", 5]] });
  list.take(service.page(null, 50));
  assert.deepEqual(Object.fromEntries(list.items.map(({ id, unread }) => [id, unread])), { a: 1, b: 0 });
  list.readTo("a", 1);
  assert.deepEqual(list.items.map(({ unread }) => unread), [0, 0]);
  assert.deepEqual(list.read, [["c", 5], ["a", 1]]);
});

test("whatever happens, refreshes and sweeps end in what the service has", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed);
    const service = new Service();
    const filter = random() < 0.5 ? undefined : (row) => row.status === "open";
    const limit = 2 + below(random, 4);
    for (let number = 0; number < 5 + below(random, 30); number++) service.touch(`c${number}`);
    const list = new InboxList();
    loadAll(list, service, limit, filter);
    for (let step = 0; step < 20; step++) {
      const known = service.rows();
      for (let change = known.length && below(random, 4); change > 0; change--) {
        if (random() < 0.2) service.remove(pick(random, known).id);
        else service.touch(random() < 0.2 ? `n${step}-${change}` : pick(random, known).id, { status: pick(random, ["open", "closed"]) });
      }
      list.take(service.page(null, limit, filter));
      const from = list.sweepFrom;
      if (from && random() < 0.5) {
        const page = service.page(from.before, limit, filter);
        list.take(page, from);
        list.swept(page);
      }
    }
    // Then nothing more happens: one sweep through all pages, and what is not loaded.
    for (let round = 0; round < 60; round++) {
      list.take(service.page(null, limit, filter));
      const from = list.sweepFrom;
      if (!from) continue;
      const page = service.page(from.before, limit, filter);
      list.take(page, from);
      list.swept(page);
    }
    for (let from; (from = list.more); ) list.take(service.page(from.before, limit, filter), from);
    assert.deepEqual(ids(list), service.rows(filter).map(({ id }) => id), `seed ${seed}`);
  }
});

test("a thousand conversations are merged in a few milliseconds", () => {
  const service = new Service();
  for (let number = 0; number < 1000; number++) service.touch(`c${number}`);
  const list = new InboxList();
  loadAll(list, service, 50);
  const page = service.page(null, 50);
  const begun = performance.now();
  for (let round = 0; round < 20; round++) {
    list.take(page);
    list.update({ ...page.conversations[0], head: 100 + round });
    assert.equal(list.items.length, 1000);
  }
  assert.ok((performance.now() - begun) / 20 < 50, "milliseconds a refresh"); // about 2 on an idle machine
});
