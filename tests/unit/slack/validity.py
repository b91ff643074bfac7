"""Would Slack accept a rendered message? Checked by our limits, slack_sdk, slackblocks and the emulator."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from slack_sdk.models.blocks import Block as SdkBlock
from slackblocks import _surfaces

from bot.slack.render import message as limits
from bot.slack.render.blocks import read_entry
from bot.slack.render.message import Block, Message
from emulator.slack.blocks import message_faults, view_faults

_TOKEN = re.compile(r"<([^<>]*)>")
_OURS = re.compile(r"!date\^\d+\^[^|<>]+\|[^|<>]+|https?://[^\s|<>]+(\|[^|<>]*)?|@[UW][A-Z0-9]+|#[CGD][A-Z0-9]+")


def problems(message: Message) -> list[str]:
    """Everything wrong with a message; empty when Slack would take it and notifies no one by accident."""
    found = [*_text_problems("text", message.text), *(own_problems(message.blocks))]
    if not message.text.strip() or len(message.text) > limits.MAX_TEXT:
        found.append(f"text has {len(message.text)} characters")
    if not 0 < len(message.blocks) <= limits.MAX_BLOCKS:
        found.append(f"{len(message.blocks)} blocks")
    if limits.weight(message.blocks) > limits.BLOCKS_BUDGET:
        found.append(f"{limits.weight(message.blocks)} characters over all blocks")
    found += _sdk_problems(message.blocks)
    if sum(block["type"] == "table" for block in message.blocks) > 1:
        found.append("more than one table")
    _surfaces.validate_surface_blocks(list(message.blocks), "message")
    found += [str(fault) for fault in message_faults(list(message.blocks))]
    return found


def view_problems(view: dict[str, Any]) -> list[str]:
    """Everything wrong with an App Home view or a modal."""
    _surfaces.validate_surface_blocks(view["blocks"], view["type"])
    found = [f"{len(view['blocks'])} blocks"] if not 0 < len(view["blocks"]) <= 100 else []
    if len(json.dumps(view)) > 250_000:
        found.append(f"{len(json.dumps(view))} bytes")
    return [
        *found,
        *own_problems(view["blocks"]),
        *_sdk_problems(view["blocks"]),
        *(str(one) for one in view_faults(view)),
    ]


def texts(value: object) -> Iterator[str]:
    """Every mrkdwn text in blocks."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield str(value["text"])
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


def shown(message: Message) -> str:
    """All mrkdwn text of the message."""
    return "\n".join(texts(message.blocks))


def table_rows(message: Message) -> list[list[str]]:
    """The text of each cell of the message's table, row by row, the header first."""
    tables: list[Any] = [block for block in message.blocks if block["type"] == "table"]
    return [["".join(_words(cell)) for cell in row] for table in tables for row in table["rows"]]


def _words(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (str(value[key]) for key in ("text", "user_id") if key in value)
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner)


def buttons(message: Message) -> dict[str, str]:
    """Label to value of every button and menu option."""
    found: dict[str, str] = {}
    for block in message.blocks:
        elements: Any = block.get("elements", [])
        for element in elements if block["type"] == "actions" else []:
            is_menu = element["type"] in ("overflow", "static_select")
            for option in element.get("options") or [element]:
                found[option["text"]["text"]] = read_entry(option["value"])[2] if is_menu else option["value"]
    return found


def own_problems(blocks: Any) -> Iterator[str]:
    """Everything wrong with blocks by our own limits."""
    if re.search("[\ud800-\udfff]", str(blocks)):
        yield "a lone surrogate, which JSON cannot carry"
    for text in texts(blocks):
        yield from _text_problems("mrkdwn", text)
        if text.count("```") % 2:
            yield f"a code block is never closed: {text[-80:]!r}"
    for block in blocks:
        yield from _block_problems(block)


