// Buttons, menus and inputs. In messages a choice acts at once; in modals it is kept in `place.values` until submitted.

import { confirmed } from "./confirm.js";
import { h, safeUrl } from "./dom.js";
import { names, textObject } from "./mrkdwn.js";

const DATES = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" };
const TYPED = { number_input: "number", email_text_input: "email", url_text_input: "url" };

export function control(element, block, place) {
  const label = block.type === "input" ? null : (element.placeholder?.text ?? block.text?.text ?? "Select an option");
  const known = { "data-testid": `control-${element.action_id}`, "data-action-id": element.action_id, "aria-label": label };
  const use = async (choice, node) => {
    if (element.confirm && !(await confirmed(element.confirm))) return;
    node?.classList.add("busy");
    try {
      await place.act(element, block, choice);
    } finally {
      node?.classList.remove("busy");
    }
  };
  switch (element.type) {
    case "button":
    case "workflow_button":
      return button(element, use);
    case "overflow":
      return overflow(element, use);
    case "plain_text_input":
    case "rich_text_input":
      return textInput(element, block, place, known);
    case "checkboxes":
    case "radio_buttons":
      return ticks(element, block, place, use, known);
    case "external_select":
    case "multi_external_select":
      return external(element, block, place, use, known);
    default:
      if (element.type.endsWith("_select")) return select(element, block, place, use, known);
      return simple(element, block, place, use, known);
  }
}

function button(element, use) {
  const props = {
    type: "button",
    class: `button ${element.style ?? ""}`,
    "data-testid": `button-${element.action_id}`,
    "data-action-id": element.action_id,
    "aria-label": element.accessibility_label,
    onclick: (event) => {
      event.preventDefault();
      const address = element.url && safeUrl(element.url);
      if (address) window.open(address, "_blank", "noopener");
      use(undefined, event.currentTarget);
    },
  };
  return h("button", props, textObject(element.text));
}

function overflow(element, use) {
  const options = element.options.map((option) => h("button", { type: "button", onclick: () => use(option.value) }, textObject(option.text)));
  return h(
    "details",
    { class: "overflow", "data-testid": `overflow-${element.action_id}` },
    h("summary", { "aria-label": "More actions" }, "⋯"),
    h("div", { class: "menu", onclick: (event) => event.currentTarget.parentElement.removeAttribute("open") }, options),
  );
}

/** Whether a choice reaches the app at once; in an input block only if it asks for that. */
const acts = (block, place) => !place.keep || block.type !== "input" || block.dispatch_action;

function textInput(element, block, place, known) {
  const kept = place.values?.[block.block_id]?.[element.action_id];
  const value = place.typed?.[element.action_id] ?? (kept ? kept.value : element.initial_value) ?? "";
  const live = block.dispatch_action && element.dispatch_action_config?.trigger_actions_on.includes("on_character_entered");
  const entered = (event) => {
    place.keep?.(element, event.target.value);
    if (live) place.act(element, block, event.target.value);
  };
  const props = {
    ...known,
    placeholder: element.placeholder?.text,
    maxlength: element.max_length,
    oninput: entered,
    value: typeof value === "string" ? value : "",
  };
  return element.multiline ? h("textarea", { ...props, rows: 4 }) : h("input", { ...props, type: "text" });
}

function simple(element, block, place, use, known) {
  const type = DATES[element.type] ?? TYPED[element.type] ?? "text";
  const kept = place.values?.[block.block_id]?.[element.action_id] ?? {};
  const before = kept.value ?? kept.selected_date ?? kept.selected_time ?? element.initial_value ?? element.initial_date ?? element.initial_time ?? "";
  const initial = place.typed?.[element.action_id] ?? before;
  const read = (event) => (element.type === "datetimepicker" ? Math.floor(new Date(event.target.value) / 1000) : event.target.value);
  const props = { ...known, type, value: initial, placeholder: element.placeholder?.text };
  return h("input", { ...props, onchange: (event) => (place.keep ? place.keep(element, read(event)) : use(read(event), event.target)) });
}

