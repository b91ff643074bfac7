"""Render the Markdown of our documents for a terminal: wrapped, with tables as lists. Pure."""

import re
import textwrap
from collections.abc import Iterator
from itertools import groupby

_LINK = re.compile(r"\[([^\]]+)\]\((?:[^)]+)\)|<(https?://[^>]+)>")
_CELL = re.compile(r"(?<!\\)\|")
_BOLD = re.compile(r"\*\*[^*]+\*\*")
_ITEM = re.compile(r"(?:[-*]|\d+\.) ")

_STACKED_BELOW = 60
"""On a narrower terminal the second column is below the first."""


def markdown_text(text: str, width: int) -> str:
    """Render a document at a width. Code and URLs are never broken."""
    lines: list[str] = []
    for kind, block in _blocks(text):
        match kind:
            case "code":
                lines += [f"    {line}" for row in block for line in _code(row, width - 4)]
            case "heading":
                lines += [*([""] if lines and lines[-1] else []), _plain(block[0].lstrip("# ")), ""]
            case "table":
                lines += [*_table(block, width), ""]
            case "item":
                lines += _wrap(" ".join(line.strip() for line in block), width, "  ")
            case "text":
                lines += [*_wrap(" ".join(block), width), ""]
            case _:
                lines += [""] if lines and lines[-1] else []
    return "\n".join(lines).strip("\n") + "\n"


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Group the lines of a document by their kind."""
    is_code = False
    kinds: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            is_code = not is_code
            kinds.append(("blank", ""))
        else:
            kinds.append((_kind(line, kinds[-1][0] if kinds else "") if not is_code else "code", line))
    number = 0
    keyed = []
    for kind, line in kinds:
        number += kind in ("heading", "blank") or bool(_ITEM.match(line.lstrip()))
        keyed.append((kind, number if kind in ("item", "heading") else -1, line))
    for (kind, _), lines in groupby(keyed, key=lambda one: one[:2]):
        yield kind, [line for _, _, line in lines]


def _kind(line: str, before: str) -> str:
    stripped = line.strip()
    if not stripped:
        return "blank"
    if line.startswith("#") or _BOLD.fullmatch(stripped):
        return "heading"
    if stripped.startswith("|"):
        return "table"
    return "item" if _ITEM.match(stripped) or (before == "item" and line[0].isspace()) else "text"


def _code(row: str, width: int) -> list[str]:
    """A line of code; its comment goes above it where it does not fit beside it."""
    code, mark, comment = row.rpartition("  # ")
    return [f"# {comment}", code.rstrip()] if mark and len(row) > width else [row]


def _table(rows: list[str], width: int) -> list[str]:
    """A table as its first column with the others indented below it."""
    lines = []
    for row in rows[2:]:
        first, *rest = (_plain(cell.strip()) for cell in _CELL.split(row.strip().strip("|")))
        meaning = ", ".join(filter(None, rest))
        if len(first) <= 14 and width >= _STACKED_BELOW:
            lines += _wrap(f"{first:16}{meaning}", width, "  ", " " * 18)
        else:
            lines += [*_wrap(first, width, "  "), *_wrap(meaning, width, " " * 6)]
    return lines


def _wrap(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    return textwrap.wrap(
        _plain(text) if hanging is None else text, width, initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging, break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _plain(text: str) -> str:
    """Without the marks of links, code and emphasis."""
    text = _LINK.sub(lambda found: found[1] or found[2], text)
    return text.replace("**", "").replace("`", "").replace("\\|", "|")
