// What the module exports.
export { mountConversation } from "./view.js";
export { languages, pick } from "./strings.js";
export { addStyles } from "./styles.js";
