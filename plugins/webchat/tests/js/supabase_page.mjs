// A page of a user who is signed in to Supabase, with the npm client: takes commands, tells each state as a JSON line.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { connect } from "../../src/umbral_chat_webchat/web/umbral-chat.js";

const { url, key, email, password, service, ...options } = JSON.parse(process.argv[2]);
const { createClient } = createRequire(process.env.MODULES + "/")("@supabase/supabase-js");

const supabase = createClient(url, key, { auth: { persistSession: false } });
const { error } = await supabase.auth.signInWithPassword({ email, password });
if (error) throw error;
const getToken = async () => (await supabase.auth.getSession()).data.session.access_token;

const chat = connect({ ...options, url: service, supabase, getToken });
chat.subscribe(({ messages, drafts, connection }) => {
  const shown = messages.map(({ content, delivery }) => [content, delivery]);
  process.stdout.write(JSON.stringify({ messages: shown, drafts: drafts.map(({ text }) => text), connection }) + "\n");
});
for await (const line of createInterface({ input: process.stdin })) chat.send(JSON.parse(line).content);
chat.close();
