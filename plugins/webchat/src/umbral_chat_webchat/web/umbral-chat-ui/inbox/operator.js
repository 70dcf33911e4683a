// The operator at this page: who it is to the service, and what its messages are signed with.

/** @import { Options, Sender } from "../../umbral-chat.d.ts" */
/** @import { Who } from "./api.js" */

/**
 * `counted`: whether the service counts what this operator has not read. `options`: how the client connects.
 *
 * @typedef {object} Operator
 * @property {string} subject
 * @property {string} name
 * @property {boolean} signedIn by a session, which can end
 * @property {boolean} counted
 * @property {Sender} sender
 * @property {Pick<Options, "credentials" | "user">} options
 * @property {(right: string) => boolean} may
 */

/** @param {Who} who @param {string} unnamed what an operator without a name is called @returns {Operator} */
export function operatorOf({ kind, subject, name, rights }, unnamed) {
  const called = name || unnamed;
  return {
    subject,
    name: called,
    signedIn: kind === "session",
    counted: kind !== "local", // without keys all callers are one, the visitors too
    sender: { role: "agent", id: subject, name: called },
    options: { credentials: "same-origin", user: subject },
    may: (right) => rights.includes(right),
  };
}
