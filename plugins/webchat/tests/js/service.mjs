// A stand-in for the service, in memory: the HTTP API, SSE and WebSocket as far as the client uses them, and the ways in
// which they break. Its wire is that of docs/reference/api.md and of the streams' protocol.

const JSON_TYPE = { "Content-Type": "application/json" };

export class FakeService {
  epoch = "aaaaaaaaaa";
  entries = [];
  drafts = new Map();
  runs = [];
  typing = [];
  presence = null;
  up = true;
  realtime = true;
  deleted = false;
  token = null; // what is accepted; null: everything
  strategy = "cursor";
  batch = 100;
  blocked = new Set(); // edges that cannot be opened
  calls = []; // "METHOD /path" of every request
  refuse = null; // (method, path) => Response, for one test
  unread = 0;
  markers = []; // the bodies of reads
  fields = {}; // of the conversation, as a read of it has them
  devices = new Map(); // who reported to be here
  direct = false; // whether Supabase's channel is offered
  moves = 0;
  channels = [];
  #streams = new Set();
  #waiting = new Set();

  constructor(time) {
    this.time = time;
  }

  get cursor() {
    return `${this.epoch}.${this.entries.length}`;
  }

  // What happens in the conversation.

  append(entry) {
    const seq = this.entries.length + 1;
    const full = { at: new Date(this.time.now).toISOString(), sender: { role: "user", id: "ada" }, ...entry, seq };
    if (full.kind === "message") {
      full.message_id ??= `m${seq}`;
      this.drafts.delete(full.message_id);
    }
    if (full.kind === "run") this.runs = this.runs.filter(({ run_id }) => run_id !== full.run_id);
    this.entries.push(full);
    for (const stream of [...this.#streams]) stream.entry(full, this.cursor);
    this.#wakeReaders();
    return full;
  }

  say(content, more = {}) {
    return this.append({ kind: "message", content, ...more });
  }

  piece(message_id, text, sender = { role: "assistant" }) {
    const before = this.drafts.get(message_id)?.text ?? "";
    this.drafts.set(message_id, { message_id, offset: 0, text: before + text, sender });
    this.signal({ signal: "draft", message_id, offset: [...before].length, text, sender });
  }

  signal(signal) {
    if (signal.signal === "runs") this.runs = signal.runs;
    if (signal.signal === "typing") this.typing = signal.typing;
    if (signal.signal === "presence") this.presence = signal.presence;
    for (const stream of [...this.#streams]) stream.signal(signal);
    this.#wakeReaders();
  }

  // How it breaks.

  /** The process is killed: nothing is said, and nothing answers. */
  kill() {
    this.up = false;
    for (const stream of [...this.#streams]) stream.cut();
    for (const reader of [...this.#waiting]) reader.cut();
  }

  start() {
    this.up = true;
  }

  /** The network loses all connections without a word, as a router does that forgets them. */
  lose() {
    for (const stream of [...this.#streams]) stream.lose?.();
    this.#streams.clear();
    for (const reader of [...this.#waiting]) reader.lose();
    this.#waiting.clear();
  }

  /** Connections of this edge break, and the service is there. */
  cut(edge) {
    for (const stream of [...this.#streams]) if (stream.edge === edge) stream.cut();
  }

  /** The service ends every stream, and says why. */
  close(status) {
    for (const stream of [...this.#streams]) stream.close({ state: "closed", detail: "", ...status });
  }

  toggle(on) {
    this.realtime = on;
    if (!on) this.close({ code: "realtime_off", reconnect: "poll" });
  }

  /** The log is another one: it was restored, or deleted and made again. */
  renew(entries = []) {
    this.epoch = this.epoch.replace(/./g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 1));
    this.entries = [];
    for (const stream of [...this.#streams]) stream.close({ state: "closed", code: "cursor_expired", reconnect: "never", detail: "" });
    for (const content of entries) this.say(content);
    this.#wakeReaders();
  }

  remove() {
    this.deleted = true;
    this.close({ code: "conversation_deleted", reconnect: "never" });
    this.#wakeReaders();
  }

  get edges() {
    return [...this.#streams].map(({ edge }) => edge);
  }

  /** Entries after a cursor; null: it is of another log. */
  after(cursor) {
    const [epoch, seq] = cursor === "0" || !cursor ? [this.epoch, 0] : [cursor.split(".")[0], Number(cursor.split(".")[1])];
    return epoch === this.epoch && seq <= this.entries.length ? this.entries.slice(seq) : null;
  }

  // HTTP.

  fetch = async (target, init = {}) => {
    const url = new URL(target);
    const method = init.method ?? "GET";
    this.calls.push(`${method} ${url.pathname}`);
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.up) throw new TypeError("fetch failed");
    init.signal?.throwIfAborted();
    const refused = this.refuse?.(method, url.pathname);
    if (refused) return refused;
    const given = init.headers?.Authorization ?? null;
    if (this.token !== null && given !== `Bearer ${this.token}`) return problem(401, "token_expired");
    if (this.deleted) return problem(410, "conversation_deleted");
    const path = url.pathname.replace(/^\/v1\/conversations\/[^/]+/, "");
    const body = init.body ? JSON.parse(init.body) : undefined;
    if (path === "/events") return this.#events(url.searchParams, init.signal);
    if (path === "/stream") return this.#sse(url.searchParams, init.signal);
    if (path === "/messages" && method === "GET") return this.#history(url.searchParams);
    if (path === "/messages") return this.#send(body);
    if (path.startsWith("/messages/")) return this.#change(method, decodeURIComponent(path.slice(10)), body);
    if (path === "/connect") return answer(this.#connect());
    if (path === "/presence" && this.presence !== null) {
      const device = body?.device ?? url.searchParams.get("device");
      if (method === "DELETE") this.devices.delete(device);
      else this.devices.set(device, body.status);
      return answer({ renew_in: 15, device, person: "p-me" });
    }
    if (path === "/read") {
      this.markers.push(body);
      return answer({ seq: body.seq });
    }
    if (path === "" && method === "GET") return answer({ unread: this.unread, epoch: this.epoch, head: this.entries.length, ...this.fields });
    if (/^\/runs\/[^/]+\/cancel$/.test(path)) {
      const run = this.runs.find(({ run_id }) => run_id === path.split("/")[2]);
      if (!run) return problem(404, "unknown_run");
      this.signal({ signal: "runs", runs: this.runs.map((one) => (one === run ? { ...one, cancel_requested: true } : one)) });
      return answer({ run_id: run.run_id }, 202);
    }
    return problem(404, "route_not_found");
  };

  /** As much of supabase-js as the client uses: a channel of broadcasts. `direct` is what the database sends on it. */
  get supabase() {
    const service = this;
    return {
      realtime: { setAuth: async () => {} },
      channel(topic, { config }) {
        const handlers = new Map();
        const channel = {
          topic,
          config,
          on: (_, { event }, callback) => (handlers.set(event, callback), channel),
          subscribe: (callback) => {
            channel.status = callback;
            setImmediate(() => (service.up && !service.blocked.has("direct") ? join() : callback("CHANNEL_ERROR")));
          },
        };
        const join = () => {
          service.#streams.add(stream);
          channel.status("SUBSCRIBED");
        };
        const tell = (event, payload) => setImmediate(() => handlers.get(event)?.({ payload }));
        const stream = (channel.stream = {
          edge: "direct",
          entry: (entry, cursor) => {
            const [epoch] = cursor.split(".");
            if (!service.lossy?.()) tell("entry", { epoch, seq: entry.seq, ...(entry.content?.length > 50 ? {} : { entry }) });
          },
          signal: (signal) => {
            if (signal.signal === "draft") {
              const { offset: _offset, ...rest } = { ...signal, text: service.drafts.get(signal.message_id)?.text ?? "" };
              tell("signals", { signals: [rest] });
            } else if (signal.signal !== "typing") tell("signals", { signals: [signal] });
          },
          close: () => {}, // the service has no part in it
          cut: () => service.#streams.delete(stream) && channel.status("CLOSED"),
        });
        channel.tell = tell;
        service.channels.push(channel);
        return channel;
      },
      removeChannel: async (channel) => void service.#streams.delete(channel.stream),
    };
  }

  #connect() {
    const offers = [{ edge: "poll", rank: 0, url: "/v1/conversations/room/events", parameters: { wait: 50 } }];
    if (this.realtime && this.direct) {
      const parameters = { topic: `t/${this.moves}`, config: { private: true }, reconcile_every_ms: 5000 };
      offers.unshift({ edge: "direct", rank: 20, url: "http://supabase/realtime/v1", parameters });
    }
    if (this.realtime) {
      offers.unshift({ edge: "sse", rank: 50, url: "/v1/conversations/room/stream", parameters: { heartbeat_ms: 15000 } });
      offers.unshift({ edge: "websocket", rank: 60, url: "/v1/ws", parameters: { ping_ms: 25000 } });
    }
    return { offers, cursor: this.cursor, drafts: [...this.drafts.values()], runs: this.runs, mode: "local" };
  }

  #send(body) {
    const known = this.entries.find(({ client_id }) => client_id === body.client_id);
    if (known) return answer({ entry: known, cursor: `${this.epoch}.${known.seq}`, created: false });
    const entry = this.append({ kind: "message", sender: { role: "user", id: "me" }, ...body });
    return answer({ entry, cursor: `${this.epoch}.${entry.seq}`, created: true }, 201);
  }

  #change(method, message_id, body) {
    if (!this.entries.some((entry) => entry.message_id === message_id)) return problem(404, "message_not_found");
    const entry = this.append(method === "DELETE" ? { kind: "redaction", message_id } : { kind: "edit", message_id, ...body });
    return answer({ entry, cursor: `${this.epoch}.${entry.seq}`, created: true });
  }

  /** The folded messages, by a program of its own: the client's fold is judged by it. */
  folded() {
    const messages = [];
    for (const entry of this.entries) {
      const known = messages.find(({ message_id }) => message_id === entry.message_id);
      if (entry.kind === "message") messages.push({ ...entry, kind: undefined, version: entry.seq });
      else if (entry.kind === "edit" && !known.redacted)
        Object.assign(known, { content: entry.content, version: entry.seq, edited_at: entry.at, metadata: entry.metadata, finish: undefined });
      else if (entry.kind === "redaction")
        Object.assign(known, { content: "", redacted: true, version: entry.seq, metadata: undefined, edited_at: undefined });
    }
    return JSON.parse(JSON.stringify(messages));
  }

  #history(query) {
    const limit = Number(query.get("limit") ?? 50);
    const before = Number(query.get("before") ?? Infinity);
    const found = this.folded().filter(({ seq }) => seq < before);
    return answer({ messages: found.slice(-limit), cursor: this.cursor, has_more: found.length > limit });
  }

  async #events(query, signal) {
    const after = query.get("after") ?? "0";
    if (this.after(after) === null) return problem(410, "cursor_expired");
    const seconds = Number(query.get("wait") ?? 0);
    const version = this.#version();
    if (seconds > 0 && !this.after(after).length && (query.get("signals") ?? version) === version) await this.#wait(seconds, signal);
    if (!this.up) throw new TypeError("terminated");
    if (this.deleted) return problem(410, "conversation_deleted");
    const missing = this.after(after);
    if (missing === null) return problem(410, "cursor_expired");
    const snapshot = this.strategy === "snapshot";
    const entries = snapshot ? [] : missing.slice(0, this.batch);
    const seq = snapshot ? this.entries.length : this.entries.length - missing.length + entries.length;
    return answer({
      entries,
      cursor: `${this.epoch}.${seq}`,
      head: this.entries.length,
      has_more: seq < this.entries.length,
      poll_after_ms: 1000,
      mode: "local",
      signals: this.#version(),
      drafts: [...this.drafts.values()],
      typing: this.typing,
      presence: this.presence?.version === query.get("presence") ? null : this.presence,
      runs: this.runs,
      ...(snapshot ? { snapshot: true, messages: this.folded().slice(-this.batch) } : {}),
    });
  }

  #version() {
    return String(JSON.stringify([[...this.drafts.values()], this.typing, this.runs, this.presence]).length);
  }

  #wait(seconds, signal) {
    return new Promise((resolve, reject) => {
      const reader = { wake: () => end(resolve), cut: () => end(() => reject(new TypeError("terminated"))), lose: () => this.time.clearTimeout(timer) };
      const timer = this.time.setTimeout(reader.wake, seconds * 1000);
      const abort = () => end(() => reject(signal.reason));
      const end = (then) => {
        this.time.clearTimeout(timer);
        this.#waiting.delete(reader);
        signal?.removeEventListener("abort", abort);
        then();
      };
      signal?.addEventListener("abort", abort);
      this.#waiting.add(reader);
    });
  }

  #wakeReaders() {
    for (const reader of [...this.#waiting]) reader.wake();
  }

  // Streams. Each is fed as the service feeds it: status, what is missing, drafts whole, then live.

  #begin(stream, after) {
    stream.status({ state: "open", mode: "local", cursor: this.cursor, head: this.entries.length });
    const missing = this.after(after);
    missing.forEach((entry) => stream.entry(entry, `${this.epoch}.${entry.seq}`));
    for (const { message_id, text, sender } of this.drafts.values()) stream.signal({ signal: "draft", message_id, offset: 0, text, sender });
    stream.signal({ signal: "runs", runs: this.runs });
    stream.signal({ signal: "typing", typing: this.typing });
    this.#streams.add(stream);
  }

  #sse(query, signal) {
    if (!this.realtime) return new Response(null, { status: 204 });
    if (this.blocked.has("sse")) return new Response("<html>", { status: 502, headers: { "Content-Type": "text/html" } });
    const after = query.get("after");
    if (this.after(after) === null) return problem(410, "cursor_expired");
    const encoder = new TextEncoder();
    let stream;
    const body = new ReadableStream({
      start: (controller) => {
        const write = (text) => controller.enqueue(encoder.encode(text));
        const none = () => {};
        const end = (how) => {
          if (!this.#streams.delete(stream)) return;
          this.time.clearTimeout(stream.timer);
          stream.over = how !== none;
          how();
        };
        stream = {
          edge: "sse",
          status: (status) => write(`event: status\ndata: ${JSON.stringify(status)}\n\n`),
          entry: (entry, cursor) => write(`event: entry\nid: ${cursor}\ndata: ${JSON.stringify(entry)}\n\n`),
          signal: (signal) => write(`event: signal\ndata: ${JSON.stringify(signal)}\n\n`),
          close: (status) => end(() => (stream.status(status), controller.close())),
          cut: () => end(() => controller.error(new TypeError("terminated"))),
          lose: () => this.time.clearTimeout(stream.timer),
        };
        const beat = () => {
          if (this.silent !== "sse") write(": ping\n\n");
          stream.timer = this.time.setTimeout(beat, 15000);
        };
        write("retry: 2000\n\n");
        this.#begin(stream, after);
        stream.timer = this.time.setTimeout(beat, 15000);
        signal?.addEventListener("abort", () => {
          // Also of a stream that was lost: the client's own side of it ends.
          end(none);
          if (!stream.over) controller.error(signal.reason);
        });
      },
    });
    return new Response(body, { status: 200, headers: { "Content-Type": "text/event-stream" } });
  }

  /** The constructor that the client is given. */
  get WebSocket() {
    const service = this;
    return class {
      readyState = 0;
      constructor(url) {
        this.url = url;
        setImmediate(() => {
          if (this.readyState !== 0) return;
          if (!service.up || service.blocked.has("websocket")) return this.#end(1006);
          this.readyState = 1;
          this.onopen?.();
        });
      }
      send(text) {
        const frame = JSON.parse(text);
        setImmediate(() => this.readyState === 1 && !this.lost && this.#frame(frame));
      }
      close() {
        this.#drop();
        this.readyState = 3;
      }
      #frame(frame) {
        service.calls.push(`WS ${frame.type}`);
        if (frame.type === "auth") {
          if (service.token !== null && frame.token !== service.token) {
            this.#tell({ type: "status", status: { state: "closed", code: "unauthorized", reconnect: "renew", detail: "" } });
            return this.#end(4401);
          }
          const expires_at = service.expires ? new Date(service.expires).toISOString() : undefined;
          this.#tell({ type: "ready", server_time: new Date(service.time.now).toISOString(), expires_at, ping_ms: 25000, realtime: true });
        } else if (frame.type === "subscribe") {
          if (!service.realtime) {
            this.#tell({ type: "status", status: { state: "closed", code: "realtime_off", reconnect: "poll", detail: "" } });
            return this.#end(4409);
          }
          if (service.after(frame.after) === null)
            return this.#tell({ type: "error", id: frame.id, error: { status: 410, code: "cursor_expired", title: "Gone", detail: "" } });
          this.#tell({ type: "result", id: frame.id, result: { cursor: service.cursor, head: service.entries.length } });
          service.#begin(this.#stream(frame.conversation), frame.after);
        } else if (frame.type === "ping" && service.silent !== "websocket") this.#tell({ type: "pong" });
        else if (frame.type === "renew") {
          service.expires += 3600_000;
          this.#tell({ type: "result", id: frame.id, result: { expires_at: new Date(service.expires).toISOString() } });
        }
      }
      #stream(conversation) {
        this.stream = {
          edge: "websocket",
          status: (status) => this.#tell({ type: "status", conversation, status }),
          entry: (entry, cursor) => this.#tell({ type: "entry", conversation, cursor, entry }),
          signal: (signal) => this.#tell({ type: "signal", conversation, signal }),
          close: (status) => {
            this.#drop();
            this.#tell({ type: "status", conversation, status });
          },
          cut: () => (this.#drop(), this.#end(1006)),
          lose: () => (this.lost = true),
        };
        return this.stream;
      }
      #drop() {
        service.#streams.delete(this.stream);
      }
      #tell(frame) {
        const data = JSON.stringify(frame);
        setImmediate(() => this.onmessage?.({ data }));
      }
      #end(code) {
        this.readyState = 3;
        setImmediate(() => this.onclose?.({ code }));
      }
    };
  }
}

export function answer(body, status = 200) {
  return new Response(JSON.stringify(body), { status, headers: JSON_TYPE });
}

export function problem(status, code, headers = {}) {
  return new Response(JSON.stringify({ status, code, title: code, detail: code }), { status, headers: { ...JSON_TYPE, ...headers } });
}
