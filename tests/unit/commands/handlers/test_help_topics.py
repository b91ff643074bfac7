"""Help by topic: short pages, a real job in the examples, and only what changes nothing can be pressed."""

from __future__ import annotations

import pytest

from bot.commands.handlers.help_topics import ALL_COMMANDS, TOPICS, HelpTopic, slack_help, with_real_job
from bot.commands.parsing.parser import parse
from bot.commands.permissions import required_role
from bot.commands.subcommands.spec import Frontend
from bot.commands.subcommands.table import HelpCommand, subcommands
from bot.domain.access import AccessRole
from bot.domain.jobs import JobRef
from bot.slack.render.help import render_help
from tests.unit.slack.validity import buttons, problems, shown

JOB = JobRef("baseten", "p/a job")
NAMES = [one.name for one in subcommands(Frontend.SLACK)]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda one: one.name)
def test_every_example_of_a_topic_can_be_typed(topic: HelpTopic) -> None:
    answer = with_real_job(slack_help(HelpCommand(topic.name)), JOB)
    assert set(topic.commands) <= set(NAMES)
    for text, meaning in answer.examples:
        assert parse(text.removeprefix("/train "))
        assert meaning
    assert [] == problems(render_help(answer))


def test_topics_have_names_that_no_subcommand_has() -> None:
    assert not {one.name for one in TOPICS} & set(NAMES)
    assert {name for one in TOPICS for name in one.commands} == set(NAMES) - {"help"}


def test_the_first_screen_is_short_and_leads_everywhere() -> None:
    message = render_help(with_real_job(slack_help(HelpCommand()), JOB))
    assert [] == problems(message)
    assert len(shown(message).splitlines()) <= 10
    found = buttons(message)
    assert [f"help {one.name}" for one in TOPICS] == [found[one.title] for one in TOPICS]
    assert f"help {ALL_COMMANDS}" == found["All commands"]


@pytest.mark.parametrize("name", [None, "logs", ALL_COMMANDS, *(one.name for one in TOPICS)])
def test_only_examples_that_change_nothing_can_be_pressed(name: str | None) -> None:
    answer = with_real_job(slack_help(HelpCommand(name)), JOB)
    for text in answer.pressable:
        assert required_role(parse(text.removeprefix("/train "))) <= AccessRole.READ
    assert not [text for text in answer.pressable if text.split()[1] in ("watch", "silence", "unwatch", "help")]


def test_without_a_job_an_example_about_one_cannot_be_pressed() -> None:
    answer = with_real_job(slack_help(HelpCommand("start")), None)
    assert ("/train jobs running", "/train list") == answer.pressable
    assert "/train status JOB" in dict(answer.examples)
