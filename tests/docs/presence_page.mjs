// A page that shows who is here as docs/how-to/presence.md does: it tells what it shows in JSON lines on stdout, and does
// what is said on stdin.
import { createInterface } from "node:readline";

const { module, ...options } = JSON.parse(process.argv[2]);
const { join } = await import(module);

const room = join({
  ...options,
  changed: ({ me, people, typing, counts, listed, over }, entries) =>
    process.stdout.write(
      JSON.stringify({
        people: people.map(({ name, status }) => [name, status]),
        others: typing.filter(({ person }) => person !== me).map(({ name }) => name),
        mine: typing.some(({ person }) => person === me),
        said: entries.filter(({ kind }) => kind === "message").map(({ content }) => content),
        counts,
        listed,
        over,
      }) + "\n",
    ),
});
for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...given] = JSON.parse(line).do;
  await room[what](...given);
}
