// The page: what is shown, what changed, what a person did.
//
// Hooks for browser tests (data-testid), kept stable:
//   viewer            the <select> of who one is              channel-<name>   an entry of the sidebar (#, people and the app: dm-app)
//   messages          the message list                        message, ephemeral   one message each; data-ts, data-version
//   replies           "N replies", opens the thread           reply            the tool that opens an empty thread
//   more              the menu of a message, shortcut-<callback_id> an entry of it
//   composer-files    the files to send, composer-attach the button that chooses them (and thread-composer-...)
//   thread            the thread pane                         thread-close     closes it
//   composer          the text box, composer-send its button  thread-composer  the same in a thread
//   hints             the list of slash commands              notice           what only Slack itself says
//   new-messages      the pill that jumps to the newest       new-replies      the same in a thread
//   new-line          the line above the first unread message unread-<name>    the number of mentions in a channel
//   button-<action_id>, control-<action_id>, overflow-<action_id>   elements of Block Kit
//   block-<type>, chart, file, edited, ping, mention, input-error   parts of messages and modals
//   modal, modal-submit, modal-close, confirm, confirm-yes          dialogs
//   tab-home, tab-messages, home, invite-bot                        App Home and the invitation of the bot

import { renderBlocks } from "./blocks.js";
import { composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { avatar, updateList } from "./messages.js";
import { modalElement, viewPlace } from "./modal.js";
import { names } from "./mrkdwn.js";
import { keepPrivate, noticeMessage, toast } from "./notices.js";
import { follower } from "./scrolling.js";
import { sidebarEntries } from "./sidebar.js";
import { isAnyUnread, markRead, noteUnread, unreadOf } from "./unread.js";

const $ = (id) => document.getElementById(id);
const address = new URLSearchParams(location.search);
const state = { viewer: address.get("user") ?? "ada", channel: null, thread: null, tab: "messages", newFrom: null, asked: null, moves: 0 };
const ANSWER_WITHIN_MS = 10_000;
const scroll = follower($("list"), "new-messages");
let threadScroll = null;
let data = null;

const page = {
  get users() {
    return data.users;
  },
  get shortcuts() {
    return data.shortcuts;
  },
  get appName() {
    return data.app.name;
  },
  async act(action) {
    const response = await fetch("page/act", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: data.viewer, ...action }),
    });
    const answer = await response.json();
    if (!response.ok) notice(answer.error);
    return answer;
  },
  /** A button of a private answer was pressed: what appears next in the channel is the person's own doing. */
  expectAnswer: (channel) => {
    state.asked = { channel, until: Date.now() + ANSWER_WITHIN_MS };
  },
  suggest: async (question) => (await page.act({ do: "suggest", ...question })).groups ?? [],
  openThread: (message) => {
    state.thread = message.thread_ts ?? message.ts;
    drawThread({ fresh: true });
  },
};

async function load() {
  const response = await fetch(`page/state?user=${encodeURIComponent(state.viewer)}`);
  const before = data;
  data = await response.json();
  if (before) keepPrivate(before.messages, data.messages);
  names.users = data.users;
  names.groups = data.groups;
  names.channels = Object.fromEntries(data.channels.map((channel) => [channel.id, channel]));
  state.channel ??= (data.channels.find((channel) => `#${channel.name}` === location.hash) ?? data.channels[0]).id;
  $("team").textContent = data.team;
  drawViewers();
  drawChannel(!before);
  drawModal();
}

function listen() {
  const stream = new EventSource(`page/changes?user=${encodeURIComponent(state.viewer)}`);
  let opened = false;
  stream.onopen = () => {
    document.body.dataset.live = "true";
    if (opened) load();
    opened = true;
  };
  stream.onerror = () => delete document.body.dataset.live;
  stream.onmessage = (event) => take(JSON.parse(event.data));
}

function take(change) {
  switch (change.kind) {
    case "message":
      return takeMessage(change.message);
    case "deleted":
      data.messages[change.channel] = (data.messages[change.channel] ?? []).filter((one) => one.ts !== change.ts);
      return drawMessages();
    case "modal":
      data.modal = change.view;
      return drawModal();
    case "home":
      data.home = change.view;
      return isHome() && drawHome();
    case "channel":
      return takeChannel(change.channel);
    default:
      return notice(change.text, change.channel);
  }
}

function takeMessage(message) {
  const list = (data.messages[message.channel] ??= []);
  const index = list.findIndex((one) => one.ts === message.ts);
  if (index >= 0) list[index] = message;
  else list.push(message);
  if (index < 0 && message.is_reply && !message.is_ephemeral) countReply(list, message);
  if (index < 0 && message.channel !== state.channel) noteUnread(message, data.viewer);
  drawMessages(index < 0 ? { arrived: message, isOwn: isOwn(message) } : {});
  drawSidebar();
}

