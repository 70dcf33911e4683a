// What a page's own program may write, and what it may not: checked by the compiler, never run.
import { connect, memoryStorage, Problem, type Chat, type ChatState, type Message } from "umbral-chat";
import * as implementation from "umbral-chat/implementation";
import { attach, type Companion } from "umbral-chat/n8n";
import * as companionImplementation from "umbral-chat/n8n/implementation";
import { addStyles, mountConversation, pick, type MountedView } from "umbral-chat/ui";
import * as uiImplementation from "umbral-chat/ui/implementation";

// The declaration says what the modules are.
const declared: typeof connect = implementation.connect;
const problem: typeof Problem = implementation.Problem;
const attached: typeof attach = companionImplementation.attach;
const [mounted, styles, picked]: [typeof mountConversation, typeof addStyles, typeof pick] = [
  uiImplementation.mountConversation,
  uiImplementation.addStyles,
  uiImplementation.pick,
];
void [declared, problem, attached, mounted, styles, picked];

const chat: Chat = connect({
  url: "https://chat.example.com",
  conversation: "order-1042",
  getToken: async (why) => (why === "renew" ? "another" : null),
  storage: memoryStorage(),
  edges: ["websocket", "poll"],
});
const end: () => void = chat.subscribe((state: ChatState) => {
  const texts: string[] = state.messages.map((message: Message) => message.content);
  const failed = state.messages.filter(({ delivery }) => delivery === "failed").map(({ error }) => error?.code);
  const why: string = state.connection.reason;
  void [texts, failed, why, state.drafts[0]?.text, state.runs[0]?.state, state.presence?.count];
});
chat.send("Hello", { metadata: { order: 7 }, replyTo: "m1" });
void chat.edit("m1", "better").catch((error: unknown) => error instanceof Problem && error.code);
void chat.cancelRun("r1");
end();

const view: MountedView = mountConversation(document.body, {
  chat,
  viewer: { role: "user", subject: null },
  strings: pick(navigator.languages),
  options: { notes: chat, header: false, onSend: (text) => text.startsWith("/") },
});
view.focus();
view.destroy();
// @ts-expect-error a viewer is needed: whose messages are own ones
mountConversation(document.body, { chat, strings: pick([]) });

// @ts-expect-error a conversation is needed
connect({});
// @ts-expect-error there is no such edge
connect({ conversation: "a", edges: ["carrier pigeon"] });
// @ts-expect-error states are not written to
chat.state.messages.push();

const companion: Companion = attach({}, { url: "https://chat.example.com", conversation: "order-1042", token: "…", texts: { removed: "–" } });
companion.chat?.markRead();
companion.detach();
// @ts-expect-error it sends nothing, so there is no outbox to keep
attach({}, { conversation: "a", storage: memoryStorage() });