def _block_problems(block: Block) -> Iterator[str]:
    body: Any = block
    match block["type"]:
        case "section" | "context":
            yield from _text_block_problems(body)
        case "actions":
            yield from _actions_problems(body)
        case "data_visualization":
            yield from _chart_problems(body)
        case "table":
            yield from _table_problems(body)
        case "image":
            if not 0 < len(body["alt_text"]) <= 2000:
                yield "an image without alt text"
        case other:
            if other not in ("header", "divider", "input"):  # inputs are checked by slackblocks and the emulator
                yield f"unexpected block {other}"


def _text_block_problems(body: Any) -> Iterator[str]:
    if body["type"] == "context":
        yield from ("context text" for one in body["elements"] if not 0 < len(one["text"]) <= limits.MAX_FIELD_TEXT)
        return
    size = len(body["text"]["text"])
    if not 0 < size <= limits.MAX_SECTION_TEXT:
        yield f"section of {size}"
    side = body.get("accessory", {})
    if len(side.get("value", "")) > limits.MAX_BUTTON_VALUE:
        yield "button value"
    if any(len(one["value"]) > limits.MAX_OPTION_VALUE for one in side.get("options", [])):
        yield "option value"


def _actions_problems(body: Any) -> Iterator[str]:
    for element in body["elements"]:
        options = element.get("options", [])
        most = 100 if element["type"] == "static_select" else 5
        if len(element.get("value", "")) > limits.MAX_BUTTON_VALUE or len(options) > most:
            yield "button value"
        if any(len(option["value"]) > limits.MAX_OPTION_VALUE for option in options):
            yield "option value"


def _table_problems(body: Any) -> Iterator[str]:
    """A table's texts are plain, so they may not even look like a mention."""
    rows = body["rows"]
    if not 2 <= len(rows) <= 100 or any(len(row) != len(rows[0]) for row in rows) or len(rows[0]) > 20:
        yield "rows or columns of a table"
    for cell in (cell for row in rows for cell in row):
        if cell["type"] == "raw_text" and (not cell["text"] or re.search(r"[<>&\n]", cell["text"])):
            yield f"a cell with {cell['text']!r}"


def _chart_problems(body: Any) -> Iterator[str]:
    """A chart's texts are plain, so they may not even look like a mention."""
    chart = body["chart"]
    labels = chart["axis_config"]["categories"]
    names = [one["name"] for one in chart["series"]]
    if not 0 < len(body["title"]) <= 50 or any(not 0 < len(text) <= 20 for text in (*labels, *names)):
        yield "a text of a chart"
    if len(labels) > 20 or len(names) > 6 or len(set(names)) < len(names) or len(set(labels)) < len(labels):
        yield "categories or series of a chart"
    for one in chart["series"]:
        if [point["label"] for point in one["data"]] != labels or not all(
            math.isfinite(point["value"]) for point in one["data"]
        ):
            yield "the points of a chart"
    if re.search(r"[<>&]", f"{body['title']} {names}"):
        yield "markup in a chart"


def _text_problems(where: str, text: str) -> Iterator[str]:
    yield from (f"{where}: <{token}> is not ours" for token in _TOKEN.findall(text) if not _OURS.fullmatch(token))
    rest = _TOKEN.sub("", text)
    if "<" in rest or ">" in rest.replace("\n> ", "\n"):
        yield f"{where}: an unescaped angle bracket in {rest[:80]!r}"
    if re.search(r"&(?!amp;|lt;|gt;)", text):
        yield f"{where}: an unescaped ampersand"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", text):
        yield f"{where}: a control character"


def _sdk_problems(blocks: Any) -> Iterator[str]:
    for block in blocks:
        parsed = SdkBlock.parse(block)
        if parsed is None and block["type"] == "data_visualization":
            continue  # it has no model in slack_sdk 3.47
        if parsed is None:
            yield f"slack_sdk does not know {block['type']}"
        else:
            parsed.validate_json()
