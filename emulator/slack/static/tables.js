// The table and data_table blocks. A data_table has pages, and sorts when a person presses the name of a column.

import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { richText } from "./richtext.js";

const PAGE_SIZE = 5;

/** Rows below a header; columns are cut to one line unless they wrap. Too wide a table scrolls, also by keyboard. */
export function table(block) {
  const columns = block.column_settings ?? [];
  const [head, ...rows] = block.rows;
  return scrolling("Table", h("table", {}, headRow(head.map((cell, index) => cellElement("th", cell, columns[index], { scope: "col" }))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, index) => cellElement("td", cell, columns[index])))))));
}

export function dataTable(block) {
  const [head, ...rows] = block.rows;
  const size = block.page_size ?? PAGE_SIZE;
  const shown = { page: 0, column: null, isDescending: false };
  const place = h("div", { class: "data-table" });
  const pages = Math.max(1, Math.ceil(rows.length / size));

  const sort = (column) => {
    shown.isDescending = shown.column === column && !shown.isDescending;
    Object.assign(shown, { column, page: 0 });
    draw(`sort-${column}`);
  };
  const turn = (step) => {
    shown.page += step;
    draw(step < 0 ? "back" : "on");
  };
  const sorted = () => {
    if (shown.column === null) return rows;
    const order = shown.isDescending ? -1 : 1;
    return [...rows].sort((one, other) => order * compare(one[shown.column], other[shown.column]));
  };
  const columnHead = (cell, index) => {
    const isSorted = shown.column === index;
    const arrow = isSorted ? (shown.isDescending ? " ↓" : " ↑") : "";
    const props = { scope: "col", "aria-sort": isSorted ? (shown.isDescending ? "descending" : "ascending") : null };
    return h("th", props, h("button", { type: "button", class: "sort", "data-key": `sort-${index}`, onclick: () => sort(index) }, textOf(cell), arrow));
  };
  const row = (cells) => h("tr", {}, cells.map((cell, index) => (index === block.row_header_column_index ? cellElement("th", cell, null, { scope: "row" }) : cellElement("td", cell))));
  const pager = (key, label, step, isOff) => h("button", { type: "button", class: "button", "data-key": key, "aria-label": label, disabled: isOff, onclick: () => turn(step) }, step < 0 ? "‹" : "›");
  const draw = (focused = null) => {
    const first = shown.page * size;
    const some = sorted().slice(first, first + size);
    const foot = h("div", { class: "pager" }, h("span", { role: "status" }, `${first + 1}–${first + some.length} of ${rows.length}`), pager("back", "Previous rows", -1, shown.page === 0), pager("on", "Next rows", 1, shown.page === pages - 1));
    place.replaceChildren(h("div", { class: "image-title" }, block.caption), scrolling(block.caption, h("table", {}, headRow(head.map(columnHead)), h("tbody", {}, some.map(row)))), ...(pages > 1 ? [foot] : []));
    if (focused) (place.querySelector(`[data-key="${focused}"]:enabled`) ?? place.querySelector(".pager button:enabled"))?.focus();
  };
  draw();
  return place;
}

function scrolling(name, content) {
  return h("div", { class: "table-scroll", role: "region", "aria-label": name, tabindex: 0 }, content);
}

const headRow = (cells) => h("thead", {}, h("tr", {}, cells));

function cellElement(tag, cell, column = null, props = {}) {
  const align = column?.align ?? (cell.type === "raw_number" ? "right" : null);
  const kind = [align && `align-${align}`, column?.is_wrapped && "wrapped"].filter(Boolean).join(" ");
  return h(tag, { ...props, class: kind || null }, cell.type === "rich_text" ? richText(cell) : withEmoji(textOf(cell)));
}

const textOf = (cell) => cell.text ?? String(cell.value);

function compare(one, other) {
  if (one.type === "raw_number" && other.type === "raw_number") return one.value - other.value;
  return plainText(one).localeCompare(plainText(other), "en", { numeric: true });
}

function plainText(cell) {
  return cell.type === "rich_text" ? JSON.stringify(cell.elements) : textOf(cell);
}
