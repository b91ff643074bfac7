// Slack's agent view: prompts above the text box of the direct message, and the title, status and Stop of a thread.

import { h } from "./dom.js";

/** Buttons that send a question; `say` gets its text. */
export function drawPrompts(host, channel, say) {
  const { title, prompts = [] } = channel?.prompts ?? {};
  host.hidden = !prompts.length;
  host.replaceChildren(
    h("span", { class: "muted" }, title ?? ""),
    ...prompts.map((one) => h("button", { type: "button", "data-testid": "prompt", title: one.message, onclick: () => say(one.message) }, one.title)),
  );
}

/** What the app is doing in a thread, with Stop while it is processing. */
export function drawSession(host, session, { app, stop }) {
  const status = session?.status ?? "";
  const isProcessing = session?.state === "processing";
  host.hidden = !status && !isProcessing;
  if (host.hidden) return host.replaceChildren();
  const text = status ? `${app} ${status}` : `${app} is processing…`;
  host.querySelector("span") ?? host.replaceChildren(h("span", { class: "muted", role: "status" }), h("button", { type: "button", class: "plain", "data-testid": "session-stop", onclick: stop }, "Stop"));
  host.querySelector("span").textContent = text;
  host.querySelector("button").hidden = !isProcessing;
}
