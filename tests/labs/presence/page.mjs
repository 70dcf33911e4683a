// A page that follows all conversations as docs/how-to/supabase-direct.md does, telling what it knows in JSON lines.
import { createRequire } from "node:module";

const options = JSON.parse(process.argv[2]);
const require = createRequire(process.env.MODULES + "/");
const { createClient } = require("@supabase/supabase-js");
const WebSocket = require("ws");
const { follow } = await import(options.module);

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const supabase = createClient(options.url, options.key, {
  auth: { persistSession: false },
  realtime: { transport: WebSocket, reconnectAfterMs: () => 200 },
});
const { error } = await supabase.auth.signInWithPassword({ email: options.email, password: options.password });
if (error) throw error;

// What is told of leaving, before the program makes anything of it.
const make = supabase.channel.bind(supabase);
supabase.channel = (topic, given) =>
  make(topic, given).on("broadcast", { event: "signals" }, ({ payload }) => {
    for (const signal of payload.signals)
      if (signal.signal === "presence" && signal.left?.length) say({ conversation: payload.conversation, left: signal.left });
  });

for (const conversation of options.conversations) {
  let before = "";
  follow(supabase, options.service, conversation, (copy) => {
    const told = JSON.stringify({ conversation, people: [...copy.people.values()], typing: [...copy.typing.values()], over: copy.over });
    if (told !== before) process.stdout.write(told + "\n");
    before = told;
  });
}
