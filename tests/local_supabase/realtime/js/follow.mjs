// A page that follows a conversation as docs/how-to/supabase-direct.md does, telling its copy in JSON lines on stdout.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const options = JSON.parse(process.argv[2]);
const { createClient } = createRequire(process.env.MODULES + "/")("@supabase/supabase-js");
const { follow } = await import(options.module);
if (options.read_after) {
  // Each poll is sent so many milliseconds later.
  const direct = globalThis.fetch;
  globalThis.fetch = async (url, given) => {
    if (String(url).includes("/events?")) await new Promise((resolve) => setTimeout(resolve, options.read_after));
    return direct(url, given);
  };
}

const short = (text) => (text.length > 1000 ? `${text.length} characters` : text);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const signedIn = createClient(options.url, options.key, { auth: { persistSession: false } });
const { data, error } = await signedIn.auth.signInWithPassword({ email: options.email, password: options.password });
if (error) throw error;
// With `elsewhere` the page has the token and no session.
const token = options.elsewhere ? async () => data.session.access_token : undefined;
const supabase = token ? createClient(options.url, options.key, { accessToken: token }) : signedIn;

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
const changed = (now) => {
  copy = now;
  tell();
};
const stop = follow(supabase, options.service, options.conversation, changed, token);
createInterface({ input: process.stdin }).on("line", () => stop());
