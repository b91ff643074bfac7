"""Help comes from the command table, and every example in it can be typed."""

from __future__ import annotations

import shlex

import pytest

from bot.commands.parsing.help import explain, help_answer, overview
from bot.commands.parsing.parser import parse, parse_argv
from bot.commands.subcommands.rules import RULES
from bot.commands.subcommands.spec import Frontend, Subcommand
from bot.commands.subcommands.table import HelpCommand, subcommands
from bot.errors import UsageError
from bot.rules.catalog import RULES as SHIPPED_RULES

EVERYWHERE = [(one, frontend) for frontend in Frontend for one in subcommands(frontend)]
each_subcommand = pytest.mark.parametrize(
    ("subcommand", "frontend"), EVERYWHERE, ids=lambda one: getattr(one, "name", "")
)


@each_subcommand
def test_every_example_can_be_typed_where_it_is_shown(subcommand: Subcommand[object], frontend: Frontend) -> None:
    for text, meaning in explain(subcommand, frontend).examples:
        assert text.startswith(f"{frontend.value} ")
        assert meaning
        words = text.removeprefix(f"{frontend.value} ").replace("@oncall", "<!subteam^S0ONCALL|@oncall>")
        words = words.replace("#war-room", "<#C0WARROOM|war-room>")
        command = parse(words) if frontend is Frontend.SLACK else parse_argv(shlex.split(words))
        assert not isinstance(command, HelpCommand)


@each_subcommand
def test_every_option_is_explained_where_it_can_be_typed(subcommand: Subcommand[object], frontend: Frontend) -> None:
    rows = dict(explain(subcommand, frontend).rows)
    for option in subcommand.options:
        shown = [text for text in rows if option.name in text.replace(",", "").split()]
        assert bool(shown) == (frontend in option.frontends)


@each_subcommand
def test_help_is_written_in_sentences(subcommand: Subcommand[object], frontend: Frontend) -> None:
    assert subcommand.help[0].isupper()
    assert not subcommand.help.endswith(".")
    for option in subcommand.options_of(frontend):
        assert option.help[0].isupper()
        assert option.help.endswith(".")


def test_overview_lists_every_subcommand_once() -> None:
    for frontend in Frontend:
        names = [row[0].split()[0] for row in overview(frontend).rows]
        assert names == [one.name for one in subcommands(frontend)]
        assert len(set(names)) == len(names)


def test_slack_has_the_documented_subcommands() -> None:
    channel = ["watch", "unwatch", "list", "silence", "digest", "notify"]
    expected = ["logs", "metrics", "status", "diagnose", "jobs", *channel, "rules", "audit", "check", "help"]
    assert expected == [one.name for one in subcommands(Frontend.SLACK)]


def test_subcommand_names_are_unique_in_each_frontend() -> None:
    for frontend in Frontend:
        names = [name for one in subcommands(frontend) for name in (one.name, *one.aliases)]
        names += [alias for one in subcommands(frontend) for alias, _ in one.action_aliases]
        assert len(names) == len(set(names))


@each_subcommand
def test_short_options_are_unique(subcommand: Subcommand[object], frontend: Frontend) -> None:
    shorts = [option.short for option in subcommand.options_of(frontend) if option.short]
    assert len(shorts) == len(set(shorts))


def test_alias_is_explained_as_its_subcommand() -> None:
    assert help_answer(HelpCommand("mute"), Frontend.SLACK) == help_answer(HelpCommand("silence"), Frontend.SLACK)


@pytest.mark.parametrize(
    ("topic", "expected"),
    [("lgos", "Did you mean `logs`?"), ("xyz", "Unknown subcommand `xyz`. Subcommands: logs, metrics, status")],
)
def test_help_for_an_unknown_subcommand_suggests_one(topic: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        help_answer(HelpCommand(topic), Frontend.SLACK)
    assert expected in caught.value.public
    assert caught.value.usage == "/train help [SUBCOMMAND]"


def test_frontends_differ_only_where_they_must() -> None:
    slack = {one.name for one in subcommands(Frontend.SLACK)}
    shell = {one.name for one in subcommands(Frontend.SHELL)}
    assert slack - shell == {"unwatch", "list", "silence", "digest", "notify"}
    assert shell - slack == {"top", "scan", "init", "serve", "mcp", "db", "completion"}


def test_help_for_rules_lists_every_rule_with_its_parameters() -> None:
    ((title, section),) = explain(RULES, Frontend.SLACK).sections
    rows = dict(section)
    assert title == "Rules"
    assert {rule.name for rule in SHIPPED_RULES} == set(rows)
    assert {"--end TIME", "--json"} <= set(dict(explain(RULES, Frontend.SHELL).rows))
    assert "quiet_after=30m" in rows["failure"]
