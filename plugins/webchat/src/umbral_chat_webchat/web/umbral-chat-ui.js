// The view of a conversation, for a page that mounts it by itself. The modules beside it are served under a name that has
// their hash, as the client's are.
export * from "./umbral-chat-ui/index.js";
