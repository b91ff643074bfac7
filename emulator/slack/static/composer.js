// The box a person types into: text, or a slash command with a hint list above.

import { h, icon } from "./dom.js";

export function composer({ label, commands, send, testid = "composer" }) {
  const hints = h("div", { class: "hints", hidden: true, "data-testid": "hints" });
  const box = h("textarea", { rows: 1, placeholder: label, "aria-label": label, "data-testid": testid, autocomplete: "off", spellcheck: "false" });
  const past = [];
  let at = 0;

  const fit = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
    showHints();
  };
  const showHints = () => {
    const found = box.value.startsWith("/") ? commands.filter((one) => one.name.startsWith(box.value.split(" ")[0])) : [];
    hints.hidden = !found.length || !/^\/\S* ?$/.test(box.value);
    hints.replaceChildren(...found.map((one) => h("button", { type: "button", onclick: () => complete(one) }, h("b", {}, one.name), h("span", {}, one.hint), h("small", {}, "trainwatch"))));
  };
  const complete = (command) => {
    box.value = `${command.name} `;
    box.focus();
    fit();
  };
  const submit = () => {
    const text = box.value.trim();
    if (!text) return;
    past.push(text);
    at = past.length;
    box.value = "";
    fit();
    send(text);
  };
  const recall = (step) => {
    at = Math.max(0, Math.min(past.length, at + step));
    box.value = past[at] ?? "";
    fit();
  };
  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Tab" && !hints.hidden && !box.value.includes(" ")) {
      event.preventDefault();
      hints.querySelector("button").click();
    } else if (event.key === "Escape") hints.hidden = true;
    else if (event.key === "ArrowUp" && (box.value === "" || box.value === past[at])) recall(-1);
    else if (event.key === "ArrowDown" && box.value !== "" && box.value === past[at]) recall(1);
  });
  const button = h("button", { type: "button", class: "send", "aria-label": "Send", "data-testid": `${testid}-send`, onclick: submit }, icon("send"));
  return h("div", { class: "composer" }, hints, h("div", { class: "box" }, box, button));
}
