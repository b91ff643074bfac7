// The rich_text block and table cells made of it.

import { h } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { channelMention, codeBlock, date, link, mention, userMention } from "./mrkdwn.js";

export function richText(block) {
  return (block.elements ?? []).map((element) => {
    const inside = () => (element.elements ?? []).map(inlineElement);
    switch (element.type) {
      case "rich_text_preformatted":
        return codeBlock((element.elements ?? []).map((one) => one.text ?? one.url ?? "").join(""));
      case "rich_text_quote":
        return h("blockquote", { class: "pre-wrap" }, inside());
      case "rich_text_list":
        return h(
          element.style === "ordered" ? "ol" : "ul",
          { style: `margin-left:${(element.indent ?? 0) * 20}px`, start: (element.offset ?? 0) + 1 },
          element.elements.map((item) => h("li", {}, item.elements.map(inlineElement))),
        );
      default:
        return h("div", { class: "pre-wrap" }, inside());
    }
  });
}

function inlineElement(element) {
  return styled(bare(element), element.style ?? {});
}

function bare(element) {
  switch (element.type) {
    case "text":
      return withEmoji(element.text);
    case "link":
      return link(element.url, [element.text || element.url]);
    case "emoji":
      return emoji(element.name);
    case "user":
      return userMention(element.user_id);
    case "channel":
      return channelMention(element.channel_id);
    case "broadcast":
      return mention(`@${element.range}`, "ping");
    case "date":
      return date(`!date^${element.timestamp}^${element.format}`, element.fallback ?? "");
    default:
      return element.value ?? "";
  }
}

function styled(content, style) {
  let node = content;
  if (style.code) node = h("code", {}, node);
  if (style.bold) node = h("b", {}, node);
  if (style.italic) node = h("i", {}, node);
  if (style.strike) node = h("s", {}, node);
  if (style.underline) node = h("u", {}, node);
  return node;
}
