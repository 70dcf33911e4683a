// The style of the bubble and its panel. A constructed style sheet needs no permission of the page's policy.

export const CSS = `
/* Important here goes before what is important in the page: nothing of its style is inherited. */
:host { all: initial !important; display: block !important; }
:host([hidden]) { display: none !important; }
.embed { background: none; font-size: 1rem; }
.embed *, .embed { box-sizing: border-box; }
.launch svg, .bar svg { fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.embed.bubble { position: fixed; z-index: 2147483000; inset-block-end: max(1rem, env(safe-area-inset-bottom)); inset-inline-end: 1rem; }
.embed.bubble[data-position="start"] { inset-inline: 1rem auto; }
.embed.inline { display: block; block-size: var(--umbral-height, 32rem); max-inline-size: 100%; }
button.launch {
  display: grid; place-items: center; position: relative; margin-inline-start: auto; inline-size: 3.5rem; block-size: 3.5rem;
  border: 0; border-radius: 50%; padding: 0; cursor: pointer; background: var(--_accent); color: var(--_on-accent);
  box-shadow: 0 .25rem 1rem rgb(0 0 0 / .28);
}
.embed.bubble[data-position="start"] button.launch { margin-inline: 0 auto; }
button.launch:hover { filter: brightness(1.08); }
button.launch svg { inline-size: 1.7rem; block-size: 1.7rem; }
.count {
  position: absolute; inset-block-start: -.2rem; inset-inline-end: -.2rem; min-inline-size: 1.4rem; padding-inline: .35rem;
  border-radius: 1rem; background: #b3261e; color: #fff; font: 600 .8rem/1.4rem var(--_font); text-align: center;
  border: 2px solid var(--_bg);
}
.panel {
  display: flex; flex-direction: column; overflow: hidden; background: var(--_bg); color: var(--_text);
  border: 1px solid var(--_line); border-radius: var(--_radius);
}
.embed.bubble .panel {
  position: absolute; inset-block-end: 4.25rem; inset-inline-end: 0; inline-size: min(24rem, calc(100vw - 2rem));
  block-size: min(38rem, calc(100dvh - 7rem)); box-shadow: 0 1rem 3rem rgb(0 0 0 / .3);
}
.embed.bubble[data-position="start"] .panel { inset-inline: 0 auto; }
.embed.inline .panel { block-size: 100%; }
.panel[hidden], .count[hidden] { display: none; }
.bar {
  display: flex; align-items: center; gap: .25rem; min-block-size: 3rem; padding-inline: 1rem .375rem;
  background: var(--_accent); color: var(--_on-accent);
}
.bar h2 { flex: 1; margin: 0; font: 600 1.05rem/1.3 var(--_font); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bar button {
  display: grid; place-items: center; inline-size: 2.5rem; block-size: 2.5rem; border: 0; border-radius: .5rem; padding: 0;
  background: none; color: inherit; cursor: pointer;
}
.bar button:hover { background: rgb(255 255 255 / .16); }
.bar button svg { inline-size: 1.25rem; block-size: 1.25rem; }
:focus-visible { outline: 3px solid var(--_text); outline-offset: 2px; }
.bar :focus-visible { outline-color: currentColor; outline-offset: -3px; }
.view { flex: 1; min-block-size: 0; display: flex; flex-direction: column; }
.view > .umbral-chat { flex: 1; min-block-size: 0; }
.failed { margin: auto; padding: 1.5rem; text-align: center; display: grid; gap: .75rem; justify-items: center; }
.failed button {
  padding: .5rem 1rem; border: 1px solid var(--_line); border-radius: .5rem; background: var(--_surface); color: inherit;
  font: inherit; cursor: pointer;
}
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 30rem) {
  .embed.bubble .panel:not([hidden]) {
    position: fixed; inset: 0; inline-size: auto; block-size: auto; border: 0; border-radius: 0;
  }
  /* The panel has a button of its own to close it. */
  .embed.bubble .panel:not([hidden]) ~ .launch { display: none; }
}
@media (prefers-reduced-motion: no-preference) {
  .embed.bubble .panel { animation: rise .16s ease-out; }
  @keyframes rise { from { opacity: 0; translate: 0 .5rem; } }
}
`;

/** Gives a shadow root the style, and the interface's. @param {ShadowRoot} root @param {string} interfaceCss */
export function style(root, interfaceCss) {
  root.adoptedStyleSheets = [interfaceCss, CSS].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
}
