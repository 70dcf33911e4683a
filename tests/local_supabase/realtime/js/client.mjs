// supabase-js as a browser uses it, commanded by JSON lines on stdin, telling what happens in JSON lines on stdout.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.env.MODULES + "/");
const { createClient } = require("@supabase/supabase-js");
const WebSocket = require("ws");

const options = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const client = createClient(options.url, options.key, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: WebSocket, reconnectAfterMs: () => 200 },
});
if (options.token) await client.realtime.setAuth(options.token);

const channel = client.channel(options.topic, { config: options.config ?? {} });
channel.on("broadcast", { event: "*" }, (message) =>
  say({ got: message.event, payload: message.payload, meta: message.meta ?? null }),
);
channel.on("presence", { event: "sync" }, () => say({ presence: channel.presenceState() }));
channel.on("system", {}, (message) => say({ system: message.message, status: message.status }));
channel.subscribe((status, error) => say({ status, error: error ? String(error.message ?? error) : null }));

createInterface({ input: process.stdin }).on("line", async (line) => {
  const command = JSON.parse(line);
  if (command.send) say({ sent: await channel.send({ type: "broadcast", event: command.send, payload: command.payload }) });
  if (command.track) say({ tracked: await channel.track(command.track) });
  if (command.token) {
    await client.realtime.setAuth(command.token);
    say({ authorized: true });
  }
  if (command.http) say({ http: await channel.httpSend(command.http, command.payload) });
});
