"""Undo the markup that Slack adds to typed text: links in angle brackets and three escaped characters. Pure.

Source: https://docs.slack.dev/messaging/formatting-message-text (documented).
"""

from __future__ import annotations

import re

_LINK = re.compile(r"<(?P<url>(?:https?://|mailto:)[^|>\s]+)(?:\|(?P<label>[^>]*))?>")


def plain_text(text: str) -> str:
    """The text as the person typed it."""
    unlinked = _LINK.sub(_typed_link, text)
    return unlinked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")  # the ampersand last


def _typed_link(link: re.Match[str]) -> str:
    """The URL, or the bare name that Slack linked by itself."""
    url, label = link["url"], link["label"]
    return label if label and url in (f"http://{label}", f"http://{label}/", f"mailto:{label}") else url
