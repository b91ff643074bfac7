// The box a person types into: text, or a slash command with a hint list above; and files to send with it.

import { h, icon } from "./dom.js";

/** Typing `/` lists commands and shortcuts; `use` gets a shortcut that was chosen. `send` gets the text and the chosen files, each with its name and its content in base64. */
export function composer({ label, commands, send, shortcuts = [], use, testid = "composer" }) {
  const hints = h("div", { class: "hints", hidden: true, "data-testid": "hints" });
  const box = h("textarea", { rows: 1, placeholder: label, "aria-label": label, "data-testid": testid, autocomplete: "off", spellcheck: "false" });
  const picker = h("input", { type: "file", multiple: true, hidden: true, "data-testid": `${testid}-files`, onchange: () => showChosen() });
  const chosen = h("div", { class: "chosen", hidden: true });
  const past = [];
  let at = 0;

  const fit = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 160)}px`;
    showHints();
  };
  const showHints = () => {
    const found = box.value.startsWith("/") ? commands.filter((one) => one.name.startsWith(box.value.split(" ")[0])) : [];
    const typed = box.value.slice(1).toLowerCase();
    const anywhere = box.value.startsWith("/") ? shortcuts.filter((one) => one.name.toLowerCase().startsWith(typed)) : [];
    hints.hidden = !(found.length + anywhere.length) || !/^\/\S* ?$/.test(box.value);
    hints.replaceChildren(...found.map((one) => h("button", { type: "button", onclick: () => complete(one) }, h("b", {}, one.name), h("span", {}, one.hint), h("small", {}, "trainwatch"))), ...anywhere.map(entry));
  };
  const entry = (one) => {
    const chosen = () => {
      box.value = "";
      fit();
      use(one);
    };
    return h("button", { type: "button", "data-testid": `shortcut-${one.id}`, onclick: chosen }, h("b", {}, one.name), h("small", {}, "trainwatch"));
  };
  const complete = (command) => {
    box.value = `${command.name} `;
    box.focus();
    fit();
  };
  const showChosen = () => {
    const names = [...picker.files].map((file) => h("span", {}, icon("clip"), ` ${file.name}`));
    chosen.hidden = !names.length;
    chosen.replaceChildren(...names, h("button", { type: "button", class: "plain", "aria-label": "Remove files", onclick: forget }, "\u2715"));
  };
  const forget = () => {
    picker.value = "";
    showChosen();
  };
  const submit = async () => {
    const text = box.value.trim();
    if (!text && !picker.files.length) return;
    const files = await Promise.all([...picker.files].map(read));
    forget();
    if (text) past.push(text);
    at = past.length;
    box.value = "";
    fit();
    send(text, files);
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
  const attach = h("button", { type: "button", class: "attach", "aria-label": "Attach files", title: "Attach files", "data-testid": `${testid}-attach`, onclick: () => picker.click() }, icon("clip"));
  const button = h("button", { type: "button", class: "send", "aria-label": "Send", "data-testid": `${testid}-send`, onclick: submit }, icon("send"));
  return h("div", { class: "composer" }, hints, chosen, h("div", { class: "box" }, attach, box, button), picker);
}

async function read(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return { name: file.name, content: btoa(text) };
}
