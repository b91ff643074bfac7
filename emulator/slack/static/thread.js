// The thread pane: the root of a thread, its replies and a composer.

import { drawSession } from "./agent.js";
import { composer } from "./composer.js";
import { h } from "./dom.js";
import { updateList } from "./messages.js";
import { follower } from "./scrolling.js";

/** Returns how to draw the thread of `root` into `pane`; without a root it hides it. */
export function threadPane(pane, { page, say, close, stop }) {
  let scroll = null;
  const build = (root, place) => {
    const replies = h("div", { class: "thread-list", role: "log", "aria-live": "polite", "aria-label": "Replies", tabindex: 0 });
    scroll = follower(replies, "new-replies");
    pane.dataset.ts = root.ts;
    pane.replaceChildren(
      h(
        "header",
        {},
        h("h2", { "data-testid": "thread-title" }, "Thread"),
        h("span", { class: "muted" }, place),
        h("button", { type: "button", class: "plain", "aria-label": "Close thread", "data-testid": "thread-close", onclick: close }, "✕"),
      ),
      replies,
      scroll.pill,
      h("div", { class: "session", "data-testid": "session", hidden: true }),
      composer({ label: "Reply…", commands: [], send: (text, files) => say(text, files, root.ts), testid: "thread-composer" }),
    );
  };
  return (root, messages, place, position = {}, session = null) => {
    pane.hidden = !root;
    document.body.classList.toggle("thread-open", Boolean(root));
    if (!root) return;
    if (position.fresh || pane.dataset.ts !== root.ts) build(root, place);
    pane.querySelector("h2").textContent = session?.title || "Thread";
    drawSession(pane.querySelector(".session"), session, { app: page.appName, stop: () => stop(root.ts) });
    const replies = messages.filter((one) => one.is_reply && one.thread_ts === root.ts);
    scroll.update(() => updateList(pane.querySelector(".thread-list"), [root, ...replies], page, { inThread: true }), position);
  };
}
