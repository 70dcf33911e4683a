// The one module that a page imports. The modules beside it are served under a name that has their hash, so that all of
// them are of one version.
export * from "./umbral-chat/index.js";
