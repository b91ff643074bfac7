// One message as an element, and a list of messages that changes only where a message changed.

import { renderBlocks } from "./blocks.js";
import { dayOf, h, icon, timeOf } from "./dom.js";
import { emoji } from "./emoji.js";
import { mrkdwn, plain } from "./mrkdwn.js";
import { messageTools, reactions } from "./message_tools.js";
import { SLACKBOT } from "./notices.js";

const COLOURS = ["#2f6f8f", "#8f5a2f", "#4d7c46", "#7a4d8f"];
const GROUP_WITHIN_S = 300;

export function avatar(user, id) {
  if (id === SLACKBOT) return h("span", { class: "avatar slackbot", "aria-hidden": "true" }, "♥");
  if (user.is_bot) return h("span", { class: "avatar bot", "aria-hidden": "true" }, "◉");
  const colour = COLOURS[[...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % COLOURS.length];
  return h("span", { class: "avatar", style: `background:${colour}`, "aria-hidden": "true" }, user.real_name[0]);
}

/** `page` gives users, act, suggest, expectAnswer and openThread; `inThread` leaves out the "N replies" line. */
export function messageElement(message, page, { compact = false, inThread = false } = {}) {
  const user = page.users[message.user] ?? { real_name: message.is_notice ? "Slackbot" : message.user, name: message.user };
  const place = {
    act: (element, _block, choice) => {
      if (message.is_ephemeral) page.expectAnswer(message.channel);
      return page.act({ do: "click", channel: message.channel, ts: message.ts, action_id: element.action_id, choice });
    },
    suggest: (element, query) => page.suggest({ channel: message.channel, ts: message.ts, action_id: element.action_id, query }),
  };
  const moment = new Date(Number(message.ts) * 1000).toString();
  return h(
    "article",
    {
      class: `message${message.is_ephemeral ? " ephemeral" : ""}${compact ? " compact" : ""}`,
      "data-testid": message.is_notice ? "notice" : message.is_ephemeral ? "ephemeral" : "message",
      "data-ts": message.ts,
      tabindex: -1,
      "aria-label": `${user.real_name}, ${timeOf(message.ts)}`,
      "data-version": message.version,
    },
    compact ? h("time", { class: "side-time", title: moment }, timeOf(message.ts).replace(/ [AP]M/, "")) : avatar(user, message.user),
    h(
      "div",
      { class: "content" },
      !compact &&
        h(
          "div",
          { class: "by" },
          h("b", {}, user.real_name),
          user.is_bot && h("span", { class: "badge" }, "APP"),
          h("time", { title: moment }, timeOf(message.ts)),
        ),
      message.is_broadcast && !inThread && h("div", { class: "muted small" }, "replied to a thread"),
      body(message, place),
      (message.attachments ?? []).map((attachment) => attached(attachment, place)),
      (message.files ?? []).map(file),
      message.reactions && reactions(message, page),
      !inThread && message.reply_count && replies(message, page),
      message.is_ephemeral && h("div", { class: "only-you" }, icon("eye"), " Only visible to you"),
    ),
    !message.is_ephemeral && !message.is_notice && messageTools(message, page, { inThread }),
  );
}

function body(message, place) {
  const edited = message.edited && h("span", { class: "edited", "data-testid": "edited" }, " (edited)");
  if (message.blocks) return h("div", { class: "blocks" }, renderBlocks(message.blocks, place), edited);
  return message.text ? h("div", { class: "text" }, mrkdwn(message.text), edited) : null;
}

function attached(attachment, place) {
  const colour = /^#?[0-9a-f]{6}$/i.test(attachment.color ?? "") ? `#${attachment.color.replace("#", "")}` : "#ddd";
  return h(
    "div",
    { class: "attachment", style: `border-color:${colour}` },
    attachment.title && h("b", {}, plain(attachment.title)),
    attachment.text && h("div", {}, mrkdwn(attachment.text)),
    attachment.blocks && renderBlocks(attachment.blocks, place),
  );
}

function file(one) {
  return h(
    "div",
    { class: "file", "data-testid": "file" },
    h("div", { class: "file-head" }, h("b", {}, one.title), h("span", { class: "muted" }, `${one.name} · ${size(one.size)}`), h("a", { href: `page/files/${encodeURIComponent(one.id)}` }, "Download")),
    one.text && h("pre", { tabindex: 0, role: "group", "aria-label": `Text of ${one.name}` }, one.text),
  );
}

function size(bytes) {
  return bytes < 1000 ? `${bytes} B` : `${Math.round(bytes / 1000)} kB`;
}

function replies(message, page) {
  const count = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  const faces = (message.reply_users ?? []).slice(0, 3).map((id) => avatar(page.users[id] ?? { real_name: "?" }, id));
  const last = h("span", { class: "muted" }, `Last reply ${dayOf(message.latest_reply).replace(/^[TY]/, (letter) => letter.toLowerCase())} at ${timeOf(message.latest_reply)}`);
  return h("button", { type: "button", class: "replies", "data-testid": "replies", onclick: () => page.openThread(message) }, faces, h("b", {}, count), last);
}

/** Bring `container` in line with `messages`, touching only what changed; the focus stays. A line marks the first from `newFrom` on. */
export function updateList(container, messages, page, { inThread = false, newFrom = null } = {}) {
  const known = new Map([...container.children].map((node) => [node.dataset.key, node]));
  let refocus = null;
  let [previous, day, cursor, isMarked] = [null, null, container.firstElementChild, newFrom === null];
  const place = (key, mark, make) => {
    let node = known.get(key);
    known.delete(key);
    if (!node || node.dataset.mark !== mark) {
      const fresh = make();
      fresh.dataset.key = key;
      fresh.dataset.mark = mark;
      if (node === cursor && node) cursor = node.nextElementSibling;
      const focused = node?.contains(document.activeElement) && document.activeElement.dataset.testid;
      node?.remove();
      node = fresh;
      refocus = focused ? () => (fresh.querySelector(`[data-testid="${CSS.escape(focused)}"]`) ?? fresh).focus({ preventScroll: true }) : refocus;
    }
    if (node === cursor) cursor = cursor.nextElementSibling;
    else container.insertBefore(node, cursor);
  };
  for (const message of messages) {
    const today = dayOf(message.ts);
    if (!inThread && today !== day) place(`day-${today}`, "", () => h("div", { class: "day" }, h("span", {}, today)));
    const isFirstNew = !isMarked && Number(message.ts) >= Number(newFrom);
    if (isFirstNew) place("new", newFrom, () => h("div", { class: "day new", "data-testid": "new-line" }, h("span", {}, "New")));
    isMarked ||= isFirstNew;
    const compact = isCompact(previous, message) && !isFirstNew && (inThread || today === day);
    place(message.ts, JSON.stringify([message, compact]), () => messageElement(message, page, { compact, inThread }));
    [previous, day] = [message, today];
  }
  for (const node of known.values()) node.remove();
  refocus?.();
}

function isCompact(previous, message) {
  return (
    previous !== null &&
    previous.user === message.user &&
    previous.is_ephemeral === message.is_ephemeral &&
    !previous.reply_count &&
    !message.blocks &&
    message.ts - previous.ts < GROUP_WITHIN_S
  );
}
