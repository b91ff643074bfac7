// What a person does to a message: react, reply, copy its link, mark it unread, use a shortcut of the app.

import { h, icon } from "./dom.js";
import { emoji } from "./emoji.js";

const QUICK = ["white_check_mark", "eyes", "+1"];

/** The reactions below a message; a press adds the person's own or takes it away. */
export function reactions(message, page) {
  const one = ({ name, count, users }) => {
    const isMine = users.includes(page.viewer);
    const props = { type: "button", class: isMine ? "mine" : null, "aria-pressed": String(isMine), "aria-label": `${name.replaceAll("_", " ")}, ${count}`, "data-testid": `reaction-${name}`, onclick: () => react(message, page, name) };
    return h("button", props, emoji(name), ` ${count}`);
  };
  return h("div", { class: "reactions" }, message.reactions.map(one));
}

function react(message, page, name) {
  return page.act({ do: "react", channel: message.channel, ts: message.ts, name });
}

/** The tools that appear over a message, with its menu. */
export function messageTools(message, page, { inThread }) {
  const quick = QUICK.map((name) => h("button", { type: "button", title: `React with ${name.replaceAll("_", " ")}`, "aria-label": `React with ${name.replaceAll("_", " ")}`, "data-testid": `react-${name}`, onclick: () => react(message, page, name) }, emoji(name)));
  const reply = h("button", { type: "button", title: "Reply in thread", "aria-label": "Reply in thread", "data-testid": "reply", onclick: () => page.openThread(message) }, icon("bubble"));
  return h("div", { class: "tools" }, quick, !inThread && reply, menu(message, page, { inThread }));
}

function menu(message, page, { inThread }) {
  const entry = (testid, label, use, note) => {
    const press = (event) => {
      event.target.closest("details").removeAttribute("open");
      return use();
    };
    return h("button", { type: "button", "data-testid": testid, onclick: press }, label, note && h("small", {}, ` ${note}`));
  };
  const shortcut = (one) => {
    page.expectAnswer(message.channel);
    return page.act({ do: "shortcut", channel: message.channel, ts: message.ts, callback_id: one.id });
  };
  const link = () => navigator.clipboard?.writeText(permalink(message));
  const entries = [
    ...page.shortcuts.map((one) => entry(`shortcut-${one.id}`, one.name, () => shortcut(one), page.appName)),
    !inThread && entry("menu-reply", "Reply in thread", () => page.openThread(message)),
    ...QUICK.map((name) => entry(`menu-react-${name}`, [emoji(name), ` ${name.replaceAll("_", " ")}`], () => react(message, page, name))),
    !inThread && entry("mark-unread", "Mark unread", () => page.markUnread(message)),
    entry("copy-link", "Copy link", link),
  ];
  return h("details", { class: "overflow more" }, h("summary", { title: "More actions", "aria-label": "More actions", "data-testid": "more" }, icon("more")), h("div", { class: "menu" }, entries));
}

/** The address that `chat.getPermalink` gives. */
function permalink(message) {
  const thread = message.is_reply ? `?thread_ts=${message.thread_ts}&cid=${message.channel}` : "";
  return `${location.origin}/archives/${message.channel}/p${message.ts.replace(".", "")}${thread}`;
}
