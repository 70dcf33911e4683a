// Follows conversations for test_service.py: takes commands as JSON lines, tells each state as one.
import { createInterface } from "node:readline";
import { connect } from "../../src/umbral_chat_webchat/web/umbral-chat.js";

const tabs = new Map();
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const commands = {
  open({ tab, ...options }) {
    const chat = connect(options.tokens ? { ...options, getToken: () => options.tokens.shift() ?? null } : options);
    tabs.set(tab, chat);
    chat.subscribe((state) => say({ tab, state }));
  },
  send: ({ tab, content }) => void tabs.get(tab).send(content),
  edit: ({ tab, id, content }) => tabs.get(tab).edit(id, content),
  redact: ({ tab, id }) => tabs.get(tab).redact(id),
  typing: ({ tab, typing }) => tabs.get(tab).typing(typing),
  read: ({ tab, seq }) => tabs.get(tab).markRead(seq),
  close: ({ tab }) => tabs.get(tab).close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  await commands[command](given);
}
for (const chat of tabs.values()) chat.close();
