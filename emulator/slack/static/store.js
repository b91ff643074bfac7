// What the page knows of messages and channels, brought up to date in place.

/** Put a message into the list of its channel; returns whether it is a new one. */
export function storeMessage(list, message) {
  const index = list.findIndex((one) => one.ts === message.ts);
  if (index >= 0) list[index] = message;
  else list.push(message);
  const isNew = index < 0;
  if (isNew && message.is_reply && !message.is_ephemeral) countReply(list, message);
  return isNew;
}

export function storeChannel(channels, channel) {
  const index = channels.findIndex((one) => one.id === channel.id);
  if (index >= 0) channels[index] = channel;
  else channels.push(channel);
}

function countReply(list, reply) {
  const at = list.findIndex((one) => one.ts === reply.thread_ts);
  if (at < 0) return;
  const users = new Set([...(list[at].reply_users ?? []), reply.user]);
  list[at] = { ...list[at], reply_count: (list[at].reply_count ?? 0) + 1, reply_users: [...users], latest_reply: reply.ts };
}
