// Reads one stream with readers of event streams that others wrote, and prints what each got: a line of JSON for each event.
//
//   node read.mjs MODULES URL CONVERSATION        (the token is in the environment: TOKEN)
import { createRequire } from "node:module";

const [, , modules, base, conversation] = process.argv;
const require = createRequire(modules + "/");
const { EventSource } = require("eventsource");
const { createParser } = require("eventsource-parser");

const path = `${base}/v1/conversations/${conversation}`;
const Authorization = `Bearer ${process.env.TOKEN}`;
const say = (reader, line) => process.stdout.write(JSON.stringify({ reader, ...line }) + "\n");

/** Prints what an EventSource is given. */
function print(reader, source) {
  for (const event of ["entry", "signal", "status", "message"])
    source.addEventListener(event, ({ data, lastEventId }) => say(reader, { event, data, last: lastEventId }));
  source.addEventListener("error", ({ code }) => say(reader, { error: code ?? null, closed: source.readyState === EventSource.CLOSED }));
}

/** As a browser's, but with the token in a header. */
function byHeader() {
  const withToken = (url, init) => fetch(url, { ...init, headers: { ...init.headers, Authorization } });
  print("eventsource", new EventSource(`${path}/stream`, { fetch: withToken }));
}

/** As a browser's: it can send no header, so each of its streams needs a ticket. It goes on as docs/how-to/stream.md says. */
async function byTicket(after) {
  const response = await fetch(`${path}/tickets`, { method: "POST", headers: { Authorization } });
  const { ticket } = await response.json();
  const source = new EventSource(`${path}/stream?ticket=${ticket}${after ? `&after=${after}` : ""}`);
  let last = after;
  source.addEventListener("entry", ({ lastEventId }) => (last = lastEventId));
  print("ticket", source);
  source.addEventListener("error", ({ code }) => code === 401 && byTicket(last));
}

/** A parser alone: everything else is the program's own. */
async function byParser() {
  let last = "";
  let pause = 1000;
  for (;;) {
    const parser = createParser({
      onEvent: ({ event, data, id }) => say("eventsource-parser", { event, data, last: (last = id ?? last) }),
      onComment: (comment) => say("eventsource-parser", { comment }),
      onRetry: (ms) => (pause = ms),
      onError: ({ message }) => say("eventsource-parser", { error: message, closed: true }),
    });
    try {
      const response = await fetch(`${path}/stream`, { headers: { Authorization, ...(last ? { "Last-Event-ID": last } : {}) } });
      if (response.status !== 200) return say("eventsource-parser", { error: response.status, closed: true });
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // how fetch says that the connection broke
    }
    say("eventsource-parser", { error: null, closed: false });
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

byHeader();
void byTicket("");
void byParser();
