"""Help comes from the table that is parsed by; every example in it works."""

from __future__ import annotations

import shlex

import pytest

from bot.commands.parsing.help import explain, overview
from bot.commands.parsing.parser import parse, parse_argv
from bot.commands.parsing.spec import TABLE, Frontend, Subcommand, subcommand_named, subcommands
from bot.commands.subcommands.help import HelpCommand
from bot.rules.catalog import RULES

EVERYWHERE = [(one, frontend) for frontend in Frontend for one in subcommands(frontend)]


@pytest.mark.parametrize(("subcommand", "frontend"), EVERYWHERE, ids=lambda one: getattr(one, "name", ""))
def test_every_example_can_be_typed_where_it_is_shown(subcommand: Subcommand, frontend: Frontend) -> None:
    for text, meaning in explain(subcommand, frontend).examples:
        assert text.startswith(f"{frontend.value} ")
        assert meaning
        words = text.removeprefix(f"{frontend.value} ")
        command = parse(words) if frontend is Frontend.SLACK else parse_argv(shlex.split(words))
        assert not isinstance(command, HelpCommand)


@pytest.mark.parametrize(("subcommand", "frontend"), EVERYWHERE, ids=lambda one: getattr(one, "name", ""))
def test_every_option_is_explained_where_it_can_be_typed(subcommand: Subcommand, frontend: Frontend) -> None:
    rows = dict(explain(subcommand, frontend).rows)
    for option in subcommand.options:
        shown = [text for text in rows if option.name in text.replace(",", "").split()]
        assert bool(shown) == (frontend in option.frontends)


def test_the_overview_has_every_subcommand_once() -> None:
    for frontend in Frontend:
        names = [row[0].split()[0] for row in overview(frontend).rows]
        assert names == [one.name for one in subcommands(frontend)]
        assert len(set(names)) == len(names)


def test_slack_has_the_subcommands_people_were_promised() -> None:
    wanted = ["logs", "metrics", "status", "diagnose", "jobs", "watch", "unwatch", "list", "silence", "rules", "help"]
    assert wanted == [one.name for one in subcommands(Frontend.SLACK)]


def test_every_name_means_one_thing_on_each_face() -> None:
    for frontend in Frontend:
        names = [name for one in subcommands(frontend) for name in (one.name, *one.also)]
        assert len(names) == len(set(names))


def test_short_options_mean_one_thing() -> None:
    for subcommand in TABLE:
        shorts = [option.short for option in subcommand.options if option.short]
        assert len(shorts) == len(set(shorts))


def test_another_word_for_a_subcommand_is_that_subcommand() -> None:
    found = subcommand_named("mute", Frontend.SLACK)
    assert found is not None
    assert found.name == "silence"


def test_the_commands_of_both_faces_differ_only_where_they_must() -> None:
    slack = {one.name for one in subcommands(Frontend.SLACK)}
    shell = {one.name for one in subcommands(Frontend.SHELL)}
    assert slack - shell == {"unwatch", "list", "silence"}
    assert shell - slack == {"scan", "serve", "check", "db"}


def test_the_help_of_rules_lists_every_rule_with_its_parameters() -> None:
    subcommand = subcommand_named("rules", Frontend.SLACK)
    assert subcommand is not None
    rows = dict(explain(subcommand, Frontend.SLACK).rows)
    assert {rule.name for rule in RULES} <= set(rows)
    assert "quiet_after=30m" in rows["failure"]
