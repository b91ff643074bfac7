// What is above the messages: the name of the channel, or the app and its tabs.

import { h, icon } from "./dom.js";
import { avatar } from "./messages.js";

export function channelHead(here, { appName, invite }) {
  return [
    h("h1", {}, h("span", { class: "hash" }, here.is_private ? icon("lock") : "#"), here.name),
    h("span", { class: "topic" }, here.topic),
    h("span", { class: "members", title: "Members", role: "img", "aria-label": `${here.members} members` }, icon("people"), ` ${here.members}`),
    !here.has_bot && h("button", { type: "button", class: "button", "data-testid": "invite-bot", onclick: invite }, `Add ${appName}`),
  ].filter(Boolean);
}

/** `tabs` are those that the manifest turns on; `here` is the open one. */
export function appHead(name, tabs, here, open) {
  const tab = (id) => h("button", { type: "button", class: here === id ? "tab here" : "tab", "aria-current": here === id ? "page" : null, "data-testid": `tab-${id}`, onclick: () => open(id) }, id === "home" ? "Home" : "Messages");
  return [avatar({ is_bot: true }, ""), h("h1", {}, name), h("div", { class: "tabs" }, tabs.map(tab))];
}
