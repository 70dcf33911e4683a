// A page that follows a conversation as docs/how-to/supabase-direct.md does, telling its copy in JSON lines on stdout.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const options = JSON.parse(process.argv[2]);
const { createClient } = createRequire(process.env.MODULES + "/")("@supabase/supabase-js");
const { follow } = await import(options.module);

const short = (text) => (text.length > 1000 ? `${text.length} characters` : text);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const supabase = createClient(options.url, options.key, { auth: { persistSession: false } });
const { error } = await supabase.auth.signInWithPassword({ email: options.email, password: options.password });
if (error) throw error;

// What the page tried and was refused.
const refused = [];
const make = supabase.channel.bind(supabase);
supabase.channel = (topic, given) => {
  const channel = make(topic, given);
  const subscribe = channel.subscribe.bind(channel);
  channel.subscribe = (callback) =>
    subscribe((status, error) => {
      if (String(error?.message ?? "").includes("permissions")) refused.push(topic);
      callback(status, error);
      tell();
    });
  return channel;
};

let copy;
const tell = () => {
  const { messages, drafts, people, typing, count, listed, over } = copy;
  say({
    messages: [...messages.values()].map(({ message_id, content, redacted }) => [message_id, short(content), redacted ?? false]),
    drafts: drafts.map(({ text }) => text),
    people: [...people.values()].map(({ name, status }) => [name, status]),
    typing: [...typing.values()].map(({ name }) => name),
    count,
    listed,
    over,
    topics: supabase.getChannels().filter(({ state }) => state === "joined").map(({ subTopic }) => subTopic),
    refused,
  });
};
const stop = follow(supabase, options.service, options.conversation, (now) => {
  copy = now;
  tell();
});
createInterface({ input: process.stdin }).on("line", () => stop());
