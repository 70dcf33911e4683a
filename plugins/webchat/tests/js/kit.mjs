// What the tests share: a seeded generator, virtual time, and fakes of what only browsers have.

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const below = (random, most) => Math.floor(random() * most);
export const pick = (random, list) => list[below(random, list.length)];

/** Lets everything run that does not wait for a timer. Streams and promises take a few turns. */
export async function settle(turns = 4) {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Timers that run when a test says so, in order. */
export class VirtualTime {
  now = Date.parse("2026-01-01T00:00:00Z");
  #timers = new Map();
  #next = 1;

  setTimeout = (callback, ms) => {
    this.#timers.set(this.#next, { at: this.now + Math.max(0, ms), callback, id: this.#next });
    return this.#next++;
  };

  clearTimeout = (id) => void this.#timers.delete(id);

  get pending() {
    return this.#timers.size;
  }

  /** Lets so many milliseconds pass, each timer at its time. */
  async pass(ms) {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers.values()].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.id - b.id)[0];
      if (!due) break;
      this.#timers.delete(due.id);
      this.now = Math.max(this.now, due.at);
      due.callback();
      await settle();
    }
    this.now = end;
    await settle();
  }

  /** The machine sleeps: time passes, and no timer runs until it is over. */
  async sleep(ms) {
    this.now += ms;
    await this.pass(0);
  }
}

/** A browser with tabs: locks, channels and a storage that they share; `tab()` makes the environment of one. */
export class Browser {
  online = true;
  #locks = new Map();
  #channels = new Set();
  #listeners = new Set();

  constructor(time, random = seeded(1)) {
    this.time = time;
    this.random = random;
    this.kept = new Map();
    this.count = 0;
  }

  /** @param {object} more parts to replace, such as fetch */
  tab(more = {}) {
    return {
      setTimeout: this.time.setTimeout,
      clearTimeout: this.time.clearTimeout,
      now: () => this.time.now,
      random: this.random,
      uuid: () => `id-${++this.count}`,
      locks: { request: (...args) => this.#request(...args) },
      channel: (name) => this.#channel(name),
      storage: this.storage(),
      online: () => this.online,
      visible: () => true,
      listen: (callback) => {
        this.#listeners.add(callback);
        return () => this.#listeners.delete(callback);
      },
      WebSocket: null,
      fetch: () => Promise.reject(new TypeError("no network")),
      ...more,
    };
  }

  storage() {
    return {
      load: (prefix) => [...this.kept].filter(([key]) => key.startsWith(prefix)),
      save: (key, value) => void this.kept.set(key, value),
      remove: (key) => void this.kept.delete(key),
    };
  }

  network(online) {
    this.online = online;
    for (const callback of [...this.#listeners]) callback(online ? "online" : "offline");
  }

  show() {
    for (const callback of [...this.#listeners]) callback("visible");
  }

  /** As LockManager.request of exclusive locks: in the order of the requests. */
  #request(name, { signal }, callback) {
    const before = this.#locks.get(name) ?? Promise.resolve();
    const mine = before.then(async () => {
      if (signal?.aborted) throw new DOMException("aborted", "AbortError");
      return callback({ name });
    });
    this.#locks.set(name, mine.catch(() => {}));
    return mine;
  }

  #channel(name) {
    const channels = this.#channels;
    const channel = {
      name,
      onmessage: null,
      postMessage(data) {
        const copy = structuredClone(data);
        for (const other of channels)
          if (other !== channel && other.name === name) setImmediate(() => channels.has(other) && other.onmessage?.({ data: copy }));
      },
      close: () => void channels.delete(channel),
    };
    channels.add(channel);
    return channel;
  }
}
