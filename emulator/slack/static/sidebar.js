// The sidebar: channels, which of them are unread, and the app.

import { h, icon } from "./dom.js";
import { avatar } from "./messages.js";
import { unreadOf } from "./unread.js";

/** `here` is the channel on the screen, `app` the direct message with the app, if there is one. */
export function sidebarEntries({ data, here, app, go, openApp }) {
  const rooms = data.channels.filter((one) => !one.is_im);
  const me = data.users[data.viewer];
  const room = (one) => [h("span", { class: "hash" }, one.is_private ? icon("lock") : "#"), one.name];
  return [
    h("h2", {}, "Channels"),
    ...rooms.map((one) => entry(one, here, room(one), `channel-${one.name}`, () => go(one.id))),
    h("h2", {}, "Direct messages"),
    entry(null, here, [avatar(me, data.viewer), me.real_name, h("small", {}, " you")], "channel-me", () => {}),
    h("h2", {}, "Apps"),
    entry(app, here, [avatar({ is_bot: true }, ""), data.app.name], "dm-app", openApp),
  ];
}

function entry(channel, here, label, testid, open) {
  const { count, mentions } = unreadOf(channel?.id);
  const kind = `entry${channel && channel.id === here ? " here" : ""}${count ? " unread" : ""}`;
  const pill = mentions > 0 && h("span", { class: "mentions", "data-testid": `unread-${channel.name}` }, mentions);
  return h("button", { type: "button", class: kind, "aria-current": channel && channel.id === here ? "page" : null, title: count ? `${count} unread` : null, "data-testid": testid, onclick: open }, label, pill);
}
