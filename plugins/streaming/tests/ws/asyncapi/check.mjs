// Reads an AsyncAPI document from standard input, and prints what is wrong with it and the names of its messages.
import { createRequire } from "node:module";

const require = createRequire(process.argv[2] + "/");
const { Parser } = require("@asyncapi/parser");

let text = "";
for await (const piece of process.stdin) text += piece;
const { document, diagnostics } = await new Parser().parse(text);
const wrong = diagnostics
  .filter((one) => one.severity === 0)
  .map((one) => `${one.path.join(".")}: ${one.message}`);
const operations = {};
for (const operation of document?.operations().all() ?? []) {
  operations[operation.action()] = operation.messages().all().map((message) => message.name());
}
console.log(JSON.stringify({ wrong, operations }));
