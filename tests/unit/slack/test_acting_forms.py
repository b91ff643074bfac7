"""The forms that silence, note, stop and tune: what they show, the commands they build, and Slack's limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.commands.parsing.parser import parse
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.subscriptions import SilenceCommand, WatchCommand
from bot.domain.alerts import Severity
from bot.domain.jobs import JobRef
from bot.domain.notify import MentionTarget, NotifySettings, QuietHours
from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import RULES
from bot.rules.settings import format_settings, parse_settings
from bot.slack.modals.metadata import MAX_METADATA, ModalMetadata, encode_metadata
from bot.slack.render.blocks import Action, read_entry
from bot.slack.render.incident_forms import note_form, stop_form
from bot.slack.render.modal import Choice, Modal
from bot.slack.render.silence_form import (
    CHANNEL,
    LIKE,
    ONE_JOB,
    PROBLEM,
    SilenceFieldError,
    SilenceInput,
    SilenceSubject,
    silence_command,
    silence_form,
    similar_names,
)
from bot.slack.render.tune_form import TuneInput, TuneSubject, current_input, tune_form, tuned_words, watch_text
from tests.unit.slack.factories import NOW, incident, job
from tests.unit.slack.test_home import NAMES, RTL
from tests.unit.slack.test_hostile_text import attacks
from tests.unit.slack.validity import texts, view_problems

BERLIN = ZoneInfo("Europe/Berlin")
AS_INSTALLED = RuleSettings()
SUBJECT = SilenceSubject("inc-1", "baseten:p/j", "llama-70b-sft-3", "hang")


def problems(modal: Modal) -> list[str]:
    """Everything that Slack would refuse or that foreign text would do in a view."""
    view: Any = modal.view(encode_metadata(ModalMetadata("C0RUNS", modal.about, "1.5", "1.5")))
    assert len(view["private_metadata"]) <= MAX_METADATA
    return view_problems(view) + attacks(texts(view["blocks"]))


@settings(max_examples=12, deadline=None)
@given(NAMES, st.text(max_size=600))
@example("<!channel>" * 25, "`" * 600)
@example(RTL * 20, RTL * 30)
def test_slack_takes_every_form_whatever_jobs_are_called_and_people_type(name: str, typed: str) -> None:
    about = incident(of=replace(job(name=name), ref=JobRef("x", name[:200] or "y"), url=None))
    subject = SilenceSubject.of(about)
    forms = [note_form(about), stop_form("inc-1", str(about.job.ref), name)]
    for what in (PROBLEM, ONE_JOB, LIKE, CHANNEL):
        filled = SilenceInput(what, Choice(name, name), typed, "other", typed, typed)
        forms += [silence_form(subject, filled, NOW, UTC, about), silence_form(SilenceSubject(), filled, NOW, UTC)]
    crowd = tuple(MentionTarget(f"S{number:09}", name) for number in range(30))
    notify = NotifySettings({Severity.PAGE: (*crowd, MentionTarget("U0ADA"))}, quiet=QuietHours(0, 60, "UTC"))
    tuned = TuneSubject(str(about.job.ref), name)
    before = current_input(tuned, AS_INSTALLED)
    values = dict.fromkeys(before.values, typed)
    for shown in (before, replace(before, values=values), replace(before, on=frozenset())):
        forms += [tune_form(tuned, shown, AS_INSTALLED, notify), tune_form(tuned, shown, AS_INSTALLED, None)]
    assert [] == [problem for form in forms for problem in problems(form)]


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (SilenceInput(PROBLEM), "silence 1h baseten:p/j --rule hang"),
        (SilenceInput(ONE_JOB, how_long="30m", reason=" new  disks "), 'silence 30m baseten:p/j --reason "new disks"'),
        (SilenceInput(LIKE, pattern="llama 70b*"), 'silence 1h --name "llama 70b*"'),
        (SilenceInput(CHANNEL, how_long="1d"), "silence 1d"),
        (SilenceInput(ONE_JOB, how_long="other", custom="2 hours"), 'silence "2 hours" baseten:p/j'),
        (SilenceInput(ONE_JOB, how_long="other", custom="until 18:00"), "silence --until 18:00 baseten:p/j"),
        (SilenceInput(ONE_JOB, how_long="morning"), 'silence --until "tomorrow 09:00" baseten:p/j'),
    ],
)
def test_the_form_builds_the_command_that_a_person_would_type(typed: SilenceInput, command: str) -> None:
    assert silence_command(SUBJECT, typed, NOW, BERLIN) == command
    assert isinstance(parse(command, InputContext(NOW, BERLIN)), SilenceCommand)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-11-29T03:00", "2026-11-29T09:00"),
        ("2026-11-29T07:01", "2026-11-30T09:00"),
        ("2026-11-29T15:00", "2026-11-30T09:00"),
        ("2026-10-24T23:30", "2026-10-25T09:00"),  # the clocks go back in the night
    ],
)
def test_until_morning_is_nine_in_the_zone_of_the_person(now: str, ends: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=BERLIN).astimezone(UTC)
    command = silence_command(SUBJECT, SilenceInput(ONE_JOB, how_long="morning"), at, BERLIN)
    parsed = parse(command, InputContext(at, BERLIN))
    assert isinstance(parsed, SilenceCommand)
    assert (at + parsed.duration).astimezone(BERLIN).isoformat()[:16] == ends


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (SilenceInput(ONE_JOB), "job"),
        (SilenceInput(LIKE, pattern=" "), "pattern"),
        (SilenceInput(CHANNEL, how_long="other"), "custom"),
    ],
)
def test_an_empty_field_is_named(typed: SilenceInput, field: str) -> None:
    with pytest.raises(SilenceFieldError) as problem:
        silence_command(SilenceSubject(), typed, NOW, UTC)
    assert problem.value.name == field


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("llama-70b-sft-3", "llama-70b-sft*"), ("run12", "run*"), ("exp-v2", "exp*"), ("42", "42*"), ("", "")],
)
def test_similar_names_end_with_a_star(name: str, pattern: str) -> None:
    assert similar_names(name) == pattern


SETTINGS = (
    "low_gpu_utilization.for=61s",
    "low_gpu_utilization.recovery=0.4",
    "log_errors.ignore=no space",
    "hang=off",
    "severity=warn",
    "notify=lifecycle",
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, SETTINGS),
        ({"low_gpu_utilization.for": "10m"}, (*SETTINGS[1:], "low_gpu_utilization.for=10m")),
        ({"low_gpu_utilization.for": ""}, SETTINGS[1:]),
        ({"log_errors.ignore": "no space"}, SETTINGS),
    ],
)
def test_a_changed_value_replaces_its_word_and_the_others_stay(
    change: Mapping[str, str], words: tuple[str, ...]
) -> None:
    exact = format_settings(parse_settings(SETTINGS), is_exact=True)
    subject = TuneSubject("baseten:p/j", words=exact)
    before = current_input(subject, AS_INSTALLED)
    after = tuned_words(subject, replace(before, values={**before.values, **change}), AS_INSTALLED)
    assert parse_settings(after) == parse_settings(words)
    assert (after == exact) is not bool(parse_settings(words) != parse_settings(SETTINGS))
    assert isinstance(parse(watch_text(subject, after)), WatchCommand)


def test_rules_are_switched_also_against_the_settings_of_the_installation() -> None:
    installed = RuleSettings(off=("log_gap",))
    subject = TuneSubject("baseten:p/j", words=("hang=off",))
    before = current_input(subject, installed)
    assert not {"hang", "log_gap"} & before.on
    every = frozenset(rule.name for rule in RULES)
    assert tuned_words(subject, replace(before, on=every), installed) == ("log_gap=on",)
    assert tuned_words(subject, replace(before, on=before.on - {"loss"}), installed) == ("hang=off", "loss=off")
    usual = TuneInput(before.on, "info", values=before.values)
    assert tuned_words(subject, usual, installed) == ("hang=off",)


@pytest.mark.parametrize(
    ("value", "entry"),
    [
        ("change|silence 1h baseten:p/j", (Action.CHANGE, "", "silence 1h baseten:p/j")),
        ("open:note|inc-1", (Action.OPEN, "note", "inc-1")),
        ("silence 4h baseten:p/j", (Action.CHANGE, "", "silence 4h baseten:p/j")),  # of an older message
        ("silence 4h --name a|b", (Action.CHANGE, "", "silence 4h --name a|b")),
        ("nonsense|x", (Action.CHANGE, "", "nonsense|x")),
    ],
)
def test_a_menu_entry_says_what_it_does(value: str, entry: tuple[Action, str, str]) -> None:
    assert read_entry(value) == entry
