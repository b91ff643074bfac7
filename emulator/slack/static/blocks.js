// Block Kit blocks as elements. `act(element, choice)` is called when a person presses or chooses something.

import { chart } from "./charts.js";
import { h, safeUrl } from "./dom.js";
import { control } from "./controls.js";
import { markdown, mrkdwn, plain, textObject } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { dataTable, table } from "./tables.js";

/** Tables come last, whatever their position: Slack shows them below the other blocks of a message. */
export function renderBlocks(blocks, place) {
  const isTable = (block) => block.type === "table" || block.type === "data_table";
  return [...blocks.filter((block) => !isTable(block)), ...blocks.filter(isTable)].map((block) =>
    h("div", { class: `block ${block.type}`, "data-testid": `block-${block.type}`, "data-block-id": block.block_id }, body(block, place)),
  );
}

function body(block, place) {
  switch (block.type) {
    case "header":
      return h("h3", {}, textObject(block.text));
    case "section":
      return section(block, place);
    case "context":
      return block.elements.map((element) => (element.type === "image" ? icon(element) : h("span", {}, textObject(element))));
    case "actions":
      return block.elements.map((element) => control(element, block, place));
    case "divider":
      return h("hr");
    case "image":
      return [block.title && h("div", { class: "image-title" }, textObject(block.title)), picture(block)];
    case "markdown":
      return markdown(block.text);
    case "rich_text":
      return richText(block);
    case "table":
      return table(block);
    case "data_table":
      return dataTable(block);
    case "data_visualization":
      return chart(block);
    case "input":
      return input(block, place);
    case "alert":
      return h("div", { class: `alert-${block.level ?? "default"}` }, textObject(block.text));
    case "container":
      return [h("h4", {}, textObject(block.title)), renderBlocks(block.child_blocks, place)];
    case "card":
      return card(block, place);
    case "carousel":
      return block.elements.map((one) => h("div", { class: "block card" }, card(one, place)));
    default:
      return h("em", { class: "unknown" }, `[${block.type}]`);
  }
}

function section(block, place) {
  const text = [
    block.text && h("div", { class: "section-text" }, textObject(block.text)),
    block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", {}, textObject(field)))),
  ];
  if (!block.accessory) return text;
  const side = block.accessory.type === "image" ? picture(block.accessory, "thumb") : control(block.accessory, block, place);
  return h("div", { class: "with-accessory" }, h("div", { class: "grow" }, text), side);
}

function card(block, place) {
  return [
    h("b", {}, textObject(block.title)),
    h("div", { class: "muted" }, textObject(block.subtitle)),
    h("div", {}, textObject(block.body)),
    h("div", { class: "actions" }, (block.actions ?? []).map((element) => control(element, block, place))),
  ];
}

function input(block, place) {
  const error = place.errors?.[block.block_id];
  return h(
    "label",
    { class: error ? "field bad" : "field" },
    h("span", { class: "label" }, textObject(block.label), block.optional && h("small", {}, " (optional)")),
    control(block.element, block, place),
    block.hint && h("small", { class: "hint" }, textObject(block.hint)),
    error && h("small", { class: "error", "data-testid": "input-error" }, error),
  );
}

function icon(element) {
  return picture(element, "icon");
}

/** Pictures from elsewhere may not load (the demo is offline): then their description is shown. */
function picture(element, kind = "picture") {
  const address = element.slack_file ? `page/files/${encodeURIComponent(element.slack_file.id)}` : safeUrl(element.image_url ?? "");
  const instead = h("span", { class: "alt", hidden: true }, element.alt_text);
  if (!address) return h("span", { class: "alt" }, element.alt_text);
  const image = h("img", { src: address, alt: element.alt_text, class: kind, loading: "lazy" });
  image.addEventListener("error", () => {
    image.hidden = true;
    instead.hidden = false;
  });
  return [image, instead];
}
