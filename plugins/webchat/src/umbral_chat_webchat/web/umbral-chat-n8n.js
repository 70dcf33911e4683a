// The companion of n8n's chat widget, the one module that a page imports for it. Its modules are served as the client's.
export * from "./umbral-chat/n8n/attach.js";