/** Whether a person has just asked for a message, so that the list scrolls to it. */
function isOwn(message) {
  const isAnswer = state.asked?.channel === message.channel && Date.now() < state.asked.until && !message.is_reply;
  if (isAnswer) state.asked = null;
  return isAnswer || message.is_ephemeral || message.user === data.viewer;
}

function countReply(list, reply) {
  const at = list.findIndex((one) => one.ts === reply.thread_ts);
  if (at < 0) return;
  const users = new Set([...(list[at].reply_users ?? []), reply.user]);
  list[at] = { ...list[at], reply_count: (list[at].reply_count ?? 0) + 1, reply_users: [...users], latest_reply: reply.ts };
}

function takeChannel(channel) {
  const index = data.channels.findIndex((one) => one.id === channel.id);
  if (index >= 0) data.channels[index] = channel;
  else data.channels.push(channel);
  names.channels[channel.id] = channel;
  drawSidebar();
  if (channel.id === state.channel) drawChannel();
}

function notice(text, place = null, thread_ts = undefined) {
  if (isHome()) return toast($("notices"), text);
  const target = place ?? state.channel;
  return takeMessage(noticeMessage(text, target, thread_ts, data.messages[target] ?? []));
}

const channel = () => data.channels.find((one) => one.id === state.channel);
const isHome = () => channel().is_im && state.tab === "home";
const appChannel = () => data.channels.find((one) => one.is_im && one.has_bot);

function drawViewers() {
  const people = Object.entries(data.users).filter(([, user]) => !user.is_bot);
  $("who").replaceChildren(...people.map(([id, user]) => h("option", { value: user.name, selected: id === data.viewer }, user.real_name)));
}

function drawSidebar() {
  $("sidebar").replaceChildren(...sidebarEntries({ data, here: state.channel, app: appChannel(), go, openApp }));
  document.body.classList.toggle("any-unread", isAnyUnread());
}

/** The app's direct message, unless the person went elsewhere while the server was asked for it. */
async function openApp() {
  const move = ++state.moves;
  const answer = await page.act({ do: "direct" });
  if (!data.channels.some((one) => one.id === answer.channel)) await load();
  if (move !== state.moves) return;
  state.tab = "home";
  go(answer.channel);
  page.act({ do: "home" });
}

function go(id) {
  state.moves += 1;
  state.channel = id;
  state.thread = null;
  state.newFrom = unreadOf(id).from;
  markRead(id);
  document.body.classList.remove("menu-open");
  if (!channel().is_im) {
    state.tab = "messages";
    history.replaceState(null, "", `${location.pathname}${location.search}#${channel().name}`);
  }
  drawChannel(true);
}

function drawChannel(fresh = false) {
  const here = channel();
  const showsHome = isHome();
  drawSidebar();
  $("channel-head").replaceChildren(...(here.is_im ? appHead() : channelHead(here)));
  $("composer").hidden = showsHome;
  $("list").classList.toggle("home", showsHome);
  $("list").setAttribute("role", showsHome ? "region" : "log");
  if (fresh) $("list").replaceChildren();
  if (fresh) drawComposer(here);
  if (showsHome) drawHome(fresh);
  else drawMessages({ fresh });
  drawThread({ fresh });
}

function channelHead(here) {
  const invite = h("button", { type: "button", class: "button", "data-testid": "invite-bot", onclick: () => page.act({ do: "invite", channel: here.id }) }, `Add ${data.app.name}`);
  return [
    h("h1", {}, h("span", { class: "hash" }, here.is_private ? icon("lock") : "#"), here.name),
    h("span", { class: "topic" }, here.topic),
    h("span", { class: "members", title: "Members" }, icon("people"), ` ${here.members}`),
    !here.has_bot && invite,
  ].filter(Boolean);
}

function appHead() {
  const tab = (name, label) => h("button", { type: "button", class: state.tab === name ? "tab here" : "tab", "data-testid": `tab-${name}`, onclick: () => openTab(name) }, label);
  return [avatar({ is_bot: true }, ""), h("h1", {}, data.app.name), h("div", { class: "tabs" }, tab("home", "Home"), tab("messages", "Messages"))];
}

function openTab(name) {
  state.tab = name;
  drawChannel(true);
  if (name === "home") page.act({ do: "home" });
}

/** A refreshed home stays where the person reads it; a fresh one begins at its top. */
function drawHome(fresh = false) {
  const top = fresh ? 0 : $("list").scrollTop;
  const blocks = data.home ? renderBlocks(data.home.blocks, viewPlace(data.home, page, null)) : h("p", { class: "muted" }, "Nothing here yet.");
  $("list").replaceChildren(h("div", { class: "home-page", "data-testid": "home" }, blocks));
  $("list").scrollTop = top;
}

