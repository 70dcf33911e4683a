// The edge `direct`: the conversation's own channel on Supabase, by the supabase-js that the page brings. The rules that
// it follows are those of docs/how-to/supabase-direct.md.

import { Problem, Unreachable } from "../errors.js";
import { OPENING } from "./edge.js";

/** @import { Edge, EdgeContext } from "./edge.js" */
/** @import { PersonTyping } from "../../umbral-chat.d.ts" */

/** Milliseconds between two reads because of presence, of which the channel says only what changed. */
const PRESENCE = 1_000;

/** @type {Edge} */
export async function direct(context, offer, signal) {
  const { env, supabase, waker } = context;
  const { topic, config, reconcile_every_ms } = offer.parameters ?? {};
  await supabase.realtime.setAuth(); // without a token: supabase-js asks for it again at each reconnect
  signal.throwIfAborted();
  const channel = supabase.channel(topic, { config });
  const typing = new TypingList(context);
  /** @type {any[]} */
  const timers = [];
  let over = false;
  const after = (/** @type {number} */ ms, /** @type {() => void} */ then) => {
    if (!over) timers.push(env.setTimeout(then, ms));
  };
  let off = () => {};
  let abort = () => {};
  try {
    return await new Promise((resolve, reject) => {
      abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort);
      let joined = false;
      let presenceRead = 0;
      // What a poll says is true; what the channel says is sooner, and may be lost.
      const read = () => context.read(false).catch((error) => void reject(error));
      // Entries that the channel did not bring, or a service that is not live: the channel may be deaf, or not be the one to
      // use any more. What it still brings is right, so it is left only if `connect` has another answer.
      const check = async () => {
        if ((await context.offered())?.parameters?.topic !== topic) resolve({ code: "rebalance", reconnect: "now" });
      };
      const round = async () => {
        const reading = await read();
        if (reading && (reading.news || reading.mode !== "live")) await check().catch(reject);
        after(reconcile_every_ms, round);
      };
      const on = (/** @type {string} */ event, /** @type {(payload: any) => void} */ receive) =>
        channel.on("broadcast", { event }, (/** @type {{payload: any}} */ { payload }) => receive(payload));
      on("entry", ({ epoch, seq, entry }) => {
        if (entry) context.take({ type: "entry", entry, cursor: `${epoch}.${seq}` });
        else if (epoch !== context.merge.epoch || seq > context.merge.seq) void read(); // it was too long
      });
      on("signals", ({ signals }) => {
        for (const received of signals) {
          if (received.signal === "draft") context.take({ type: "signal", signal: { ...received, offset: 0 } });
          else if (received.signal === "typing") typing.take(received);
          else if (received.signal === "presence" && env.now() - presenceRead > PRESENCE) {
            presenceRead = env.now();
            void read();
          } else if (["runs", "read"].includes(received.signal)) context.take({ type: "signal", signal: received });
        }
      });
      on("moved", () => resolve({ code: "rebalance", reconnect: "now" })); // `connect` has the new topic, or says no
      on("deleted", ({ epoch }) => {
        if (epoch === context.merge.epoch) resolve({ code: "conversation_deleted", reconnect: "never" });
      });
      off = waker.on((why) => why !== "offline" && joined && void read());
      after(OPENING, () => joined || reject(new Unreachable("the channel was not joined in time")));
      channel.subscribe((/** @type {string} */ status) => {
        if (status !== "SUBSCRIBED") return reject(new Unreachable(`the channel is ${status}`));
        if (joined) return;
        joined = true;
        // Read once after the join: what was sent before it is not delivered.
        void read().then(async (reading) => {
          if (reading) context.opened({ mode: reading.mode ?? "live" });
          // If one of it was a member's removal, the topic has moved, and nothing more is said on this one.
          if (reading?.news) await check().catch(reject);
          after(reconcile_every_ms, round);
        });
      });
    });
  } catch (error) {
    if (error instanceof Problem || error instanceof Unreachable || signal.aborted) throw error;
    throw new Unreachable("supabase-js failed", error);
  } finally {
    over = true;
    off();
    signal.removeEventListener("abort", abort);
    timers.forEach((timer) => env.clearTimeout(timer));
    typing.stop();
    void supabase.removeChannel(channel);
  }
}

/** The list of who types, from signals of single persons that end by themselves. */
class TypingList {
  #context;
  /** @type {Map<string, any>} timers by person */
  #timers = new Map();

  /** @param {EdgeContext} context */
  constructor(context) {
    this.#context = context;
  }

  /** @param {PersonTyping & {typing: boolean, expires_in: number}} signal */
  take({ person, role, name, typing, expires_in }) {
    const { env, merge, take } = this.#context;
    const others = () => merge.signals.typing.filter((one) => one.person !== person);
    env.clearTimeout(this.#timers.get(person));
    const end = () => take({ type: "signal", signal: { signal: "typing", typing: others() } });
    if (!typing) return end();
    this.#timers.set(person, env.setTimeout(end, expires_in * 1000));
    const list = [...others(), { person, role, ...(name ? { name } : {}) }];
    take({ type: "signal", signal: { signal: "typing", typing: list } });
  }

  stop() {
    for (const timer of this.#timers.values()) this.#context.env.clearTimeout(timer);
  }
}
