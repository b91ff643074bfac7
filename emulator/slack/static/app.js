// The page: what is shown, what changed, what a person did.
//
// What browser tests hold on to (data-testid) is listed in HOOKS.md.

import { drawPrompts } from "./agent.js";
import { renderBlocks } from "./blocks.js";
import { setAhead } from "./clock.js";
import { createCoach } from "./coach.js";
import { channelComposer } from "./compose.js";
import { showProfile } from "./confirm.js";
import { h } from "./dom.js";
import { appHead, channelHead } from "./heads.js";
import { listenToKeys } from "./keyboard.js";
import { listenToLinks } from "./links.js";
import { updateList } from "./messages.js";
import { modalHost, viewPlace } from "./modal.js";
import { names } from "./mrkdwn.js";
import { keepPrivate, noticeMessage, toast } from "./notices.js";
import { follower } from "./scrolling.js";
import { sidebarEntries } from "./sidebar.js";
import { stageBar } from "./stage.js";
import { storeChannel, storeMessage } from "./store.js";
import { listen } from "./stream.js";
import { themeSwitch } from "./theme.js";
import { threadPane } from "./thread.js";
import { isAnyUnread, markRead, markUnread, noteUnread, unreadOf } from "./unread.js";

const $ = (id) => document.getElementById(id);
const address = new URLSearchParams(location.search);
const state = { viewer: address.get("user") ?? "ada", channel: null, thread: null, tab: "messages", newFrom: null, asked: null, moves: 0 };
const ANSWER_WITHIN_MS = 10_000;
const scroll = follower($("list"), "new-messages");
let data = null;
let [drawStage, coach] = [null, () => {}];

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
  get viewer() {
    return data.viewer;
  },
  async act(action) {
    if (/acknowledge|:logs/.test(action.action_id)) coach(action.action_id.includes("logs") ? "logs" : "acknowledge");
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
    $("thread").querySelector("textarea")?.focus();
  },
  markUnread: (message) => {
    markUnread(message, data.messages[message.channel], data.viewer);
    state.newFrom = message.ts;
    drawMessages();
    drawSidebar();
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
  const first = data.channels.find((channel) => `#${channel.name}` === location.hash) ?? data.channels.find((channel) => channel.id === data.stage?.channel);
  state.channel ??= (first ?? data.channels[0]).id;
  takeStage(data.stage);
  $("team").textContent = data.team;
  drawViewers();
  drawChannel(!before);
  drawModal(data.modal);
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
      return drawModal(data.modal);
    case "home":
      data.home = change.view;
      return isHome() && drawHome();
    case "channel":
      return takeChannel(change.channel);
    case "stage":
      return takeStage(change.stage);
    default:
      return notice(change.text, change.channel);
  }
}

function takeStage(stage) {
  data.stage = stage;
  $("stage").hidden = !stage;
  if (!stage) return;
  setAhead(stage.now - Date.now() / 1000);
  if (!drawStage) {
    drawStage = stageBar($("stage"), { act: page.act, onStart: takeStory });
    coach = createCoach($("coach"), { fill });
  }
  drawStage(stage);
}

function takeStory(started) {
  if (!started.channel) return;
  go(started.channel);
  coach("story", started.question);
}

function takeMessage(message) {
  if (JSON.stringify(message.blocks ?? []).includes("_acknowledge")) coach("alert");
  const isNew = storeMessage((data.messages[message.channel] ??= []), message);
  if (isNew && message.channel !== state.channel) noteUnread(message, data.viewer);
  drawMessages(isNew ? { arrived: message, isOwn: isOwn(message) } : {});
  if (isNew && beginsSession(message)) page.openThread(message);
  drawSidebar();
}

/** In the agent view, each message of a person begins a thread. */
function beginsSession(message) {
  return data.app.is_agent && message.channel === state.channel && channel().is_im && message.user === data.viewer && !message.is_reply;
}

/** Whether a person has just asked for a message, so that the list scrolls to it. */
function isOwn(message) {
  const isAnswer = state.asked?.channel === message.channel && Date.now() < state.asked.until && !message.is_reply;
  if (isAnswer) state.asked = null;
  return isAnswer || message.is_ephemeral || message.user === data.viewer;
}

function takeChannel(channel) {
  storeChannel(data.channels, channel);
  names.channels[channel.id] = channel;
  drawSidebar();
  if (channel.id === state.channel) drawChannel();
}

function notice(text, place = null, thread_ts = undefined) {
  if (isHome()) return toast($("notices"), text);
  const target = place ?? state.channel;
  return takeMessage(noticeMessage(text, target, thread_ts, data.messages[target] ?? []));
}

