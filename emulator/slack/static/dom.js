// Building elements. Foreign text enters the page only as text nodes, so no message can inject HTML or script.

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
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  if (day >= midnight) return "Today";
  if (midnight - day < 86_400_000) return "Yesterday";
  return day.toLocaleDateString("en-US", { weekday: "long", month: "long", day: "numeric" });
}
