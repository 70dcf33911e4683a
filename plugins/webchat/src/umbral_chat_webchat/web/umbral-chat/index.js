// What the module exports.
export { connect } from "./chat.js";
export { Problem, Unreachable } from "./errors.js";
export { memoryStorage, webStorage } from "./storage.js";
