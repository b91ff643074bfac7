// The data_visualization block as SVG: line, area, bar and pie.

import { h, svg } from "./dom.js";

const COLOURS = ["#1264a3", "#2eb67d", "#e8912d", "#e01e5a", "#7c3aed", "#0b8793"];
const WIDTH = 520;
const HEIGHT = 220;
const PAD = { left: 48, right: 12, top: 24, bottom: 40 };

export function chart(block) {
  const { chart: data } = block;
  const drawing = data.type === "pie" ? pie(data.segments) : plot(data);
  drawing.setAttribute("aria-label", `${data.type} chart: ${block.title}`);
  const keys = data.type === "pie" ? data.segments.map((segment) => segment.label) : data.series.map((one) => one.name);
  return h(
    "figure",
    { class: "chart", "data-testid": "chart" },
    h("figcaption", {}, block.title),
    drawing,
    h("div", { class: "legend" }, keys.map((key, index) => h("span", {}, h("i", { style: `background:${colour(index)}` }), key))),
  );
}

const colour = (index) => COLOURS[index % COLOURS.length];

function plot({ type, series, axis_config: axis }) {
  const values = series.flatMap((one) => one.data.map((point) => point.value));
  const low = Math.min(0, ...values);
  const high = niceCeiling(Math.max(...values, low + 1e-9));
  const inner = { width: WIDTH - PAD.left - PAD.right, height: HEIGHT - PAD.top - PAD.bottom };
  const y = (value) => PAD.top + inner.height * (1 - (value - low) / (high - low));
  const slot = inner.width / axis.categories.length;
  const x = (index) => PAD.left + slot * (index + 0.5);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const value = low + (high - low) * part;
    return [
      svg("line", { x1: PAD.left, x2: WIDTH - PAD.right, y1: y(value), y2: y(value), class: "grid" }),
      svg("text", { x: PAD.left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)),
    ];
  });
  const step = Math.ceil(axis.categories.length / 7);
  const labels = axis.categories.map((label, index) =>
    index % step ? [] : svg("text", { x: x(index), y: HEIGHT - PAD.bottom + 16, "text-anchor": "middle" }, label),
  );
  const marks = series.map((one, index) => {
    const points = axis.categories.map((label) => one.data.find((point) => point.label === label).value);
    return type === "bar" ? bars(points, index, series.length, { x, y, slot, low }) : curve(points, index, type, { x, y, low });
  });
  const titles = [
    axis.x_label ? svg("text", { x: PAD.left + inner.width / 2, y: HEIGHT - 6, "text-anchor": "middle" }, axis.x_label) : [],
    axis.y_label ? svg("text", { x: PAD.left - 6, y: 9, "text-anchor": "end" }, axis.y_label) : [],
  ];
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" }, grid, labels, marks, titles);
}

function curve(points, index, type, { x, y, low }) {
  const path = points.map((value, at) => `${at ? "L" : "M"}${x(at)},${y(value)}`).join("");
  const line = svg("path", { d: path, fill: "none", stroke: colour(index), "stroke-width": 2.5, "stroke-linejoin": "round" });
  if (type !== "area") return [line];
  const shape = `${path}L${x(points.length - 1)},${y(low)}L${x(0)},${y(low)}Z`;
  return [svg("path", { d: shape, fill: colour(index), opacity: 0.18 }), line];
}

function bars(points, index, count, { x, y, slot, low }) {
  const width = (slot * 0.7) / count;
  return points.map((value, at) =>
    svg("rect", {
      x: x(at) - slot * 0.35 + width * index,
      y: Math.min(y(value), y(low)),
      width,
      height: Math.abs(y(value) - y(low)),
      fill: colour(index),
      rx: 2,
    }),
  );
}

function pie(segments) {
  const total = segments.reduce((sum, segment) => sum + segment.value, 0);
  let angle = -Math.PI / 2;
  const slices = segments.map((segment, index) => {
    const sweep = Math.min((segment.value / total) * 2 * Math.PI, 2 * Math.PI - 1e-4);
    const [from, to] = [angle, angle + sweep];
    angle = to;
    const at = (turn) => `${110 + 90 * Math.cos(turn)},${105 + 90 * Math.sin(turn)}`;
    return svg("path", { d: `M110,105L${at(from)}A90,90 0 ${sweep > Math.PI ? 1 : 0} 1 ${at(to)}Z`, fill: colour(index) });
  });
  return svg("svg", { viewBox: "0 0 220 210", role: "img", style: "max-width:220px" }, slices);
}

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.abs(value) || 1));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= value) ?? value;
}

function number(value) {
  return Math.abs(value) >= 10_000 ? `${Math.round(value / 1000)}k` : String(Math.round(value * 100) / 100);
}
