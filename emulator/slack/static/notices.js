// What only Slack itself says to one person: messages of Slackbot, which live in this page alone.

import { now } from "./clock.js";
import { h } from "./dom.js";

export const SLACKBOT = "USLACKBOT";
const TOAST_MS = 12_000;

/** A message of Slackbot after the others of its channel, or of a thread. Its `ts` has a digit more than the server's. */
export function noticeMessage(text, channel, thread_ts, messages) {
  const last = Math.max(0, ...messages.map((one) => Number(one.ts)));
  const ts = Math.max(now() / 1000, last + 0.0000005).toFixed(7);
  const escaped = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return { ts, channel, thread_ts, user: SLACKBOT, text: escaped, is_ephemeral: true, is_notice: true, is_reply: Boolean(thread_ts), version: 1 };
}

/** Where no message list is on the screen. */
export function toast(place, text) {
  const bubble = h("div", { class: "notice", "data-testid": "notice" }, h("b", {}, "Slackbot"), h("span", {}, text), h("small", {}, "Only visible to you"));
  place.append(bubble);
  setTimeout(() => bubble.remove(), TOAST_MS);
}

/** Private messages of `before` that `after`, fresh from the server, does not have; a reload of the page drops them. */
export function keepPrivate(before, after) {
  for (const [channel, messages] of Object.entries(before)) {
    const kept = messages.filter((one) => one.is_ephemeral);
    if (after[channel]) after[channel] = [...after[channel], ...kept].sort((one, other) => Number(one.ts) - Number(other.ts));
  }
}
