// Building elements. Foreign text enters the page only as text nodes, so no message can inject HTML or script.

import { now } from "./clock.js";

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, value);
  element.append(...children.flat(9));
  return element;
}

const ICONS = {
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zm10-3a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  bubble: "M3 4h18v13H10l-5 4v-4H3z",
  people: "M9 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM1 21c0-5 4-7 8-7s8 2 8 7zM17 5a3.5 3.5 0 1 1-1 6.8M18 14c3 .5 5 2.5 5 7",
  lock: "M6 10V8a6 6 0 0 1 12 0v2h2v12H4V10zm3 0h6V8a3 3 0 0 0-6 0z",
  clip: "M8 12V6a4 4 0 0 1 8 0v9a6 6 0 0 1-12 0V7",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  smile: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM8 14c1 2 2.5 3 4 3s3-1 4-3M9 9h.01M15 9h.01",
  send: "M3 4l19 8-19 8 3-8zM6 12h8",
};

/** A line drawing; like text it takes the colour of its surroundings. */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon-line", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

/** Only web and mail addresses may become links. */
export function safeUrl(url) {
  return /^(https?:|mailto:|\/)/i.test(url) ? url : null;
}

export function timeOf(ts, withSeconds = false) {
  const shape = { hour: "numeric", minute: "2-digit", ...(withSeconds ? { second: "2-digit" } : {}) };
  return new Date(Number(ts) * 1000).toLocaleTimeString("en-US", shape);
}

export function dayOf(ts) {
  const day = new Date(Number(ts) * 1000);
  const midnight = new Date(now());
  midnight.setHours(0, 0, 0, 0);
  if (day >= midnight) return "Today";
  if (midnight - day < 86_400_000) return "Yesterday";
  return day.toLocaleDateString("en-US", { weekday: "long", month: "long", day: "numeric" });
}
