/** What is used of marked, as far as it is used. */

export interface Token {
  type: string;
  raw: string;
}

export interface Cell {
  align: string | null;
  tokens: Token[];
}

interface Renderer {
  html(token: { text: string; block: boolean }): string;
  image(token: { href: string; text: string; title: string | null }): string;
  heading(this: This, token: { tokens: Token[] }): string;
  checkbox(token: { checked: boolean }): string;
  code(token: { text: string }): string;
  table(this: This, token: { header: Cell[]; rows: Cell[][] }): string;
}

interface This {
  parser: { parseInline(tokens: Token[]): string };
}

export class Marked {
  constructor(options: { gfm: boolean; breaks: boolean });
  use(extension: { renderer: Renderer }): void;
  lexer(text: string): Token[] & { links?: Record<string, unknown> };
  parser(tokens: Token[]): string;
}
