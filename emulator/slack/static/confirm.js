// The confirmation dialog of an element with `confirm`.

import { h } from "./dom.js";
import { textObject } from "./mrkdwn.js";

export function confirmed(confirm) {
  return new Promise((resolve) => {
    const answer = (value) => {
      dialog.remove();
      resolve(value);
    };
    const yes = { type: "button", class: `button ${confirm.style ?? "primary"}`, "data-testid": "confirm-yes", onclick: () => answer(true) };
    const dialog = h(
      "div",
      { class: "backdrop", "data-testid": "confirm" },
      h(
        "div",
        { class: "modal small", role: "alertdialog", "aria-modal": "true" },
        h("header", {}, h("h2", {}, textObject(confirm.title))),
        h("div", { class: "modal-body" }, textObject(confirm.text)),
        h("footer", {}, h("button", { type: "button", class: "button", onclick: () => answer(false) }, textObject(confirm.deny)), h("button", yes, textObject(confirm.confirm))),
      ),
    );
    document.body.append(dialog);
    dialog.querySelector("footer button:last-child").focus();
  });
}