/** `position` is what `follower` needs to know about the change. */
function drawMessages(position = {}) {
  if (!isHome()) {
    const shown = (data.messages[state.channel] ?? []).filter((one) => !one.is_reply || one.is_broadcast);
    scroll.update(() => updateList($("list"), shown, page, { newFrom: state.newFrom }), position);
  }
  drawThread(position);
}

function drawThread(position = {}) {
  const pane = $("thread");
  const messages = data.messages[state.channel] ?? [];
  const root = messages.find((one) => one.ts === state.thread);
  pane.hidden = !root;
  document.body.classList.toggle("thread-open", Boolean(root));
  if (!root) return;
  if (position.fresh || pane.dataset.ts !== root.ts) {
    const replies = h("div", { class: "thread-list", role: "log", "aria-live": "polite", "aria-label": "Replies" });
    threadScroll = follower(replies, "new-replies");
    pane.dataset.ts = root.ts;
    pane.replaceChildren(
      h(
        "header",
        {},
        h("h2", {}, "Thread"),
        h("span", { class: "muted" }, channel().is_im ? "" : `# ${channel().name}`),
        h("button", { type: "button", class: "plain", "aria-label": "Close thread", "data-testid": "thread-close", onclick: closeThread }, "✕"),
      ),
      replies,
      threadScroll.pill,
      composer({ label: "Reply…", commands: [], send: (text, files) => say(text, files, root.ts), testid: "thread-composer" }),
    );
  }
  const replies = messages.filter((one) => one.is_reply && one.thread_ts === root.ts);
  threadScroll.update(() => updateList(pane.querySelector(".thread-list"), [root, ...replies], page, { inThread: true }), position);
}

function closeThread() {
  state.thread = null;
  drawThread();
}

function drawComposer(here) {
  if (here.is_im && data.app.is_read_only) {
    $("composer").replaceChildren(h("p", { class: "muted", "data-testid": "read-only" }, "Sending messages to this app has been turned off."));
    return;
  }
  const label = here.is_im ? `Message ${data.app.name}` : `Message #${here.name}, or /train`;
  $("composer").replaceChildren(composer({ label, commands: data.commands, shortcuts: data.globals, use: (one) => page.act({ do: "shortcut", callback_id: one.id }), send: (text, files) => say(text, files) }));
}

function say(text, files, thread_ts) {
  const [name, ...rest] = text.split(" ");
  if (!thread_ts) scroll.toBottom();
  if (!text.startsWith("/") || files.length) return page.act({ do: "say", channel: state.channel, text: escapeText(text), thread_ts, files });
  if (thread_ts) return notice(`${name} is not supported in threads. Sorry!`, null, thread_ts);
  if (!data.commands.some((one) => one.name === name)) return notice(`${name} is not a valid command.`);
  return page.act({ do: "slash", channel: state.channel, command: name, text: rest.join(" ") });
}

const escapeText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** Replace the modal; the field that is typed into stays, with its caret, and so does what was typed. */
function drawModal() {
  const view = data.modal;
  if (!view) return $("modals").replaceChildren();
  const typed = view.id === shown.id ? shown.typed : {};
  shown = { id: view.id, typed };
  const active = document.activeElement;
  const [focused, caret] = [active?.dataset?.actionId, active?.selectionStart];
  const before = $("modals").querySelector(".modal-body")?.scrollTop ?? 0;
  $("modals").replaceChildren(modalElement(view, page, typed));
  for (const name of Object.keys(typed)) if (!find(name)) delete typed[name];
  const target = focused && find(focused);
  if (target) {
    target.focus({ preventScroll: true });
    if (caret !== null && caret !== undefined) target.setSelectionRange?.(caret, caret);
    $("modals").querySelector(".modal-body").scrollTop = before;
  } else {
    const first = $("modals").querySelector("input, textarea, select, footer button:last-child");
    first?.focus();
    if (first?.closest(".external")) first.click();
  }
  $("modals").querySelector(".field.bad")?.scrollIntoView({ block: "nearest" });
  return undefined;
}

let shown = { id: null, typed: {} };
const find = (name) => $("modals").querySelector(`[data-action-id="${CSS.escape(name)}"]`);

function closeMenus(inside) {
  for (const menu of document.querySelectorAll("details.overflow[open]")) if (!menu.contains(inside)) menu.removeAttribute("open");
}

$("who").addEventListener("change", (event) => {
  address.set("user", event.target.value);
  location.search = address.toString();
});
$("menu").addEventListener("click", () => document.body.classList.toggle("menu-open"));
$("main").addEventListener("click", () => document.body.classList.remove("menu-open"));
document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus(null));

$("list").after(scroll.pill);
await load();
listen();
