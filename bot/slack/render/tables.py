"""Slack's own tables: the block `table`, one in a message, shown below its other blocks. Pure.

A table has up to 100 rows and 20 columns; its cells are plain text, or rich text with a link, code or a person. Only
messages take tables, modals and App Home do not; `table_as_text` writes one as text for those, and for a workspace that
refuses it. Source: https://docs.slack.dev/reference/block-kit/blocks/table-block (documented, read 2026-11-29).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.slack.render.blocks import code_sections, row_sections
from bot.slack.render.message import Block, weight
from bot.slack.render.text import clean, code, cut, escape, is_safe_url, link, person, unmarked_line

TABLE_TYPE = "table"
MAX_ROWS = 100
"""With the header."""
_MAX_CELL = 300
_MAX_CODE = 200
_EMPTY = "-"
_TEXT_BUDGET = 6000
_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")


@dataclass(frozen=True, slots=True)
class TableCell:
    """What a cell shows, in this order, each if it is not empty: text, a person, and code below it."""

    text: str = ""
    """Foreign text; plain."""
    url: str | None = None
    """What the text links to."""
    code: str = ""
    """A reference, on a separate line."""
    person: str = ""
    """The id of a member."""


def table_block(
    header: Sequence[str], rows: Sequence[Sequence[str | TableCell]], budget: int, numbers: Sequence[int] = ()
) -> tuple[Block | None, int]:
    """A table of the first rows that fit into `budget`, and how many do; None without rows.

    Args:
        header: the titles of the columns.
        rows: the cells of each row, as many as the header has.
        budget: characters, as `weight` counts them.
        numbers: the columns of numbers, aligned to the right.
    """
    settings = [{"align": "right"} if at in numbers else {"is_wrapped": True} for at in range(len(header))]
    shown: list[list[Block]] = [[_render_cell(one) for one in header]]
    left = budget - weight(shown) - weight(settings)
    for row in rows[: MAX_ROWS - 1]:
        cells = [_render_cell(one) for one in row]
        left -= weight(cells)
        if left < 0:
            break
        shown.append(cells)
    if len(shown) == 1:
        return None, 0
    return {"type": TABLE_TYPE, "rows": shown, "column_settings": settings}, len(shown) - 1


def is_table(block: Block) -> bool:
    """Whether the block is a table of Slack."""
    return block.get("type") == TABLE_TYPE


def table_as_text(block: Block) -> list[Block]:
    """The same table as paragraphs: a line for each row, or aligned columns if all cells are plain."""
    rows = block["rows"]
    assert isinstance(rows, list)
    if all(cell["type"] == "raw_text" for row in rows for cell in row) and _is_narrow(rows):
        widths = [max(len(row[at]["text"]) for row in rows) for at in range(len(rows[0]))]
        lines = [
            "  ".join(f"{cell['text']:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return code_sections([escape(line) for line in lines], _TEXT_BUDGET)[0]
    lines = [" · ".join(text for cell in row if (text := _cell_as_text(cell)) != _EMPTY) for row in rows[1:]]
    return row_sections(lines, _TEXT_BUDGET, "row")


def _is_narrow(rows: Sequence[Sequence[Block]]) -> bool:
    """Whether aligned columns are readable: prose is not."""
    return all(len(str(cell["text"])) <= _MAX_CELL // 8 for row in rows for cell in row)


def _render_cell(cell: str | TableCell) -> Block:
    shown = TableCell(cell) if isinstance(cell, str) else cell
    text = unmarked_line(shown.text, _MAX_CELL)
    elements: list[Block] = []
    if text and shown.url is not None and is_safe_url(shown.url):
        elements.append({"type": "link", "url": shown.url, "text": text})
    elif text and (shown.code or shown.person):
        elements.append({"type": "text", "text": text})
    if shown.person:
        is_member = _PERSON.fullmatch(shown.person)
        elements.append(
            {"type": "user", "user_id": shown.person} if is_member else {"type": "text", "text": clean(shown.person)}
        )
    if shown.code:
        elements += [{"type": "text", "text": "\n"}] if elements else []
        elements.append({"type": "text", "text": cut(clean(shown.code), _MAX_CODE), "style": {"code": True}})
    if not elements:
        return {"type": "raw_text", "text": text or _EMPTY}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _cell_as_text(cell: Block) -> str:
    """A cell as mrkdwn."""
    if cell["type"] == "raw_text":
        return escape(str(cell["text"]))
    match cell["elements"]:
        case [{"elements": list(elements)}]:
            return " ".join(filter(None, map(_element_as_text, elements)))
    return ""


def _element_as_text(element: Block) -> str:
    match element:
        case {"type": "link", "url": str(url), "text": str(text)}:
            return f"*{link(url, escape(text))}*"
        case {"type": "user", "user_id": str(user)}:
            return person(user)
        case {"style": {"code": True}, "text": str(text)}:
            return code(text)
        case {"text": str(text)}:
            return escape(text.strip())
    return ""
