"""What Slack says of blocks and views: where they break a rule, and whether a message is too long.

Pure: raw dictionaries in, faults out. The shape of each block is in `block_types`; this module adds what spans
several blocks. It shares nothing with the bot's own checks, so that one wrong belief cannot satisfy both.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from emulator.slack.block_shapes import GROUPS, OPTION
from emulator.slack.block_types import SURFACES, VIEWS
from emulator.slack.json_shapes import Fault, Items, Typed, faults

MESSAGE_BLOCKS_MAX = 50
MESSAGE_CHARACTERS_MAX = 13_000
"""Observed, not documented: `msg_blocks_too_long` at about 13,200 (slackapi/bolt-js issue 2509)."""
MARKDOWN_CHARACTERS_MAX = 12_000
TABLE_CHARACTERS_MAX = 10_000
CHARTS_MAX = 2
_TEXT_KEYS = frozenset({"text", "alt_text", "title", "label", "name", "caption", "description", "url"})


def message_faults(blocks: Any, pointer: str = "/blocks") -> list[Fault]:
    """Every rule the blocks of a message break, with Slack's words and JSON pointers."""
    found = list(faults(blocks, Items(SURFACES["message"], MESSAGE_BLOCKS_MAX, low=0), pointer))
    if found:
        return found
    return [*_id_faults(blocks, pointer), *_content_faults(blocks, pointer)]


def view_faults(view: Any, pointer: str = "/view") -> list[Fault]:
    """Every rule a modal or App Home view breaks."""
    found = list(faults(view, Typed(VIEWS), pointer))
    if found:
        return found
    blocks = view["blocks"]
    found = list(_id_faults(blocks, f"{pointer}/blocks"))
    has_input = any(block["type"] == "input" for block in blocks)
    if view["type"] == "modal" and has_input and not view.get("submit"):
        found.append(Fault(pointer, "missing required field: submit"))
    if sum(_focused(block) for block in blocks) > 1:
        found.append(Fault(f"{pointer}/blocks", "only one element may have focus_on_load"))
    return found


def options_faults(body: dict[str, Any]) -> list[Fault]:
    """Every rule the answer to a search in a select breaks."""
    if "option_groups" in body:
        return list(faults(body["option_groups"], GROUPS, "/option_groups"))
    return list(faults(body.get("options", []), Items(OPTION, 100, low=0), "/options"))


def table_count(blocks: list[dict[str, Any]]) -> int:
    """How many tables a message holds; Slack renders at most one."""
    return sum(block.get("type") in ("table", "data_table") for block in blocks)


def characters(value: Any) -> int:
    """The characters that people would read in blocks, counted over all of them."""
    if isinstance(value, dict):
        return sum(
            len(inner) if key in _TEXT_KEYS and isinstance(inner, str) else characters(inner)
            for key, inner in value.items()
        )
    if isinstance(value, list):
        return sum(characters(item) for item in value)
    return 0


def elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive elements of one block."""
    inside = [*block.get("elements", []), *block.get("actions", []), block.get("accessory"), block.get("element")]
    children = [element for child in block.get("child_blocks", []) for element in elements(child)]
    return [element for element in inside if isinstance(element, dict) and "type" in element] + children


def _focused(block: dict[str, Any]) -> int:
    return sum(bool(element.get("focus_on_load")) for element in elements(block))


def _id_faults(blocks: list[dict[str, Any]], pointer: str) -> Iterator[Fault]:
    block_ids = Counter(block["block_id"] for block in blocks if block.get("block_id"))
    for index, block in enumerate(blocks):
        if block_ids[block.get("block_id")] > 1:
            yield Fault(f"{pointer}/{index}/block_id", f"`block_id` {block['block_id']} already exists")
        action_ids = Counter(item["action_id"] for item in elements(block) if item.get("action_id"))
        for action_id, count in action_ids.items():
            if count > 1:
                yield Fault(f"{pointer}/{index}/elements", f"`action_id` {action_id} already exists")


def _content_faults(blocks: list[dict[str, Any]], pointer: str) -> Iterator[Fault]:
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > MARKDOWN_CHARACTERS_MAX:
        yield Fault(pointer, f"markdown must be less than {MARKDOWN_CHARACTERS_MAX + 1} characters in total")
    if sum(block["type"] == "data_visualization" for block in blocks) > CHARTS_MAX:
        yield Fault(pointer, f"no more than {CHARTS_MAX} data_visualization blocks allowed")
    for index, block in enumerate(blocks):
        where = f"{pointer}/{index}"
        if block["type"] == "table" and characters(block["rows"]) > TABLE_CHARACTERS_MAX:
            yield Fault(f"{where}/rows", f"must be less than {TABLE_CHARACTERS_MAX + 1} characters in total")
        if block["type"] == "data_table":
            yield from _data_table_faults(block, where)
        if block["type"] == "data_visualization":
            yield from _chart_faults(block["chart"], f"{where}/chart")


def _data_table_faults(block: dict[str, Any], pointer: str) -> Iterator[Fault]:
    rows = block["rows"]
    if len({len(row) for row in rows}) > 1:
        yield Fault(f"{pointer}/rows", "all rows must have the same number of columns")
    if any(cell["type"] == "rich_text" for cell in rows[0]):
        yield Fault(f"{pointer}/rows/0", "header cells cannot be rich_text")
    if block.get("row_header_column_index", 0) >= len(rows[0]):
        yield Fault(f"{pointer}/row_header_column_index", f"must be at most {len(rows[0]) - 1}")
    if characters(rows) > 2 * TABLE_CHARACTERS_MAX:
        yield Fault(f"{pointer}/rows", f"must be less than {2 * TABLE_CHARACTERS_MAX + 1} characters in total")


def _chart_faults(chart: dict[str, Any], pointer: str) -> Iterator[Fault]:
    if chart["type"] == "pie":
        return
    categories = chart["axis_config"]["categories"]
    if len(set(categories)) != len(categories):
        yield Fault(f"{pointer}/axis_config/categories", "categories must be unique")
    names = [series["name"] for series in chart["series"]]
    if len(set(names)) != len(names):
        yield Fault(f"{pointer}/series", "series names must be unique")
    for index, series in enumerate(chart["series"]):
        if sorted(point["label"] for point in series["data"]) != sorted(categories):
            message = "each series must have exactly one point for each category"
            yield Fault(f"{pointer}/series/{index}/data", message)
