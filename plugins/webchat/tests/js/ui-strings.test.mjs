// Texts: complete in every language, plurals by its rules, times in the reader's zone.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { daysBetween, languages, pick } from "../../src/umbral_chat_webchat/web/umbral-chat-ui/strings.js";

// Parts of the interface have texts of their own beside them.
const interfaceFolder = new URL("../../src/umbral_chat_webchat/web/umbral-chat-ui/", import.meta.url);
for (const name of readdirSync(interfaceFolder, { recursive: true })) if (/.[/\\]strings\.js$/.test(name)) await import(new URL(name, interfaceFolder));

const placeholders = (text) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))].sort();
const forms = (text) => (typeof text === "string" ? [text] : Object.values(text));

test("every language has every text, with the same placeholders, and every plural form that it needs", () => {
  for (const [language, texts] of Object.entries(languages)) {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(languages.en).sort(), language);
    const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const [key, text] of Object.entries(texts)) {
      const wanted = placeholders(forms(languages.en[key]).join());
      assert.deepEqual(placeholders(forms(text).join()), wanted, `${language} ${key}`);
      assert.equal(typeof text === "string", typeof languages.en[key] === "string", `${language} ${key}`);
      if (typeof text !== "string") assert.deepEqual(Object.keys(text).sort(), [...categories].sort(), `${language} ${key}`);
      assert.ok(forms(text).every((form) => form.trim() === form && form), `${language} ${key}`);
    }
  }
});

test("every text that a module asks for by its name exists, and none is left over", () => {
  const folder = new URL("../../src/umbral_chat_webchat/web/umbral-chat-ui/", import.meta.url);
  const modules = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".js") && !/^vendor|(^|[/\\])strings\.js$/.test(name));
  const read = (name) => readFileSync(new URL(name, folder), "utf8");
  const source = [...modules.map(read), read("strings.js").split("export function pick")[1]].join("\n");
  const asked = [...source.matchAll(/\bt\(\s*(?:[\w.!() ]+ \? )?"([\w.]+)"(?: : "([\w.]+)")?/g)].flatMap(([, one, other]) => (other ? [one, other] : [one]));
  assert.ok(asked.length > 20);
  for (const key of asked) assert.ok(key in languages.en, key);
  const prefixes = [...source.matchAll(/`([\w.]+\.)\$\{/g)].map(([, prefix]) => prefix);
  const named = (key) => source.includes(`"${key}"`) || prefixes.some((prefix) => key.startsWith(prefix));
  assert.deepEqual(Object.keys(languages.en).filter((key) => !named(key)), []);
});

test("a language is chosen by the reader's order, whatever its region, and English is the last resort", () => {
  assert.equal(pick(["fr-FR", "de-AT", "en"]).lang, "de");
  assert.equal(pick(["tlh", "constructor", "__proto__"]).lang, "en");
  assert.equal(pick([]).lang, "en");
  assert.equal(pick(["not a tag", "de_DE"]).lang, "en");
});

test("plurals and placeholders", () => {
  const { t } = pick(["en"]);
  assert.equal(t("jump.count", { count: 1 }), "1 new message");
  assert.equal(t("jump.count", { count: 3 }), "3 new messages");
  assert.equal(pick(["de"]).t("jump.count", { count: 3 }), "3 neue Nachrichten");
  assert.equal(t("failed", { reason: "{count}" }), "Not sent: {count}", "what is put in is not replaced again");
  assert.equal(t("no such text"), "no such text");
});

test("days are those of the reader's calendar", () => {
  const now = new Date(2026, 2, 4, 0, 30);
  const day = (date) => pick(["en-GB"]).day(date.toISOString(), now.getTime());
  assert.equal(day(new Date(2026, 2, 4, 0, 1)), "Today");
  assert.equal(day(new Date(2026, 2, 3, 23, 59)), "Yesterday");
  assert.match(day(new Date(2026, 1, 20)), /^Friday.*20 February$/);
  assert.match(day(new Date(2025, 1, 20)), /20 February 2025/);
  assert.equal(daysBetween(new Date(2026, 2, 28, 12), new Date(2026, 2, 30, 12)), 2, "across the change of the clocks");
});

test("times are written as the reader's region writes them", () => {
  const at = new Date(2026, 2, 4, 15, 5).toISOString();
  assert.match(pick(["en-US"]).time(at), /3:05.PM/);
  assert.equal(pick(["de-DE"]).time(at), "15:05");
});
