// The one script that a site adds to its pages for a chat: it reads its own attributes, and loads what it needs.
//
// A classic script, so that it finds itself, and works in a page whose policy lists scripts by nonce or origin.
(() => {
  const found = document.currentScript ?? document.querySelector('script[src*="/umbral-chat-embed"]');
  const script = /** @type {HTMLScriptElement | null} */ (found);
  // By its whole address: a classic script of another origin has no base of its own for imports.
  const loaded = import(new URL("./umbral-chat-ui/embed/embed.js", script?.src ?? location.href).href);
  const chat = (window.UmbralChat ??= {
    mount: async (options) => (await loaded).mount(options, script?.src ?? location.href),
    mounted: null,
  });
  loaded.catch(() => console.error("umbral-chat: the page's content security policy, or the network, keeps the chat's modules out."));
  if (!script || script.dataset.mode === "manual") return;
  const mounted = loaded.then((module) => module.mount(module.read(script), script.src, script));
  mounted.catch((error) => console.error("umbral-chat:", error.message));
  chat.mounted ??= mounted;
})();
