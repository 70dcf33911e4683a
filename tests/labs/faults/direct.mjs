// Pages that follow conversations as docs/how-to/supabase-direct.md does, by its own program as it stands. Each change of
// a copy is told in a JSON line: what was applied since the last one, one after the other, and what the copy is then.
import { createRequire } from "node:module";

const options = JSON.parse(process.argv[2]);
const { createClient } = createRequire(process.env.MODULES + "/")("@supabase/supabase-js");
const { follow } = await import(options.module);

// The copy itself cannot show that an entry was applied twice, so what the program puts into it is watched.
const applied = new WeakMap(); // by copy
const put = Map.prototype.set;
let heard = false; // whether a channel is telling something now
Map.prototype.set = function (id, value) {
  if (value?.kind === "message") {
    if (!applied.has(this)) applied.set(this, []);
    applied.get(this).push({ entry: value, heard });
  }
  return put.call(this, id, value);
};

function watched(supabase) {
  const make = supabase.channel.bind(supabase);
  supabase.channel = (...given) => {
    const channel = make(...given);
    const on = channel.on.bind(channel);
    channel.on = (type, filter, hear) =>
      on(type, filter, (told) => {
        heard = true;
        try {
          hear(told);
        } finally {
          heard = false;
        }
      });
    return channel;
  };
  return supabase;
}

for (const [page, { service, conversation }] of options.pages.entries()) {
  const supabase = watched(createClient(options.url, options.key, { auth: { persistSession: false } }));
  const { error } = await supabase.auth.signInWithPassword({ email: options.email, password: options.password });
  if (error) throw error;
  let told = new Set(); // messages that were said: only what is new is said again
  follow(supabase, service, conversation, ({ messages, over }) => {
    const now = [...messages.values()];
    const changed = now.filter((message) => !told.has(message));
    told = new Set(now);
    const line = { page, applied: applied.get(messages) ?? [], changed, copy: now.map(({ seq }) => seq), over };
    applied.delete(messages);
    process.stdout.write(JSON.stringify(line) + "\n");
  });
}
