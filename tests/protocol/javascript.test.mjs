// The protocol suite against the JavaScript client, in virtual time.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Browser, seeded, settle, VirtualTime } from "../../plugins/webchat/tests/js/kit.mjs";
import { connect } from "../../plugins/webchat/src/umbral_chat_webchat/web/umbral-chat.js";

const { scenarios } = JSON.parse(readFileSync(new URL("scenarios.json", import.meta.url), "utf8"));
const EPOCH = "aaaaaaaaaa";

/** Virtual milliseconds within which a client does what a step waits for. */
const PATIENCE = 60_000;
const LONG = 600_000;

const utf8 = new TextEncoder();

function entryOf({ entry: seq, content = String(seq) }) {
  return { kind: "message", seq, message_id: `m${seq}`, at: "2026-01-01T00:00:00Z", sender: { role: "user" }, content };
}

function eventOf(given) {
  if ("raw" in given) return given.raw;
  if ("comment" in given) return `: ${given.comment}\n\n`;
  if ("entry" in given)
    return `event: entry\nid: ${given.epoch ?? EPOCH}.${given.entry}\ndata: ${JSON.stringify(entryOf(given))}\n\n`;
  if ("closed" in given) {
    const { closed, ...rest } = given;
    return eventOf({ status: { state: "closed", code: closed, detail: "So it is.", ...rest } });
  }
  const [[name, data]] = Object.entries(given);
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function pageOf({ entries: seqs, has_more = false }) {
  const entries = seqs.map((seq) => entryOf({ entry: seq }));
  const last = seqs.at(-1);
  return { entries, cursor: `${EPOCH}.${last}`, head: has_more ? last + 1 : last, has_more, poll_after_ms: 1000, mode: "local", drafts: [] };
}

function json(status, body, headers = {}) {
  const type = status < 400 ? "application/json" : "application/problem+json";
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": type, ...headers } });
}

/** A service that plays the steps of a scenario. Requests wait in `asked` until a step answers them. */
class ScriptedService {
  asked = [];
  offers = ["sse", "poll"];
  stream = null;
  /** Whether the next step that names a request takes any: then `connect` is asked of the script, too. */
  takesAny = () => false;

  constructor(time) {
    this.time = time;
  }

  fetch = async (target, { method = "GET", headers = {}, signal } = {}) => {
    const url = new URL(target);
    const path = url.pathname.replace("/v1/conversations/room", "");
    const route = { "/stream": "stream", "/events": "poll" }[path] ?? path;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    if (route === "/connect" && !this.takesAny()) return json(200, this.#connect());
    if (route === "/messages") return json(200, { messages: [], cursor: "0", has_more: false });
    if (route === "") return json(404, { title: "No", code: "conversation_not_found" });
    assert.ok(["stream", "poll", "/connect"].includes(route), `${method} ${path}`);
    return new Promise((resolve, reject) => {
      const after = url.searchParams.get("after");
      const credential = headers.Authorization?.replace("Bearer ", "") ?? null;
      this.asked.push({ route, after, credential, at: this.time.now, resolve, reject, signal });
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  };

  /** Answers a request as the scenario says. */
  answer(request, given) {
    if (given?.offers) this.offers = given.offers;
    if (given === undefined) this.#open(request);
    else if (given === "lost") request.reject(new TypeError("fetch failed"));
    else if (given.entries) request.resolve(json(200, pageOf(given)));
    else if ("text" in given) request.resolve(new Response(given.text, { status: given.status, headers: { "Content-Type": "text/html" } }));
    else if (given.status === 204) request.resolve(new Response(null, { status: 204 }));
    else request.resolve(json(given.status, { title: "No", detail: "So it is.", ...given }, given.retry_after ? { "Retry-After": String(given.retry_after) } : {}));
  }

  #open(request) {
    const service = this;
    const body = new ReadableStream({
      start(controller) {
        service.stream = {
          send: (text) => controller.enqueue(utf8.encode(text)),
          lose: () => controller.error(new TypeError("terminated")),
          end: () => controller.close(),
        };
        const stream = service.stream;
        request.signal?.addEventListener("abort", () => {
          controller.error(request.signal.reason);
          stream.send = stream.lose = stream.end = () => {}; // the client has left
        });
      },
    });
    this.stream.send("retry: 2000\n\n");
    this.stream.send(eventOf({ status: { state: "open", mode: "local", cursor: request.after, head: 0 } }));
    request.resolve(new Response(body, { status: 200, headers: { "Content-Type": "text/event-stream" } }));
  }

  #connect() {
    const url = { sse: "/v1/conversations/room/stream", poll: "/v1/conversations/room/events" };
    return { offers: this.offers.map((edge, index) => ({ edge, rank: 60 - index, url: url[edge], parameters: {} })) };
  }
}

const mine = scenarios.filter(({ clients = ["javascript"] }) => clients.includes("javascript"));

for (const { name, steps, edges = ["sse", "long_poll"] } of mine)
  test(name, async () => {
    const time = new VirtualTime();
    const service = new ScriptedService(time);
    let tokens = 0;
    const chat = connect({
      url: "http://service",
      conversation: "room",
      edges,
      shareConnection: false,
      getToken: () => `token-${++tokens}`,
      environment: new Browser(time, seeded(7)).tab({ fetch: service.fetch }),
    });
    const until = async (condition) => {
      for (let waited = 0; !condition() && waited < PATIENCE; waited += 50) await time.pass(waited ? 50 : 0);
      return condition();
    };
    let place = 0;
    service.takesAny = () => steps.slice(place).find((step) => "request" in step)?.request === "any";
    let ended = time.now;
    try {
      for (const step of steps) {
        if ("request" in step) {
          assert.ok(await until(() => service.asked.length), "the client asks for nothing");
          const found = service.asked.shift();
          place = steps.indexOf(step) + 1;
          if (step.request !== "any") assert.deepEqual([found.route, found.after], [step.request, step.after]);
          if (step.credential) assert.equal(found.credential, step.credential);
          const [least, most] = step.pause ?? [0, Infinity];
          const pause = found.at - ended;
          assert.ok(least <= pause && pause <= most, `it comes after ${pause} ms, not ${least} to ${most}`);
          service.answer(found, step.answer);
          if (step.answer !== undefined) ended = time.now;
        } else if ("events" in step) {
          for (const event of step.events) {
            service.stream.send(eventOf(event));
            await settle();
          }
        } else if ("lost" in step || "end" in step) {
          ended = time.now;
          if ("lost" in step) service.stream.lose();
          else service.stream.end();
        } else if ("passes" in step) await time.pass(step.passes);
        else if ("offers" in step) service.offers = step.offers;
        else if ("shows" in step) {
          const shown = () => chat.state.messages.map(({ content }) => content);
          await until(() => shown().length === step.shows.length && shown().every((one, index) => one === String(step.shows[index])));
          assert.deepEqual(shown(), step.shows.map(String));
        } else if ("over" in step) {
          await until(() => chat.state.connection.state === "closed");
          assert.deepEqual([chat.state.connection.state, chat.state.connection.reason], ["closed", step.over]);
          service.takesAny = () => true;
          await time.pass(LONG);
          assert.deepEqual(service.asked.map(({ route }) => route), []);
        } else assert.fail(`unknown step ${JSON.stringify(step)}`);
      }
    } finally {
      chat.close();
      await settle();
    }
  });