function ticks(element, block, place, use, known) {
  const single = element.type === "radio_buttons";
  const kept = place.values?.[block.block_id]?.[element.action_id];
  const before = kept ? (single ? [kept.selected_option] : kept.selected_options) : single ? [element.initial_option] : element.initial_options;
  const chosen = place.typed?.[element.action_id];
  const set = new Set(chosen === undefined ? (before ?? []).filter(Boolean).map((option) => option.value) : [chosen].flat());
  const change = (option, on) => {
    if (single) set.clear();
    if (on) set.add(option.value);
    else set.delete(option.value);
    const choice = single ? option.value : [...set];
    if (place.keep) place.keep(element, choice, block);
    if (acts(block, place)) use(choice);
  };
  return h(
    "span",
    { class: "ticks", ...known },
    element.options.map((option) =>
      h(
        "label",
        {},
        h("input", {
          type: single ? "radio" : "checkbox",
          name: `${block.block_id}-${element.action_id}`,
          checked: set.has(option.value),
          onchange: (event) => change(option, event.target.checked),
        }),
        h("span", {}, textObject(option.text), option.description && h("small", { class: "hint" }, textObject(option.description))),
      ),
    ),
  );
}

function select(element, block, place, use, known) {
  const groups = element.option_groups ?? [{ options: options(element) }];
  const multiple = element.type.startsWith("multi_");
  const kept = place.values?.[block.block_id]?.[element.action_id] ?? {};
  const chosen = place.typed?.[element.action_id];
  const before = "selected_option" in kept ? kept.selected_option : element.initial_option;
  const initial = [chosen ? { value: chosen } : chosen === "" ? null : before, ...(element.initial_options ?? [])].filter(Boolean).map((option) => option.value);
  initial.push(kept.selected_conversation ?? kept.selected_user ?? kept.selected_channel);
  initial.push(element.initial_conversation, element.initial_user, element.initial_channel);
  const one = (option) => h("option", { value: option.value, selected: initial.includes(option.value) }, option.text.text);
  const choices = groups.map((group) => (group.label ? h("optgroup", { label: group.label.text }, group.options.map(one)) : group.options.map(one)));
  const empty = !multiple && h("option", { value: "", disabled: !block.optional, selected: !initial.some(Boolean) }, element.placeholder?.text ?? "Select an option");
  const read = (node) => (multiple ? [...node.selectedOptions].map((option) => option.value) : node.value);
  const changed = (event) => {
    if (place.keep) place.keep(element, read(event.target), block);
    if (acts(block, place)) use(read(event.target), event.target);
  };
  return h("select", { ...known, multiple, onchange: changed }, empty, choices);
}

function options(element) {
  if (element.options) return element.options;
  const list = element.type.includes("users") ? names.users : names.channels;
  return Object.entries(list).map(([id, value]) => ({ value: id, text: { text: value.real_name ?? (value.is_im ? value.name : `#${value.name}`) } }));
}

/** A text field whose list the app fills as one types. */
function external(element, block, place, use, known) {
  const list = h("div", { class: "menu", hidden: true });
  let turn = 0;
  const choose = (option, field) => {
    list.hidden = true;
    field.value = option.text.text;
    const choice = element.type.startsWith("multi_") ? [option] : option;
    if (place.keep) place.keep(element, choice, block);
    if (acts(block, place)) use(choice, field);
  };
  const look = async (event) => {
    const field = event.target;
    if (event.type !== "click" && field.value.length < (element.min_query_length ?? 3)) return;
    const mine = ++turn;
    const groups = await place.suggest(element, event.type === "click" ? "" : field.value);
    if (mine !== turn) return;
    const found = groups.filter((group) => group.options.length);
    list.replaceChildren(...found.flatMap((group) => [group.label && h("div", { class: "group" }, textObject(group.label)), ...group.options.map((option) => entry(option, field))].filter(Boolean)));
    if (!found.length) list.append(h("div", { class: "none" }, "No result"));
    list.hidden = false;
  };
  const entry = (option, field) =>
    h("button", { type: "button", "data-testid": "option", onmousedown: (event) => event.preventDefault(), onclick: () => choose(option, field) }, textObject(option.text), option.description && h("small", {}, textObject(option.description)));
  const kept = place.values?.[block.block_id]?.[element.action_id];
  const initial = place.typed?.[element.action_id] ?? (kept ? kept.selected_option : element.initial_option);
  const field = h("input", { ...known, type: "text", autocomplete: "off", value: initial?.text?.text ?? "", placeholder: element.placeholder?.text ?? "Choose an option", oninput: look, onclick: look, onblur: () => (list.hidden = true) });
  return h("span", { class: "external" }, field, list);
}
