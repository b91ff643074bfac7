// The confirmation dialog of an element with `confirm`, and the profile of a person.

import { rememberFocus, trapFocus } from "./dialog.js";
import { h } from "./dom.js";
import { textObject } from "./mrkdwn.js";

/** Resolves to whether the person agreed. */
export function confirmed(confirm) {
  return ask({
    title: textObject(confirm.title),
    text: textObject(confirm.text),
    deny: textObject(confirm.deny),
    accept: textObject(confirm.confirm),
    style: confirm.style ?? "primary",
  });
}

export function showProfile(user) {
  return ask({ title: [user.real_name], text: [`@${user.name}`], accept: ["Close"], style: "" });
}

function ask({ title, text, deny, accept, style }) {
  const restore = rememberFocus();
  return new Promise((resolve) => {
    const answer = (value) => {
      dialog.remove();
      restore();
      resolve(value);
    };
    const no = deny && h("button", { type: "button", class: "button", onclick: () => answer(false) }, deny);
    const yes = h("button", { type: "button", class: `button ${style}`, "data-testid": "confirm-yes", onclick: () => answer(true) }, accept);
    const box = { class: "modal small", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" };
    const dialog = h("div", { class: "backdrop", "data-testid": "confirm" }, h("div", box, h("header", {}, h("h2", { id: "confirm-title" }, title)), h("div", { class: "modal-body", id: "confirm-text" }, text), h("footer", {}, no, yes)));
    trapFocus(dialog, () => answer(false));
    document.body.append(dialog);
    yes.focus();
  });
}
