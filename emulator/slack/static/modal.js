// The modal on top of a person's screen, and the App Home, which is a view too.

import { renderBlocks } from "./blocks.js";
import { rememberFocus, trapFocus } from "./dialog.js";
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

function modalElement(view, page, typed) {
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
    { class: "modal", role: "dialog", "aria-modal": "true", "aria-labelledby": "modal-title", "data-testid": "modal", onsubmit: submit, novalidate: true },
    h(
      "header",
      {},
      h("span", { class: "avatar bot", "aria-hidden": "true" }, "◉"),
      h("h2", { id: "modal-title" }, textObject(view.title)),
      h("button", { type: "button", class: "plain", "aria-label": "Close", "data-testid": "modal-close", onclick: close }, "✕"),
    ),
    h("div", { class: "modal-body", tabindex: 0, role: "group", "aria-labelledby": "modal-title" }, renderBlocks(view.blocks, viewPlace(view, page, typed))),
    h(
      "footer",
      {},
      h("button", { type: "button", class: "button", onclick: close }, view.close ? textObject(view.close) : "Cancel"),
      view.submit && h("button", { type: "submit", class: "button primary", "data-testid": "modal-submit" }, textObject(view.submit)),
    ),
  );
  trapFocus(form, close);
  return h("div", { class: "backdrop" }, form);
}

/** Returns how to draw the newest view into `container`: the field that is typed into stays, with its caret and what was typed. */
export function modalHost(container, page) {
  let shown = { id: null, typed: {} };
  let restore = null;
  const find = (name) => container.querySelector(`[data-action-id="${CSS.escape(name)}"]`);
  const focusFirst = () => {
    const first = container.querySelector(".modal-body :is(input, textarea, select)") ?? container.querySelector(".modal-body button, footer button:last-child");
    first?.focus();
    if (first?.closest(".external")) first.click();
  };
  const close = () => {
    container.replaceChildren();
    shown = { id: null, typed: {} };
    restore?.();
    restore = null;
  };
  return (view) => {
    if (!view) return close();
    restore ??= rememberFocus();
    const typed = view.id === shown.id ? shown.typed : {};
    shown = { id: view.id, typed };
    const active = document.activeElement;
    const [focused, caret] = [active?.dataset?.actionId, active?.selectionStart];
    const before = container.querySelector(".modal-body")?.scrollTop ?? 0;
    container.replaceChildren(modalElement(view, page, typed));
    for (const name of Object.keys(typed)) if (!find(name)) delete typed[name];
    const target = focused && find(focused);
    if (target) {
      target.focus({ preventScroll: true });
      if (caret !== null && caret !== undefined) target.setSelectionRange?.(caret, caret);
      container.querySelector(".modal-body").scrollTop = before;
    } else focusFirst();
    container.querySelector(".field.bad")?.scrollIntoView({ block: "nearest" });
    return undefined;
  };
}
