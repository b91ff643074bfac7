"""Slack's block rules, and that an independent registry of limits (slackblocks) draws the same lines."""

from typing import Any

import pytest
from slackblocks import _limits as known
from slackblocks._surfaces import _BLOCK_TYPES_BY_SURFACE, validate_surface_blocks
from slackblocks.errors import InvalidUsageError

from emulator.slack.block_types import SURFACES
from emulator.slack.blocks import characters, message_faults, table_count, view_faults
from emulator.slack.model import Json


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(**fields: Any) -> Json:
    return {"type": "button", "text": plain("Press"), "action_id": "press", **fields}


def option(**fields: Any) -> Json:
    return {"text": plain("One"), "value": "1", **fields}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def modal(*blocks: Json, **fields: Any) -> Json:
    return {"type": "modal", "title": plain("Title"), "blocks": list(blocks), **fields}


def chart(categories: int = 3, series: int = 1, **fields: Any) -> Json:
    labels = [f"c{index}" for index in range(categories)]
    data = [{"label": label, "value": 1} for label in labels]
    lines = [{"name": f"s{index}", "data": data} for index in range(series)]
    body = {"type": "line", "series": lines, "axis_config": {"categories": labels}}
    return {"type": "data_visualization", "title": "Loss", "chart": body, **fields}


def table(rows: int, columns: int, text: str = "x") -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": text}] * columns] * rows}


def select(count: int) -> Json:
    return {"type": "static_select", "action_id": "s", "options": [option(value=str(n)) for n in range(count)]}


def overflow(count: int) -> Json:
    return {"type": "overflow", "action_id": "o", "options": [option(value=str(n)) for n in range(count)]}


def fields(count: int, length: int = 1) -> Json:
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * length}] * count}


def confirm(**changed: Any) -> Json:
    texts = {"title": plain("t"), "text": plain("t"), "confirm": plain("y"), "deny": plain("n")}
    return {**texts, **changed}


LIMITS = [
    ("section text", known.SECTION_TEXT_MAX_LENGTH, lambda n: section("x" * n)),
    ("section fields", known.SECTION_FIELDS_MAX_ITEMS, fields),
    ("section field text", known.SECTION_FIELDS_ITEM_MAX_LENGTH, lambda n: fields(1, n)),
    ("header text", known.HEADER_TEXT_MAX_LENGTH, lambda n: {"type": "header", "text": plain("x" * n)}),
    (
        "context elements",
        known.CONTEXT_ELEMENTS_MAX_ITEMS,
        lambda n: {"type": "context", "elements": [plain("x")] * n},
    ),
    (
        "actions elements",
        known.ACTIONS_ELEMENTS_MAX_ITEMS,
        lambda n: actions(*(button(action_id=str(index)) for index in range(n))),
    ),
    ("button text", known.BUTTON_TEXT_MAX_LENGTH, lambda n: actions(button(text=plain("x" * n)))),
    ("button value", known.BUTTON_VALUE_MAX_LENGTH, lambda n: actions(button(value="x" * n))),
    ("button url", known.BUTTON_URL_MAX_LENGTH, lambda n: actions(button(url="x" * n))),
    ("action_id", known.ACTION_ID_MAX_LENGTH, lambda n: actions(button(action_id="x" * n))),
    ("block_id", known.BLOCK_ID_MAX_LENGTH, lambda n: {"type": "divider", "block_id": "x" * n}),
    (
        "confirm title",
        known.CONFIRMATION_TITLE_MAX_LENGTH,
        lambda n: actions(button(confirm=confirm(title=plain("x" * n)))),
    ),
    (
        "confirm text",
        known.CONFIRMATION_TEXT_MAX_LENGTH,
        lambda n: actions(button(confirm=confirm(text=plain("x" * n)))),
    ),
    (
        "confirm button",
        known.CONFIRMATION_CONFIRM_MAX_LENGTH,
        lambda n: actions(button(confirm=confirm(confirm=plain("x" * n)))),
    ),
    ("select options", known.SELECT_OPTIONS_MAX_ITEMS, lambda n: actions(select(n))),
    ("overflow options", known.OVERFLOW_OPTIONS_MAX_ITEMS, lambda n: actions(overflow(n))),
    (
        "image alt text",
        known.IMAGE_ALT_TEXT_MAX_LENGTH,
        lambda n: {"type": "image", "image_url": "https://x", "alt_text": "x" * n},
    ),
    ("markdown", known.MARKDOWN_TEXT_MAX_LENGTH, lambda n: {"type": "markdown", "text": "x" * n}),
    ("table rows", known.TABLE_ROWS_MAX_ITEMS, lambda n: table(n, 1)),
    ("table columns", known.TABLE_COLUMNS_MAX_ITEMS, lambda n: table(1, n)),
    ("chart title", known.DATA_VISUALIZATION_TITLE_MAX_LENGTH, lambda n: chart(title="x" * n)),
    ("chart categories", known.DATA_VISUALIZATION_CATEGORIES_MAX_ITEMS, chart),
]


