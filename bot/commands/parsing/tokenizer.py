"""What was typed to words and back: quotes, and the marks that phones and Slack put in place of what was typed.

What the words mean is in `bot.commands.parsing.parser`. A shell has already split its words and does not come here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.errors import UsageError


class Word(NamedTuple):
    """One word; a quoted one is never taken for an option."""

    text: str
    quoted: bool = False


_CLOSING = {
    '"': '"',
    "'": "'",
    "\u201c": "\u201d\u201c",
    "\u201d": "\u201d\u201c",
    "\u201e": "\u201c\u201d",
    "\u00ab": "\u00bb",
    "\u2018": "\u2019\u2018",
    "\u2019": "\u2019\u2018",
    "\u201a": "\u2018\u2019",
}
"""Opening quote to what may close it. Phones make typographic quotes of plain ones, sometimes the same one twice."""

_LONG_DASH = re.compile("-?[\u2012-\u2015\u2212]-?(?=[A-Za-z])")
"""Phones turn two hyphens into one of these."""
_ASSIGNED_QUOTE = re.compile(f"[^\\s=]+=[{''.join(_CLOSING)}]")
_LINK = re.compile(r"<(?P<url>(?:https?://|mailto:)[^|>\s]+)(?:\|(?P<label>[^>]*))?>")
_MARKED_UP = re.compile(r"&(?:amp|lt|gt);|<(?:https?://|mailto:)")
_SPACE = re.compile("[\\s\u200b\ufeff]+")
_BACKSLASHES = re.compile(r"\\+")


def split_words(text: str) -> list[Word]:
    """Split what Slack delivers, or a text made with `quote`, into words.

    Quotes count where a word begins and behind `name=`; elsewhere an apostrophe is a letter. A backslash is a
    letter too (patterns are full of them) unless it stands before the closing quote.

    Raises:
        UsageError: a quote is opened and never closed.
    """
    clean = _unescape(_LINK.sub(_link_text, text))
    words: list[Word] = []
    position = 0
    while position < len(clean):
        if space := _SPACE.match(clean, position):
            position = space.end()
        elif clean[position] in _CLOSING:
            value, position = _read_quoted(clean, position)
            words.append(Word(value, quoted=True))
        else:
            word, position = _read_bare(clean, position)
            words.append(Word(word))
    return words


def quote(value: str) -> str:
    """A value as it must be typed, so that `split_words` gives it back and takes it for no option."""
    escaped = value
    if _MARKED_UP.search(value):
        escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    bare = value and value[0] not in _CLOSING and value[0] != "-" and not _LONG_DASH.match(value)
    if bare and not _SPACE.search(value) and not _ASSIGNED_QUOTE.match(value):
        return escaped
    return '"' + re.sub(r'(\\*)("|\Z)', lambda run: run[1] * 2 + ('\\"' if run[2] else ""), escaped) + '"'


def plain_dashes(word: str) -> str:
    """A long dash before a letter as two hyphens: `—since` is `--since`. Any other word stays."""
    return _LONG_DASH.sub("--", word, count=1) if _LONG_DASH.match(word) else word


def _read_quoted(text: str, start: int) -> tuple[str, int]:
    """The value between quotes and the position behind them; backslashes before the closing quote count in pairs."""
    closing = _CLOSING[text[start]]
    value: list[str] = []
    position = start + 1
    while position < len(text):
        slashes = _BACKSLASHES.match(text, position)
        run = len(slashes[0]) if slashes else 0
        position += run
        if text[position : position + 1] not in tuple(closing):
            value.append("\\" * run + text[position : position + 1])
        elif run % 2:
            value.append("\\" * (run // 2) + text[position])
        else:
            value.append("\\" * (run // 2))
            return "".join(value), position + 1
        position += 1
    excerpt = text[start + 1 : start + 21]
    raise UsageError(f"The quote before `{excerpt}` is never closed; put another {text[start]} behind it.")


def _read_bare(text: str, start: int) -> tuple[str, int]:
    """A word up to the next space; `name="a b"` is one word."""
    space = _SPACE.search(text, start)
    end = space.start() if space else len(text)
    assignment = _ASSIGNED_QUOTE.match(text, start, end)
    if assignment is None:
        return text[start:end], end
    value, end = _read_quoted(text, assignment.end() - 1)
    return text[start : assignment.end() - 1] + value, end


def _link_text(link: re.Match[str]) -> str:
    """What was typed before Slack made a link of it: the URL, or the bare name it put `http://` before."""
    url, label = link["url"], link["label"]
    return label if label and url in (f"http://{label}", f"http://{label}/", f"mailto:{label}") else url


def _unescape(text: str) -> str:
    """Slack's three entities, the ampersand last so that nothing is undone twice."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
