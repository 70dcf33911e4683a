// Runs in every frame before the page's own programs, and notes what is painted, moved, refused and run.
(() => {
  const seen = (window.__seen = { shifts: [], refused: [], ran: [], pressed: 0 });
  const now = () => performance.timeOrigin + performance.now();
  // Taken here, since a virtual clock replaces them later.
  const frame = window.requestAnimationFrame.bind(window);

  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, startTime, sources } of list.getEntries()) {
      const moved = sources.map(({ node, previousRect: a, currentRect: b }) => {
        const name = node?.nodeType === 1 ? `${node.localName}.${node.className}` : node?.nodeName;
        return `${name} ${Math.round(a.x)},${Math.round(a.y)} ${Math.round(a.width)}×${Math.round(a.height)} → ${Math.round(b.x)},${Math.round(b.y)} ${Math.round(b.width)}×${Math.round(b.height)}`;
      });
      // Of the inbox's list the entries change places, as they are to; a conversation keeps its.
      const view = sources.some(({ node }) => (node?.nodeType === 1 ? node : node?.parentElement)?.closest(".umbral-chat"));
      seen.shifts.push({ value, recent: hadRecentInput, at: Math.round(startTime), moved, view });
    }
  }).observe({ type: "layout-shift", buffered: true });

  addEventListener(
    "securitypolicyviolation",
    ({ effectiveDirective, blockedURI, sample }) => seen.refused.push({ directive: effectiveDirective, blocked: blockedURI, sample }),
    true,
  );
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
    window[name] = (...given) => void seen.ran.push(`${name}(${given.map(String).join().slice(0, 80)})`);
  }
  addEventListener("keydown", ({ key, timeStamp }) => key === "Enter" && (seen.pressed = performance.timeOrigin + timeStamp), true);

  // The time, in milliseconds since 1970, right after the frame in which a text was first painted.
  const painted = new Map();
  const wanted = new Set();
  window.__expect = (text) => void wanted.add(text);
  window.__painted = (text) => painted.get(text) ?? null;
  new MutationObserver((changes) => {
    for (const text of wanted) {
      if (!changes.some(({ target }) => target.textContent?.includes(text))) continue;
      wanted.delete(text);
      frame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => painted.set(text, now());
        port2.postMessage(null);
      });
    }
  }).observe(document, { subtree: true, childList: true, characterData: true });

  // All elements, those in shadow roots too.
  const all = (selector, root = document) => [
    ...root.querySelectorAll(selector),
    ...[...root.querySelectorAll("*")].flatMap(({ shadowRoot }) => (shadowRoot ? all(selector, shadowRoot) : [])),
  ];
  window.__all = all;

  // What a person sees of the conversation.
  const deliveries = ["draft", "pending", "failed", "sent"];
  window.__screen = () => ({
    connection: all(".pill[data-state], .pane-connection[data-state]")[0]?.dataset.state ?? null,
    messages: all(".umbral-chat li.row.message, .umbral-chat li.row.draft").map((row) => ({
      delivery: deliveries.find((one) => row.classList.contains(one)) ?? "",
      note: row.classList.contains("note"),
      redacted: row.classList.contains("redacted"),
      // What is far outside of the view is not laid out, and then has no innerText.
      text: (row.querySelector(".body")?.innerText || row.querySelector(".body")?.textContent || "").trim(),
    })),
  });

  // What a message's elements may not be, and no element of a page may have.
  const forbidden =
    "script,style,link,meta,base,iframe,object,embed,form,input,svg,math,video,audio,source,template,portal,frame,[style]";
  const addresses = ["href", "src", "action", "formaction", "xlink:href", "srcset", "poster", "background"];
  const ours = new Set(["http:", "https:", "mailto:"]);
  window.__unsafe = () => {
    const found = all(".umbral-chat .body *")
      .filter((one) => one.matches(forbidden) || (one.localName === "img" && !one.src.startsWith(location.origin)))
      .map((one) => one.outerHTML.slice(0, 80));
    for (const element of all("body, body *")) {
      for (const { name, value } of element.attributes) {
        // One that is no URL leads nowhere: the browser reads it by the same rules.
        const leads = addresses.includes(name) && URL.canParse(value, location.href);
        const elsewhere = leads && !ours.has(new URL(value, location.href).protocol);
        if (elsewhere || name.startsWith("on") || name === "srcdoc") found.push(`${element.localName} ${name}=${value.slice(0, 80)}`);
      }
    }
    return found;
  };

  // Lengths of the frames, in milliseconds, until it is ended.
  window.__frames = () => {
    const lengths = [];
    let last = performance.now();
    let going = true;
    const next = () => {
      lengths.push(performance.now() - last);
      last = performance.now();
      if (going) frame(next);
    };
    frame(next);
    return () => ((going = false), lengths.slice(1));
  };
})();
