// The ways to sign in: with a key of the service, and with an account of a Supabase project whose users are operators. Each
// ends with a session of the service, in a cookie; the key, the password and the account's token are kept nowhere.

import { Http } from "../../umbral-chat/http.js";
import { described, Problem } from "../../umbral-chat/errors.js";
import { Tokens } from "../../umbral-chat/tokens.js";
import { reasonText } from "./reasons.js";

/** @import { Environment } from "../../umbral-chat.d.ts" */
/** @import { Strings } from "../../umbral-chat-ui.d.ts" */
/** @import { InboxApi, Who } from "./api.js" */

/**
 * `fields`: what is asked for beside the name. `signIn` rejects where it is refused, and `refusal` says why.
 *
 * @typedef {object} Way
 * @property {string} name key of its texts: `inbox.signin.NAME.text`, and `inbox.signin.NAME` on the button that chooses it
 * @property {{id: string, type: "email" | "password", autocomplete: string}[]} fields
 * @property {(name: string, values: string[]) => Promise<Who>} signIn
 * @property {(error: unknown, strings: Strings) => string} refusal
 */

/** @param {InboxApi} api @returns {Way} */
export function byKey(api) {
  return {
    name: "by_key",
    fields: [{ id: "key", type: "password", autocomplete: "off" }],
    signIn: (name, [key = ""]) => api.signIn(name, key),
    refusal: (error, strings) => refusal(error, strings, { 401: "refused", 403: "forbidden", 404: "missing" }),
  };
}

/**
 * Supabase Auth's `POST /token?grant_type=password`, then `POST /logout?scope=local`, for the account's own session is not
 * needed once there is one of this service.
 *
 * @param {InboxApi} api @param {Environment} env @param {{url: string, apikey: string}} project
 * @returns {Way}
 */
export function byAccount(api, env, { url, apikey }) {
  const http = new Http(env, `${url}/auth/v1`, new Tokens(env, {}));
  const headers = { apikey };
  return {
    name: "by_account",
    fields: [
      { id: "email", type: "email", autocomplete: "username" },
      { id: "password", type: "password", autocomplete: "current-password" },
    ],
    async signIn(name, [email, password]) {
      const { body } = await http.call("POST", "/token", { query: { grant_type: "password" }, headers, body: { email, password } });
      const token = String(body?.access_token);
      try {
        return await api.signIn(name, token);
      } finally {
        const signedOut = http.call("POST", "/logout", {
          query: { scope: "local" },
          headers: { ...headers, Authorization: `Bearer ${token}` },
        });
        // It ends by itself, too: no page has its refresh token any more.
        signedOut.catch(() => {});
      }
    },
    // Supabase Auth's own: 400 `invalid_credentials`. This service knows the account and refuses it: 403.
    refusal: (error, strings) => refusal(error, strings, { 400: "wrong", 401: "stranger", 403: "stranger", 404: "missing" }),
  };
}

/** @param {unknown} error @param {Strings} strings @param {Record<number, string>} known texts, by status */
function refusal(error, strings, known) {
  const key = error instanceof Problem ? known[error.status] : undefined;
  return key ? strings.t(`inbox.signin.${key}`) : reasonText(described(error).code, strings);
}
