// The modal on top of a person's screen, and the App Home, which is a view too.

import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { textObject } from "./mrkdwn.js";

/** `typed` holds what was entered since the app last received it, by `action_id`; it goes with the next click. */
export function viewPlace(view, page, typed) {
  return {
    errors: view.errors,
    values: view.values,
    typed,
    act: (element, _block, choice) => page.act({ do: "click", view: view.id, action_id: element.action_id, choice, values: typed }),
    suggest: (element, query) => page.suggest({ view: view.id, action_id: element.action_id, query }),
    keep: typed && ((element, value) => {
      typed[element.action_id] = value;
    }),
  };
}

export function modalElement(view, page, typed) {
  const submit = async (event) => {
    event.preventDefault();
    form.classList.add("busy");
    try {
      await page.act({ do: "submit", values: typed });
    } finally {
      form.classList.remove("busy");
    }
  };
  const close = () => page.act({ do: "close" });
  const form = h(
    "form",
    { class: "modal", role: "dialog", "aria-modal": "true", "data-testid": "modal", onsubmit: submit, novalidate: true },
    h(
      "header",
      {},
      h("span", { class: "avatar bot" }, "◉"),
      h("h2", {}, textObject(view.title)),
      h("button", { type: "button", class: "plain", "aria-label": "Close", "data-testid": "modal-close", onclick: close }, "✕"),
    ),
    h("div", { class: "modal-body" }, renderBlocks(view.blocks, viewPlace(view, page, typed))),
    h(
      "footer",
      {},
      h("button", { type: "button", class: "button", onclick: close }, view.close ? textObject(view.close) : "Cancel"),
      view.submit && h("button", { type: "submit", class: "button primary", "data-testid": "modal-submit" }, textObject(view.submit)),
    ),
  );
  return h("div", { class: "backdrop" }, form);
}
