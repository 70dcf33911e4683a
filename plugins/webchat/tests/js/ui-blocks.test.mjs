// Markdown as blocks of HTML: what is in a message stays text, and an answer that grows changes its last block alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { blocksOf } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/blocks.js";
import { below, seeded } from "./kit.mjs";

const html = (text) => blocksOf(text).map((block) => block.html()).join("");
const tags = (text) => [...html(text).matchAll(/<(\w+)/g)].map(([, tag]) => tag);

test("HTML is text", () => {
  for (const text of ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a <b onclick=x>b</b>", "<!-- c -->", "<div>\n\n**x**\n\n</div>", "<svg/onload=alert(1)>", "<a href='javascript:x'>y</a>"])
    assert.ok(tags(text).every((tag) => ["p", "br", "strong", "em"].includes(tag)), html(text));
});

test("images are links, headings are no headings of the page, task lists have no fields", () => {
  assert.equal(html("![a cat](https://x.example/cat.png)"), '<p><a href="https://x.example/cat.png">a cat</a></p>\n');
  assert.equal(html("# One *two*"), '<p class="heading">One <em>two</em></p>');
  assert.ok(!tags("- [x] done\n- [ ] open").includes("input"));
  assert.match(html("- [x] done\n- [ ] open"), /☑ .*done[^]*☐ .*open/);
});

test("what may be wide is scrolled by itself, with the keyboard, too", () => {
  assert.equal(html("```js\nif (a < b) {}\n```"), '<pre class="scroll" tabindex="0"><code>if (a &#60; b) {}</code></pre>');
  const table = html("| a | b |\n| --- | ---: |\n| **1** | <i> |");
  assert.match(table, /^<div class="scroll" tabindex="0"><table><thead><tr><th>a<\/th><th align="right">b<\/th>/);
  assert.match(table, /<td><strong>1<\/strong><\/td><td align="right">&#60;i&#62;<\/td>/);
});

test("while a text grows, all blocks but the last stay as they are", () => {
  const whole = "# Title\n\nOne *two* three.\n\n- a\n- b\n\n```\ncode\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\nEnd.";
  let before = [];
  for (let length = 1; length <= whole.length; length++) {
    const sources = blocksOf(whole.slice(0, length)).map(({ source }) => source);
    for (const [at, source] of before.slice(0, -2).entries()) assert.equal(sources[at], source, `at ${length}`);
    before = sources;
  }
  assert.equal(before.length, 6);
});

test("blocks one by one are the text as a whole, addresses of links in other blocks included", () => {
  assert.match(html("See [the page][1].\n\nMore.\n\n[1]: https://x.example/"), /<a href="https:\/\/x.example\/">the page<\/a>/);
});

test("texts that are made to be slow or deep are shown, or shown as they are, in time", () => {
  const long = 40_000;
  const texts = ["[", "*a ", "> ", "`", "![](", "- ", "<", "|a", "_", "a@", "http://a.", "&#", "\\", "\n\n", "[]:", "~~"].map((piece) => piece.repeat(long / piece.length));
  for (const text of texts) {
    const begun = performance.now();
    blocksOf(text)?.map((block) => {
      try {
        return block.html();
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error)); // markdown.js then shows the text
      }
    });
    assert.ok(performance.now() - begun < 20_000, `${text.slice(0, 6)} took ${performance.now() - begun} ms`);
  }
  assert.equal(blocksOf("a".repeat(long + 1)), null);
});

test("any text is rendered without an error", () => {
  const random = seeded(5);
  const alphabet = ["*", "_", "`", "[", "]", "(", ")", "<", ">", "#", "-", "|", "\n", " ", "a", "1", ".", ":", "&", "\\", "~", "!", "é", "😀", "\u202e", "\0"];
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: below(random, 60) }, () => alphabet[below(random, alphabet.length)]).join("");
    const made = html(text);
    for (const [, tag] of made.matchAll(/<(\/?\w+)/g)) assert.match(tag, /^\/?(?:a|blockquote|br|code|del|div|em|hr|li|ol|p|pre|strong|table|tbody|td|th|thead|tr|ul)$/, JSON.stringify(text));
  }
});
