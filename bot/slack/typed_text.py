"""The text of commands and mentions, as the person typed it. Pure."""

import re

_WITH_IDS = re.compile(r"(?i)(?:<[^>]*>|[^<-])*?\b(?:notify|audit)\b")
"""`notify` or `audit` before any option, perhaps after a mention, `/train` or polite words."""
_TYPED_MENTION = re.compile(
    r"<(?:[@#][A-Z0-9]+\|(?P<name>[^<>]+)|!subteam\^[A-Z0-9]+\|(?P<group>[^<>]+)|!(?P<all>here|channel|everyone)(?:\|[^<>]*)?)>"
)
_LINK = re.compile(r"<(?P<url>(?:https?://|mailto:)[^|<>\s]+)(?:\|(?P<label>[^<>]*))?>")


def without_mention(text: str, bot_user: str | None) -> str:
    """The text of a message that mentions the bot, wherever that is; other people's mentions stay."""
    user = re.escape(bot_user) if bot_user else "[UW][A-Z0-9]+"
    return re.sub(rf"<@{user}(?:\|[^>]*)?>[:,]?", " ", text, count=0 if bot_user else 1).strip()


def plain_text(text: str) -> str:
    """The text as the person typed it, without Slack's markup: links in angle brackets and three escaped characters.

    Mentions stay in `notify` and `audit`, which need their ids; elsewhere they become names, as in `--grep @retry`.
    Source: https://docs.slack.dev/messaging/formatting-message-text (documented).
    """
    named = text if _WITH_IDS.match(text) else _TYPED_MENTION.sub(_typed_name, text)
    unlinked = _LINK.sub(_typed_link, named)
    return unlinked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")  # the ampersand last


def _typed_name(mention: re.Match[str]) -> str:
    if mention["name"]:
        return mention[0][1] + mention["name"]
    return mention["group"] or f"@{mention['all']}"


def _typed_link(link: re.Match[str]) -> str:
    """The URL, or the bare name that Slack linked by itself."""
    url, label = link["url"], link["label"]
    return label if label and url in (f"http://{label}", f"http://{label}/", f"mailto:{label}") else url
