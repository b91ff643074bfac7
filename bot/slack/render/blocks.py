"""Blocks: paragraphs, small print, lists and code blocks, each within Slack's limits. Buttons are in `actions`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.wording import plural
from bot.slack.render.message import (
    MAX_FIELD_TEXT,
    MAX_HEADER_TEXT,
    MAX_SECTION_TEXT,
    Block,
    clean,
    cut,
    fence,
    split_backticks,
)

_FENCE = len(fence([""]))


def mrkdwn(text: str) -> Block:
    """A text object that links and mentions only what we wrote as such (`verbatim`)."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain(text: str, limit: int) -> Block:
    """A text object that shows characters as they are."""
    return {"type": "plain_text", "text": cut(clean(text), limit) or " ", "emoji": False}


def section(text: str) -> Block:
    """A paragraph, never folded behind "see more"."""
    return {"type": "section", "text": mrkdwn(cut(text, MAX_SECTION_TEXT)), "expand": True}


def header(text: str) -> Block:
    """A title; plain text, so foreign text needs no escaping."""
    return {"type": "header", "text": plain(text, MAX_HEADER_TEXT)}


def context(texts: Sequence[str]) -> Block | None:
    """Small print, its parts joined with a dot; None when there is nothing to say."""
    said = " · ".join(text for text in texts if text)
    return {"type": "context", "elements": [mrkdwn(cut(said, MAX_FIELD_TEXT))]} if said else None


def said(small_print: Block) -> str:
    """What a block made by `context` says; "" of any other block."""
    match small_print:
        case {"type": "context", "elements": [{"text": str(text)}]}:
            return text
        case _:
            return ""


def divider() -> Block:
    """A thin line."""
    return {"type": "divider"}


def fenced_sections(rows: Sequence[str], budget: int, *, newest_first: bool = False) -> tuple[list[Block], int]:
    """The newest escaped rows that fit into `budget` characters, as code blocks, and how many of them are shown.

    Rows are oldest first unless told; a row is at most a section long.
    """
    room = MAX_SECTION_TEXT - _FENCE
    newest = rows if newest_first else reversed(rows)
    groups = _fill((cut(split_backticks(row), room) for row in newest), room, budget, _FENCE)
    if not newest_first:
        groups = [group[::-1] for group in reversed(groups)]
    return [section(fence(group)) for group in groups], sum(len(group) for group in groups)


def listed_sections(rows: Sequence[str], budget: int, noun: str) -> list[Block]:
    """Rows of mrkdwn as paragraphs, from the first, as many as fit; the others are counted."""
    groups = _fill(rows, MAX_SECTION_TEXT, budget, 0)
    hidden = len(rows) - sum(len(group) for group in groups)
    if hidden:
        groups.append([f"… and {plural(hidden, 'more ' + noun)}"])
    return [section("\n".join(group)) for group in groups]


def _fill(rows: Iterable[str], room: int, budget: int, overhead: int) -> list[list[str]]:
    """Rows put into groups of at most `room` characters until `budget` is used; `overhead` is what a group costs."""
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
