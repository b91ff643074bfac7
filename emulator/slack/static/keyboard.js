// The keyboard: arrows move through messages, the sidebar and menus; F6 goes from region to region; Escape goes back.

const REGIONS = ["#stage button", "#sidebar .here, #sidebar .entry", "#list", "#composer textarea", "#thread .thread-list"];
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** `openThread(ts)` and `closeThread()` are what Enter and Escape do. */
export function listenToKeys({ openThread, closeThread }) {
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    const menu = target.closest?.("details.overflow[open]");
    if (event.key === "F6") return nextRegion(event);
    if (menu) return inMenu(event, menu);
    if (event.key === "Escape") closeMenus(null);
    if (target.closest?.("#sidebar")) return move(event, [...document.querySelectorAll("#sidebar .entry")], target);
    const list = target.closest?.("#list, .thread-list");
    if (list && (target === list || target.matches("article"))) return inMessages(event, list, target, openThread);
    if (event.key === "Escape" && target.closest?.("#thread")) return closeThread();
    return undefined;
  });
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("toggle", (event) => event.target.matches?.("details.overflow[open]") && event.target.querySelector(".menu button")?.focus(), true);
}

function closeMenus(inside) {
  for (const menu of document.querySelectorAll("details.overflow[open]")) if (!menu.contains(inside)) menu.removeAttribute("open");
}

function move(event, nodes, current) {
  const step = STEPS[event.key];
  const at = nodes.indexOf(current);
  const next = step ? nodes[at + step] : { Home: nodes[0], End: nodes.at(-1) }[event.key];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function inMessages(event, list, target, openThread) {
  const messages = [...list.querySelectorAll("article")];
  if (event.key === "Enter" && target.dataset.ts && !target.closest("#thread")) return openThread(target.dataset.ts);
  if (event.key === "Escape") return (list.parentElement.querySelector(".composer textarea") ?? document.querySelector("#composer textarea"))?.focus();
  if (target === list && event.key === "ArrowUp") return move(event, [...messages, list], list);
  return move(event, messages, target);
}

function inMenu(event, menu) {
  const summary = menu.querySelector("summary");
  const items = [...menu.querySelectorAll(".menu button")];
  if (event.key === "Escape" || event.key === "Tab") {
    menu.removeAttribute("open");
    summary.focus();
    if (event.key === "Escape") event.preventDefault();
    return;
  }
  move(event, items, document.activeElement === summary ? items.at(-1) : document.activeElement);
}

function nextRegion(event) {
  event.preventDefault();
  const regions = REGIONS.map((selector) => document.querySelector(selector)).filter((node) => node && node.offsetParent !== null);
  const here = regions.findIndex((node) => regionOf(node)?.contains(document.activeElement));
  const step = event.shiftKey ? -1 : 1;
  regions.at((here + step + regions.length) % regions.length)?.focus();
}

const regionOf = (node) => node.closest("#stage, #sidebar, #composer, #thread") ?? node;
