// n8n's own rules for community packages, those that its cloud asks for included.
import { n8nCommunityNodesPlugin } from "@n8n/eslint-plugin-community-nodes";
import parser from "@typescript-eslint/parser";
import n8nNodesBase from "eslint-plugin-n8n-nodes-base";

// The older of the two wants words where the newer wants n8n's constants.
const replaced = [
  "node-class-description-inputs-wrong-regular-node",
  "node-class-description-inputs-wrong-trigger-node",
  "node-class-description-outputs-wrong",
];
const off = (names) => Object.fromEntries(names.map((name) => [`n8n-nodes-base/${name}`, "off"]));
const { rules: nodes } = n8nNodesBase.configs.nodes;
const { rules: credentials } = n8nNodesBase.configs.credentials;
const language = { parser, parserOptions: { extraFileExtensions: [".json"] } };

export default [
  { ...n8nCommunityNodesPlugin.configs.recommended, files: ["**/*.ts", "package.json"], languageOptions: language },
  // Where and by whom it is published is decided at its release, by the CI that publishes it.
  { files: ["package.json"], rules: { "@n8n/community-nodes/valid-author": "off", "@n8n/community-nodes/require-homepage": "off" } },
  { files: ["nodes/**/*.ts"], plugins: { "n8n-nodes-base": n8nNodesBase }, languageOptions: language, rules: { ...nodes, ...off(replaced) } },
  {
    files: ["credentials/**/*.ts"],
    plugins: { "n8n-nodes-base": n8nNodesBase },
    languageOptions: language,
    // It wants the name of a page of n8n's own documentation.
    rules: { ...credentials, ...off(["cred-class-field-documentation-url-miscased"]) },
  },
];