const [drawModal, drawPane] = [modalHost($("modals"), page), threadPane($("thread"), { page, say: (...what) => compose.say(...what), close: closeThread, stop: (thread_ts) => page.act({ do: "stop", channel: state.channel, thread_ts }) })];
const compose = channelComposer($("composer"), { page, place: () => ({ channel: state.channel, data }), notice, onSend: (thread_ts) => (thread_ts || scroll.toBottom(), coach("sent")) });
const fill = (text) => !isHome() && compose.fill(text);
const channel = () => data.channels.find((one) => one.id === state.channel);
const isHome = () => channel().is_im && state.tab === "home";
const appChannel = () => data.channels.find((one) => one.is_im && one.has_bot);

function drawViewers() {
  const people = Object.entries(data.users).filter(([, user]) => !user.is_bot);
  $("who").replaceChildren(...people.map(([id, user]) => h("option", { value: user.name, selected: id === data.viewer }, user.real_name)));
}

function drawSidebar() {
  const focused = $("sidebar").contains(document.activeElement) && document.activeElement.dataset.testid;
  $("sidebar").replaceChildren(...sidebarEntries({ data, here: state.channel, app: appChannel(), go, openApp }));
  if (focused) $("sidebar").querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
  document.body.classList.toggle("any-unread", isAnyUnread());
}

/** The app's direct message, unless the person went elsewhere while the server was asked for it. */
async function openApp() {
  const move = ++state.moves;
  const answer = await page.act({ do: "direct" });
  if (!data.channels.some((one) => one.id === answer.channel)) await load();
  if (move !== state.moves) return;
  state.tab = data.app.tabs[0] ?? "messages";
  go(answer.channel);
  noteTab();
  coach("home");
}

/** Notify the app that its Home tab was opened; an agent also of its messages. */
function noteTab() {
  if (state.tab === "home" || data.app.is_agent) page.act({ do: "home", tab: state.tab });
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
  const invite = () => page.act({ do: "invite", channel: here.id });
  $("channel-head").replaceChildren(...(here.is_im ? appHead(data.app.name, data.app.tabs, state.tab, openTab) : channelHead(here, { appName: data.app.name, invite })));
  $("composer").hidden = showsHome;
  $("list").classList.toggle("home", showsHome);
  $("list").setAttribute("role", showsHome ? "region" : "log");
  if (fresh) $("list").replaceChildren();
  if (fresh) compose.draw(here, data);
  drawPrompts($("prompts"), showsHome ? null : here, (text) => compose.say(text, []));
  if (showsHome) drawHome(fresh);
  else drawMessages({ fresh });
  drawThread({ fresh });
}

function openTab(name) {
  state.tab = name;
  drawChannel(true);
  noteTab();
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
  const messages = data.messages[state.channel] ?? [];
  const root = messages.find((one) => one.ts === state.thread);
  drawPane(root, messages, channel().is_im ? "" : `# ${channel().name}`, position, channel().sessions?.[state.thread]);
}

function closeThread() {
  const root = state.thread;
  state.thread = null;
  drawThread();
  $("list").querySelector(`[data-ts="${CSS.escape(root)}"] .replies, [data-ts="${CSS.escape(root)}"]`)?.focus();
}

/** Open a message by link, in its thread if it is a reply. */
function openMessage(place, ts, root) {
  if (!data.channels.some((one) => one.id === place)) return notice("You can't see that message.");
  go(place);
  if (root && root !== ts) page.openThread({ ts: root });
  const node = document.querySelector(`${root && root !== ts ? "#thread" : "#list"} [data-ts="${CSS.escape(ts)}"]`);
  node?.scrollIntoView({ block: "center" });
  return node?.focus();
}

function openUser(id) {
  return data.users[id]?.is_bot ? openApp() : showProfile(data.users[id] ?? { real_name: id, name: id });
}

$("who").addEventListener("change", (event) => {
  address.set("user", event.target.value);
  location.search = address.toString();
});
$("menu").addEventListener("click", () => document.body.classList.toggle("menu-open"));
$("main").addEventListener("click", () => document.body.classList.remove("menu-open"));
listenToKeys({ openThread: (ts) => page.openThread({ ts }), closeThread });
listenToLinks({ fill, openChannel: (id) => names.channels[id] && go(id), openMessage, openUser });
themeSwitch($("theme"));

$("list").after(scroll.pill);
await load();
listen(state.viewer, { take, reload: load });
