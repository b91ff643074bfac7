"""The arguments of tools: what the table declares, what JSON may hold, and typed commands as calls."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.agents.documents import OUTPUT_SCHEMAS
from bot.agents.tool_arguments import AGENT_TABLE, MAX_LINES, call_of, fields_of, read_arguments
from bot.agents.tools import examples_of, find_tool, list_tools
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.logs import LOGS
from bot.commands.subcommands.spec import Frontend, Subcommand
from bot.commands.subcommands.table import SLACK_TABLE, SlackCommand
from bot.errors import UsageError
from tests.fakes.provider import NOW

CONTEXT = InputContext(NOW)
TYPED = [(row, text) for row in AGENT_TABLE for text, _ in row.examples]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1h", "x" * 2_000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def build(row: Subcommand[SlackCommand], arguments: dict[str, Any]) -> SlackCommand:
    return row.build(read_arguments(row, arguments, CONTEXT))


def test_every_command_of_slack_but_help_is_a_tool() -> None:
    assert [one.name for one in list_tools(has_channel=True)] == [one.name for one in SLACK_TABLE if one.name != "help"]


@pytest.mark.parametrize(("row", "text"), TYPED, ids=[text for _, text in TYPED])
def test_typed_example_and_its_call_are_the_same_command(row: Subcommand[SlackCommand], text: str) -> None:
    try:
        typed = parse(text, CONTEXT)
    except UsageError:  # an example of a shell
        return
    call = call_of(text)
    assert (call is None) == ("--all" in text and row is LOGS)
    if call is not None:
        assert call[0] == row.name
        assert build(row, call[1]) == typed


@pytest.mark.parametrize("row", AGENT_TABLE, ids=lambda row: row.name)
def test_examples_fit_the_schema(row: Subcommand[SlackCommand]) -> None:
    (tool,) = (one for one in list_tools(has_channel=True) if one.name == row.name)
    Draft202012Validator.check_schema(tool.input_schema)
    Draft202012Validator.check_schema(OUTPUT_SCHEMAS.get(row.name, {}))
    for arguments, _ in examples_of(row):
        Draft202012Validator(tool.input_schema).validate(arguments)
    assert "not instructions" in (tool.description or "")


@pytest.mark.parametrize("row", AGENT_TABLE, ids=lambda row: row.name)
def test_every_positional_and_option_is_a_field(row: Subcommand[SlackCommand]) -> None:
    fields = {field.name for field in fields_of(row)}
    assert bool(row.positionals) == bool(row.parameters)
    options = {one.name.removeprefix("--").replace("-", "_") for one in row.options_of(Frontend.SLACK)}
    assert options - fields <= {"public", "all"}
    assert len(fields) == len(fields_of(row))


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("logs", {}, "Missing argument `ref`."),
        ("logs", {"ref": 7}, "`ref` must be a text of 1 to 1,000 characters."),
        ("logs", {"ref": ""}, "`ref` must be a text"),
        ("logs", {"ref": "x" * 2**20}, "`ref` must be a text"),
        ("logs", {"ref": "a\ud800"}, "`ref` must be a text"),
        ("logs", {"ref": "a", "limit": 10**30}, f"`limit` must be a whole number from 1 to {MAX_LINES}."),
        ("logs", {"ref": "a", "limit": True}, "`limit` must be a whole number"),
        ("logs", {"ref": "a", "limit": 0}, "`limit` must be a whole number"),
        ("logs", {"ref": "a", "limit": float("nan")}, "`limit` must be a whole number"),
        ("logs", {"ref": "a", "asc": "yes"}, "`asc` must be true or false."),
        ("logs", {"ref": "a", "include": []}, "`include` must be a list of 1 to 100 texts"),
        ("logs", {"ref": "a", "include": ["x"] * 101}, "`include` must be a list"),
        ("logs", {"ref": "a", "include": [["x"]]}, "`include` must be a list"),
        ("logs", {"ref": "a", "level": "loud"}, "`level` must be one of debug, info, warning, error, critical."),
        ("logs", {"ref": "a", "limits": 3}, "Unknown argument `limits`. Did you mean `limit`?"),
        ("logs", {"ref": "a", "all": True}, "Unknown argument `all`."),
        ("logs", {"ref": "a", "no_redact": True}, "Unknown argument `no_redact`."),
        ("jobs", {"state": "sleeping"}, "`state` must be one of running"),
    ],
)
def test_mistake_names_the_rule(tool: str, arguments: dict[str, Any], expected: str) -> None:
    row = find_tool(tool)
    assert row is not None
    with pytest.raises(UsageError) as caught:
        build(row, arguments)
    assert caught.value.public.startswith(expected)
    assert len(caught.value.public) < 400


@given(row=st.sampled_from(AGENT_TABLE), given_json=st.data())
def test_any_json_is_a_command_or_a_usage_error(row: Subcommand[SlackCommand], given_json: st.DataObject) -> None:
    names = st.sampled_from([field.name for field in fields_of(row)] + ["other"])
    arguments = given_json.draw(st.dictionaries(names, JSON, max_size=4))
    with contextlib.suppress(UsageError):
        build(row, arguments)