@pytest.mark.parametrize(("limit", "make"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS])
def test_a_limit_is_where_slackblocks_has_it(limit: int, make: Any) -> None:
    assert message_faults([make(limit)]) == []
    assert message_faults([make(limit + 1)]) != []


def test_a_broken_limit_is_reported_in_slacks_words_with_a_pointer() -> None:
    faults = message_faults([section("fine"), section("x" * 3001)])

    assert [str(fault) for fault in faults] == ["must be less than 3001 characters [json-pointer:/blocks/1/text/text]"]


def test_a_message_takes_fifty_blocks() -> None:
    assert message_faults([{"type": "divider"}] * known.MESSAGE_BLOCKS_MAX_ITEMS) == []
    assert [fault.message for fault in message_faults([{"type": "divider"}] * 51)] == ["no more than 50 items allowed"]


def test_a_view_takes_a_hundred_blocks() -> None:
    assert view_faults(modal(*[{"type": "divider"}] * known.VIEW_BLOCKS_MAX_ITEMS)) == []
    assert view_faults(modal(*[{"type": "divider"}] * 101)) != []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"type": "header"}, "missing required field: text"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "unsupported type: mrkdwn"),
        ({"type": "section"}, "must define one of: text, fields"),
        ({"type": "zap"}, "unsupported type: zap"),
        (section(""), "must be more than 0 characters"),
        ({"type": "divider", "colour": "red"}, "invalid additional property: colour"),
        (actions(), "no fewer than 1 items allowed"),
        (actions(button(), button()), "`action_id` press already exists"),
        ({"type": "alert", "text": plain("x")}, "unsupported type: alert"),
        (table(1, 1, ""), "must be more than 0 characters"),
        (table(100, 2, "x" * 51), "must be less than 10001 characters in total"),
        (chart(series=7), "no more than 6 items allowed"),
        (["not a block"], "must provide an object"),
    ],
)
def test_a_broken_block_is_named(broken: Any, message: str) -> None:
    assert message in [fault.message for fault in message_faults([broken])]


def test_each_series_needs_one_finite_point_for_each_category() -> None:
    short = chart()
    short["chart"]["series"][0]["data"] = short["chart"]["series"][0]["data"][:2]
    endless = chart()
    endless["chart"]["series"][0]["data"][0]["value"] = float("nan")

    assert [fault.pointer for fault in message_faults([short])] == ["/blocks/0/chart/series/0/data"]
    assert {fault.message for fault in message_faults([endless])} == {"must be a number"}


def test_a_third_chart_and_a_block_id_used_twice_are_refused() -> None:
    assert message_faults([chart()] * 2) == []
    assert message_faults([chart()] * 3) != []
    assert len(message_faults([{"type": "divider", "block_id": "a"}] * 2)) == 2


def test_a_modal_with_an_input_needs_a_submit_button() -> None:
    field = {"type": "input", "label": plain("Job"), "element": {"type": "plain_text_input", "action_id": "a"}}

    assert [fault.message for fault in view_faults(modal(field))] == ["missing required field: submit"]
    assert view_faults(modal(field, submit=plain("Go"))) == []


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("title", known.VIEW_TITLE_MAX_LENGTH),
        ("submit", known.VIEW_SUBMIT_MAX_LENGTH),
        ("close", known.VIEW_CLOSE_MAX_LENGTH),
    ],
)
def test_the_titles_of_a_modal_are_short(name: str, limit: int) -> None:
    assert view_faults(modal(**{name: plain("x" * limit)})) == []
    assert view_faults(modal(**{name: plain("x" * (limit + 1))})) != []


def test_no_surface_takes_a_block_that_slackblocks_refuses_there() -> None:
    extra = {name: sorted(set(SURFACES[name].kinds) - kinds) for name, kinds in _BLOCK_TYPES_BY_SURFACE.items()}

    assert extra == {"message": [], "modal": [], "home": []}
    with pytest.raises(InvalidUsageError):
        validate_surface_blocks([table(1, 1)], "modal")
    assert view_faults(modal(table(1, 1))) != []


def test_characters_are_counted_over_all_blocks() -> None:
    assert characters([section("abc"), {"type": "header", "text": plain("de")}, table(2, 2, "f")]) == 9
    assert table_count([table(1, 1), section("x"), table(1, 1)]) == 2
