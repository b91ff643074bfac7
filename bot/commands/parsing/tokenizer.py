"""Split typed text into words, and quote words so that they can be typed. Pure.

Accepts the typographic quotes and dashes that phones put in place of plain ones, and code marks around words. A shell
splits its own words.
"""

import re
from typing import NamedTuple

from bot.errors import UsageError


class Word(NamedTuple):
    """One word; a quoted one is never an option."""

    text: str
    quoted: bool = False


_CLOSING = {
    '"': '"', "'": "'", "\u00ab": "\u00bb",
    "\u201c": "\u201d\u201c", "\u201d": "\u201d\u201c", "\u201e": "\u201c\u201d",
    "\u2018": "\u2019\u2018", "\u2019": "\u2019\u2018", "\u201a": "\u2018\u2019",
}  # fmt: skip
"""Opening quote to the quotes that may close it. Phones sometimes type the same one twice."""

_DASHES = "\u2010-\u2015\u2212\ufe63\uff0d"
_LONG_DASH = re.compile(f"-?[{_DASHES}][-{_DASHES}]?(?=[A-Za-z])")
"""Phones turn two hyphens into one of these, documents each hyphen into another."""
_INNER_DASH = re.compile(f"(?<=\\d)[{_DASHES}](?=\\d)|(?<=\\w)[\u2010\u2011](?=\\w)|^[{_DASHES}](?=\\d)")
"""A hyphen or minus in a date, a range, a name or before a number."""
_CODE = re.compile(r"(`{1,3})(?!`)([^`]*)\1(?!`)[.,:;!?]*(?=\s|$)")
"""Words between code marks, and the punctuation of the sentence after them."""
_ASSIGNED_QUOTE = re.compile(f"[^\\s=]+=[{''.join(_CLOSING)}]")
_ASSIGNED_CODE = re.compile(r"([^\s=`]+=)(`{1,3})(?!`)([^`]*)\2(?!`)[.,:;!?]*(?=\s|$)")
"""A value between code marks, as in ``--tail=`2` ``."""
_ASSIGNED_MARK = re.compile(r"[^\s=`]+=`")
"""Its beginning: the closing mark may be in a later word."""
_SPACE = re.compile("[\\s\u200b\ufeff]+")
_BACKSLASHES = re.compile(r"\\+")


def split_words(text: str) -> list[Word]:
    """Split typed text, or a text made with `quote`, into words.

    Quotes count at the start of a word and after `name=`; elsewhere an apostrophe is a letter. A backslash is a
    letter too, since patterns are full of them, unless it precedes the closing quote. Code marks around words are
    dropped; after an option such as ``--grep `a b` `` they quote.

    Raises:
        UsageError: a quote is not closed.
    """
    words: list[Word] = []
    position = 0
    while position < len(text):
        if space := _SPACE.match(text, position):
            position = space.end()
        elif text[position] in _CLOSING:
            value, position = _read_quoted(text, position)
            words.append(Word(value, quoted=True))
        elif code := _CODE.match(text, position):
            is_value = bool(words) and not words[-1].quoted and normalize_dashes(words[-1].text).startswith("-")
            words += _read_code(code[2].strip(), is_value=is_value)
            position = code.end()
        else:
            word, position = _read_bare(text, position)
            words.append(Word(word))
    return words


def quote(value: str) -> str:
    """Quote a value where needed, so that `split_words` returns it and never as an option."""
    is_bare = value and value[0] not in _CLOSING and value[0] not in "-`" and not _LONG_DASH.match(value)
    is_assigned = _ASSIGNED_QUOTE.match(value) or _ASSIGNED_MARK.match(value)
    if is_bare and not _INNER_DASH.search(value) and not _SPACE.search(value) and not is_assigned:
        return value
    return '"' + re.sub(r'(\\*)("|\Z)', lambda run: run[1] * 2 + ('\\"' if run[2] else ""), value) + '"'


def normalize_dashes(word: str) -> str:
    """Replace long dashes before a letter: `—since` is `--since`, `—n` is `-n`."""
    dash = _LONG_DASH.match(word)
    return word if dash is None else ("-" if len(word) == dash.end() + 1 else "--") + word[dash.end() :]


def _read_code(text: str, *, is_value: bool) -> list[Word]:
    """The words between code marks; one quoted word if they may be the value of the option before them."""
    if is_value and _SPACE.search(text) and not normalize_dashes(text).startswith("-"):
        return [Word(text, quoted=True)]
    return split_words(text)


def _read_quoted(text: str, start: int) -> tuple[str, int]:
    """The value between quotes and the position after them; backslashes before the closing quote count in pairs."""
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
    raise UsageError(f"Unclosed quote before `{text[start + 1 : start + 21]}`. Add a closing {closing[0]}.")


def _read_bare(text: str, start: int) -> tuple[str, int]:
    """A word up to the next space; `name="a b"` is one word, and so is ``name=`a b` ``."""
    if code := _ASSIGNED_CODE.match(text, start):
        return code[1] + code[3], code.end()
    space = _SPACE.search(text, start)
    end = space.start() if space else len(text)
    assignment = _ASSIGNED_QUOTE.match(text, start, end)
    if assignment is None:
        return _INNER_DASH.sub("-", text[start:end]), end
    value, end = _read_quoted(text, assignment.end() - 1)
    return text[start : assignment.end() - 1] + value, end
