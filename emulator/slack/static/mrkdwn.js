// Slack's mrkdwn, plain text and Markdown, as elements. Nothing here parses HTML: see dom.js.

import { now } from "./clock.js";
import { h, safeUrl } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { exampleOf } from "./links.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** Names for mentions; set once by app.js. */
export const names = { users: {}, channels: {}, groups: {} };

export function unescape(text) {
  return text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);
}

export function plain(text) {
  return withEmoji(unescape(text));
}

/** Blocks of code, quotes and lines; then what is inside a line. */
export function mrkdwn(text) {
  const parts = [];
  text.split(/```\n?([\s\S]*?)\n?```/g).forEach((part, index) => {
    if (index % 2) parts.push(codeBlock(unescape(part).replace(/<(https?:[^|>]+)(\|[^>]*)?>/g, "$1")));
    else parts.push(...lines(index && part.startsWith("\n") ? part.slice(1) : part));
  });
  return parts;
}

function lines(text) {
  const parts = [];
  let quote = null;
  const all = text.split("\n");
  all.forEach((line, index) => {
    const quoted = line.match(/^(?:&gt;|>) ?(.*)/);
    if (quoted) {
      quote ??= parts[parts.push(h("blockquote")) - 1];
      quote.append(...inline(quoted[1]), h("br"));
      return;
    }
    parts.push(...inline(line));
    if (index < all.length - 1 && !(quote && !line)) parts.push(h("br"));
    quote = null;
  });
  return parts;
}

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>]+)>",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]*?\\S)\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]*?\\S)_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]*?\\S)~(?![\\w~])",
  ].join("|"),
  "g",
);

function inline(text) {
  const parts = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(...plain(text.slice(last, match.index)));
    const [, code, angle, bold, italic, strike] = match;
    if (code !== undefined) parts.push(codeElement(unescape(code)));
    else if (angle !== undefined) parts.push(reference(angle));
    else if (bold !== undefined) parts.push(h("b", {}, inline(bold)));
    else if (italic !== undefined) parts.push(h("i", {}, inline(italic)));
    else if (strike !== undefined) parts.push(h("s", {}, inline(strike)));
    last = match.index + match[0].length;
  }
  return [...parts, ...plain(text.slice(last))];
}

/** The text between < and >: a mention, a date or a link. */
function reference(inner) {
  const [target, label] = [inner.split("|")[0], inner.split("|").slice(1).join("|")];
  if (target.startsWith("@")) return userMention(target.slice(1));
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!subteam^")) return mention(label || `@${names.groups[target.slice(9)] ?? "group"}`);
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`, "ping");
  return link(unescape(target), label ? plain(label) : [unescape(target)]);
}

export function mention(text, kind = "", target = {}) {
  return h("span", { class: `mention ${kind}`, "data-testid": kind === "ping" ? "ping" : "mention", ...target }, text);
}

export function userMention(id) {
  return mention(`@${names.users[id]?.real_name ?? id}`, "", { role: "button", tabindex: 0, "data-user": id });
}

export function channelMention(id, label = "") {
  const known = names.channels[id];
  return mention(`#${known?.name ?? (label || id)}`, "", known ? { role: "button", tabindex: 0, "data-channel": id } : {});
}

/** A block of code; one that may scroll is reached by keyboard. */
export function codeBlock(text) {
  const isLong = text.length > 800 || text.split("\n").length > 12;
  return h("pre", isLong ? { class: "code", tabindex: 0, role: "group", "aria-label": "Code" } : { class: "code" }, text);
}

/** A command, question or job reference is an example: a press puts it into the composer. */
function codeElement(text) {
  const example = exampleOf(text);
  return h("code", example ? { class: "example", role: "button", tabindex: 0, title: "Put into the message box", "data-example": example } : {}, text);
}

export function link(url, label) {
  const address = safeUrl(url);
  return address ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label) : h("span", {}, label);
}

export function date(target, label) {
  const [, seconds, format = ""] = target.split("^");
  const moment = new Date(Number(seconds) * 1000);
  if (Number.isNaN(moment.getTime())) return h("span", {}, label);
  const clock = (second) => moment.toLocaleTimeString("en-US", { hour: "numeric", minute: "2-digit", second });
  const day = moment.toLocaleDateString("en-US", { month: "short", day: "numeric", year: "numeric" });
  const shown = format
    .replace(/\{time_secs\}/g, clock("2-digit"))
    .replace(/\{time\}/g, clock())
    .replace(/\{date_num\}/g, moment.toISOString().slice(0, 10))
    .replace(/\{date[a-z_]*_pretty\}/g, nearDay(moment) ?? day)
    .replace(/\{date[a-z_]*\}/g, day)
    .replace(/\{ago\}/g, clock());
  return h("time", { title: moment.toISOString() }, shown);
}

/** "today", "yesterday" or "tomorrow", as Slack's pretty dates say it; undefined for any other day. */
function nearDay(moment) {
  const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  return { 0: "today", [-1]: "yesterday", 1: "tomorrow" }[Math.round((midnight(moment) - midnight(new Date(now()))) / 86_400_000)];
}

/** Standard Markdown, as much as the markdown block is used for. */
export function markdown(text) {
  const parts = [];
  text.split(/```[a-z]*\n?([\s\S]*?)\n?```/g).forEach((part, index) => {
    if (index % 2) parts.push(codeBlock(part));
    else parts.push(...markdownLines(part));
  });
  return parts;
}

function markdownLines(text) {
  return text.split("\n").map((line) => {
    const heading = line.match(/^(#{1,6}) (.*)/);
    if (heading) return h("div", { class: "md-heading" }, markdownInline(heading[2]));
    const item = line.match(/^\s*(?:[-*]|(\d+)\.) (.*)/);
    if (item) return h("div", { class: "md-item" }, `${item[1] ? `${item[1]}.` : "•"} `, markdownInline(item[2]));
    if (line.startsWith("> ")) return h("blockquote", {}, markdownInline(line.slice(2)));
    return line ? h("div", {}, markdownInline(line)) : h("div", { class: "md-gap" });
  });
}

function markdownInline(text) {
  const shape = /`([^`]+)`|\*\*(.+?)\*\*|\*(.+?)\*|~~(.+?)~~|\[([^\]]+)\]\(([^)]+)\)/g;
  const parts = [];
  let last = 0;
  for (const match of text.matchAll(shape)) {
    parts.push(...withEmoji(text.slice(last, match.index)));
    const [, code, bold, italic, strike, label, url] = match;
    if (code) parts.push(h("code", {}, code));
    else if (bold) parts.push(h("b", {}, markdownInline(bold)));
    else if (italic) parts.push(h("i", {}, markdownInline(italic)));
    else if (strike) parts.push(h("s", {}, markdownInline(strike)));
    else parts.push(link(url, [label]));
    last = match.index + match[0].length;
  }
  return [...parts, ...withEmoji(text.slice(last))];
}

// A Block Kit text object, a bare string or nothing.
export function textObject(text) {
  if (!text) return [];
  if (typeof text === "string") return plain(text);
  return text.type === "mrkdwn" ? mrkdwn(text.text) : plain(text.text);
}
