"""Block Kit blocks within Slack's limits: sections, context lines, lists and code blocks. Buttons are in `actions`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.wording import plural
from bot.slack.render.message import MAX_FIELD_TEXT, MAX_HEADER_TEXT, MAX_SECTION_TEXT, Block
from bot.slack.render.text import clean, cut, fence, split_backticks

_FENCE = len(fence([""]))


def mrkdwn(text: str) -> Block:
    """A text object in which Slack links and mentions only explicit markup (`verbatim`)."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain(text: str, limit: int) -> Block:
    """A text object without markup."""
    return {"type": "plain_text", "text": cut(clean(text), limit) or " ", "emoji": False}


def section(text: str) -> Block:
    """A paragraph that is never collapsed behind "See more"."""
    return {"type": "section", "text": mrkdwn(cut(text, MAX_SECTION_TEXT)), "expand": True}


def header(text: str) -> Block:
    """A title. It is plain text, so foreign text needs no escaping."""
    return {"type": "header", "text": plain(text, MAX_HEADER_TEXT)}


def context(texts: Sequence[str]) -> Block | None:
    """A line of small print whose parts are joined with dots; None without text."""
    joined = " · ".join(text for text in texts if text)
    return {"type": "context", "elements": [mrkdwn(cut(joined, MAX_FIELD_TEXT))]} if joined else None


def context_text(block: Block) -> str:
    """The text of a block made by `context`; "" for any other block."""
    match block:
        case {"type": "context", "elements": [{"text": str(text)}]}:
            return text
        case _:
            return ""


def divider() -> Block:
    """A horizontal line."""
    return {"type": "divider"}


def fenced_sections(rows: Sequence[str], budget: int, *, newest_first: bool = False) -> tuple[list[Block], int]:
    """The newest escaped rows that fit into `budget` characters, as code blocks; and how many of them are shown.

    A row longer than a section is truncated.
    """
    room = MAX_SECTION_TEXT - _FENCE
    newest = rows if newest_first else reversed(rows)
    groups = _fill((cut(split_backticks(row), room) for row in newest), room, budget, _FENCE)
    if not newest_first:
        groups = [group[::-1] for group in reversed(groups)]
    return [section(fence(group)) for group in groups], sum(len(group) for group in groups)


def listed_sections(rows: Sequence[str], budget: int, noun: str) -> list[Block]:
    """The first rows of mrkdwn that fit into `budget` characters, as paragraphs; the hidden ones are counted."""
    groups = _fill(rows, MAX_SECTION_TEXT, budget, 0)
    hidden = len(rows) - sum(len(group) for group in groups)
    if hidden:
        groups.append([f"… and {plural(hidden, 'more ' + noun)}"])
    return [section("\n".join(group)) for group in groups]


def _fill(rows: Iterable[str], room: int, budget: int, overhead: int) -> list[list[str]]:
    """Group rows into at most `room` characters each until `budget` is used; each group costs `overhead` more."""
    groups: list[list[str]] = []
    left, space = budget, -1
    for row in rows:
        cost = len(row) + 1
        opens = cost > space + 1
        left -= cost + (overhead if opens else 0)
        if left < 0:
            break
        if opens:
            groups.append([])
            space = room
        groups[-1].append(row)
        space -= cost
    return groups
