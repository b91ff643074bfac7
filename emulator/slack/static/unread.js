// Which messages of which channels a person has not read yet, since the page was opened.

const channels = new Map();
const none = { count: 0, mentions: 0, from: null };

/** Note a message that arrived in a channel nobody looks at. Like Slack, it ignores replies in threads. */
export function noteUnread(message, viewer) {
  if (message.is_reply && !message.is_broadcast) return;
  const { count, mentions, from } = unreadOf(message.channel);
  const pings = mentionsPerson(message, viewer) ? 1 : 0;
  channels.set(message.channel, { count: count + 1, mentions: mentions + pings, from: from ?? message.ts });
}

/** The number of unread messages and mentions of a channel, and the `ts` of the first unread one. */
export function unreadOf(channel) {
  return channels.get(channel) ?? none;
}

/** Count a message and those after it as unread again. */
export function markUnread(message, messages, viewer) {
  channels.delete(message.channel);
  for (const one of messages) if (Number(one.ts) >= Number(message.ts)) noteUnread(one, viewer);
}

export function markRead(channel) {
  channels.delete(channel);
}

export function isAnyUnread() {
  return channels.size > 0;
}

function mentionsPerson(message, viewer) {
  const content = JSON.stringify([message.text, message.blocks ?? []]);
  return [`<@${viewer}>`, "<!channel>", "<!here>", "<!everyone>"].some((mark) => content.includes(mark));
}
