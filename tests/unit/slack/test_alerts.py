"""Alerts as Slack messages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.commands.parsing.parser import parse
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.subscriptions import SilenceCommand, UnwatchCommand
from bot.domain.alerts import (
    Acknowledgement,
    Closing,
    DeliveryKind,
    Evidence,
    ExcerptLine,
    NotifyReason,
    Resolution,
    Severity,
)
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import Level
from bot.slack.render.alerts import incident_icon, render_notification, render_reply, render_root
from tests.unit.slack.factories import HOSTILE, alert, at, errors, failed, incident, job, line, notification, quoted
from tests.unit.slack.samples import CLEARED, ENDED, LEFT, NOTIFICATIONS, hostile_incident
from tests.unit.slack.validity import buttons, problems, shown


@pytest.mark.parametrize("case", NOTIFICATIONS)
def test_rendering_matches_snapshot(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render_notification(NOTIFICATIONS[case])
    assert [] == problems(message)
    assert json_snapshot == message.payload()


@pytest.mark.parametrize("kind", DeliveryKind)
def test_hostile_text_notifies_no_one_and_stays_within_limits(kind: DeliveryKind) -> None:
    about = hostile_incident()
    assert [] == problems(render_notification(notification(kind, about, text=HOSTILE * 100)))


def test_a_root_shows_title_job_time_facts_and_hint() -> None:
    root = render_root(incident())
    for fact in ("Errors in the log", "llama-8b-sft", "Job running", "since <!date^", "Rank: 3 of 8", "*Try:* Lower"):
        assert fact in shown(root)
    assert "tw-3f9c2ab1d00e" in shown(root)
    assert root.text.startswith("🟠 Errors in the log: llama-8b-sft, since 13 Mar 14:01 UTC.")


def test_the_worst_firing_alert_is_the_headline() -> None:
    assert shown(render_root(incident(alert(), failed()))).startswith("🔴 *Job failed*")
    over = replace(failed(), resolved_at=at(3), resolution=Resolution.CLEARED)
    assert shown(render_root(incident(over, alert()))).startswith("🟠 *Errors in the log*")


@pytest.mark.parametrize(("one", "expected"), [(CLEARED, "✅"), (ENDED, "⚪"), (LEFT, "⚪"), (alert(), "🟠")])
def test_the_icon_of_an_ended_job_differs_from_that_of_a_recovered_one(one: object, expected: str) -> None:
    assert expected == incident_icon(incident(one))  # type: ignore[arg-type]


def test_a_resolved_root_shows_how_and_after_how_long_with_a_logs_button() -> None:
    root = render_root(incident(CLEARED))
    assert "~Errors in the log~" in shown(root)
    assert "Resolved after 12 min. Back to normal." in shown(root)
    assert ["Logs"] == list(buttons(root))


def test_a_failed_job_stays_red() -> None:
    about = replace(incident(failed(), ENDED, of=job(JobState.FAILED)), resolved_at=at(12))
    assert shown(render_root(about)).startswith("🔴 *Job failed* ·")


def test_an_ended_subscription_differs_from_an_ended_job() -> None:
    assert "This channel no longer watches the job." in shown(render_root(incident(ENDED)))
    assert "The job ended before the alert cleared." in shown(render_root(incident(ENDED, of=job(JobState.SUCCEEDED))))


def test_the_cause_stays_the_headline_after_the_job_failed() -> None:
    evidence = Evidence(summary="GPU out of memory.", title="GPU out of memory", facts=(("Rank", "rank 3"),))
    cause = replace(ENDED, title="GPU out of memory", severity=Severity.PAGE, evidence=evidence)
    died = replace(job(JobState.FAILED), error="Exit code 1.")
    root = render_root(replace(incident(ENDED, failed(), cause, of=died), resolved_at=at(12)))
    headline, state, other, *_ = shown(root).splitlines()
    assert headline.startswith("🔴 *GPU out of memory* · ")
    assert state.startswith("Job failed: Exit code 1 · since <!date^")
    assert state.endswith(" · Rank 3")
    assert other == "More in the thread: 🟠 Errors in the log"
    assert "~" not in shown(root)
    assert "Job failed*" not in shown(root)


def test_a_url_in_a_hint_is_a_link() -> None:
    one = alert(evidence=replace(errors(), hint="Lower the batch. https://example.org/a?b=1&c=2"))
    assert "*Try:* Lower the batch. <https://example.org/a?b=1&amp;c=2|Read more>" in shown(render_root(incident(one)))


def test_lines_without_timestamps_mark_the_root_line() -> None:
    lines = (ExcerptLine("Traceback:"), ExcerptLine("OSError: <!channel> gone"), ExcerptLine("bye"))
    reply = shown(render_reply(job(), alert(evidence=replace(errors(lines=lines), root=1)), NotifyReason.FIRST))
    assert "```\n  Traceback:\n▶ OSError: &lt;!channel&gt; gone\n  bye\n```" in reply
    assert "UTC" not in reply


def test_an_excerpt_without_a_root_line_is_unmarked() -> None:
    reply = shown(render_reply(job(), alert(evidence=errors(lines=(ExcerptLine("Killed"),))), NotifyReason.FIRST))
    assert "```\nKilled\n```" in reply
    assert "times in UTC" not in reply


def test_buttons_hold_the_whole_command() -> None:
    assert {
        "Acknowledge": "inc-0123456789ab",
        "Silence 1 hour": "silence 1h baseten:proj42/job7f3a",
        "Logs": "logs baseten:proj42/job7f3a --around 2026-03-13T14:01:31.000000000Z",
        "Silence 4 hours": "silence 4h baseten:proj42/job7f3a",
        "Silence 24 hours": "silence 1d baseten:proj42/job7f3a",
        "Stop watching here": "unwatch baseten:proj42/job7f3a",
    } == buttons(render_root(incident()))


@pytest.mark.parametrize("label", ["Silence 1 hour", "Logs", "Silence 4 hours", "Stop watching here"])
def test_the_value_of_a_button_is_a_valid_command(label: str) -> None:
    assert isinstance(parse(buttons(render_root(incident()))[label]), LogsCommand | SilenceCommand | UnwatchCommand)


def test_a_button_whose_command_does_not_fit_is_left_out() -> None:
    about = incident(of=replace(job(), ref=JobRef("x", "y" * 1990)))
    assert ["Acknowledge"] == list(buttons(render_root(about)))


def test_an_acknowledged_incident_shows_who_and_can_be_resolved() -> None:
    root = render_root(replace(incident(), acknowledgement=Acknowledgement("U0ANNA", at(1))))
    assert "👍 Acknowledged by <@U0ANNA>" in shown(root)
    assert "Resolve" in buttons(root)
    assert "Acknowledge" not in buttons(root)


def test_a_failed_job_can_be_acknowledged_after_its_end_until_a_person_closes_it() -> None:
    ended = replace(incident(failed(), of=job(JobState.FAILED)), resolved_at=at(2))
    assert ["Acknowledge", "Logs"] == list(buttons(render_root(ended)))
    taken = replace(ended, acknowledgement=Acknowledgement("U0ANNA", at(3)))
    assert ["Resolve", "Logs"] == list(buttons(render_root(taken)))
    closed = replace(taken, closing=Closing("U0BEN", at(4)))
    assert ["Logs"] == list(buttons(render_root(closed)))
    assert "Closed by <@U0BEN>" in shown(render_root(closed))


def test_a_reply_shows_lines_with_times_and_counts_hidden_ones() -> None:
    reply = render_reply(job(), alert(evidence=errors(312)), NotifyReason.FIRST)
    assert "14:01:43 torch.OutOfMemoryError: CUDA out of memory." in shown(reply)
    assert "showing 3 of 312 lines" in shown(reply)
    assert "all from `rank 3`" in shown(reply)


def test_ranks_are_shown_in_each_line_when_they_differ() -> None:
    lines = quoted(line("a", rank=0), line("b", rank=1, level=Level.ERROR))
    reply = render_reply(job(), alert(evidence=errors(lines=lines)), NotifyReason.FIRST)
    assert "14:02:31 rank 0 a\n14:02:31 rank 1 ERROR b" in shown(reply)


def test_hidden_alerts_are_counted() -> None:
    many = [replace(alert(), id=f"tw-{number}") for number in range(20)]
    assert "… and 13 more alerts in the thread" in shown(render_root(incident(*many)))


@pytest.mark.parametrize("severity", Severity)
def test_the_alt_text_starts_with_the_severity_icon(severity: Severity) -> None:
    root = render_root(incident(alert(severity=severity)))
    assert {"page": "🔴", "warn": "🟠", "info": "🔵"}[severity] == root.text[0]


def test_a_summary_does_not_quote_a_line_shown_below_it() -> None:
    below = render_reply(job(), alert(), NotifyReason.FIRST)
    assert "3 error lines, newest:\n```" in shown(below)
    assert 1 == shown(below).count("torch.OutOfMemoryError")
    elsewhere = replace(errors(), lines=quoted(line("step 1")))
    reply = shown(render_reply(job(), alert(evidence=elsewhere), NotifyReason.FIRST))
    assert "newest: torch.OutOfMemoryError: CUDA out of memory." in reply


def test_a_source_is_named_once() -> None:
    reply = shown(render_reply(job(), alert(), NotifyReason.FIRST))
    assert "all from `rank 3`" in reply
    assert "*From:*" not in reply


def test_the_hint_to_read_the_log_is_dropped_once_the_cause_is_known() -> None:
    cause = replace(alert(), title="GPU out of memory", severity=Severity.PAGE, evidence=replace(errors(), title="x"))
    about = incident(cause, failed(), of=job(JobState.FAILED))
    reply = render_notification(notification(DeliveryKind.REPLY, about, alert_id=failed().id))
    assert "*Job failed*" in shown(reply)
    assert "*Try:*" not in shown(reply)
    alone = notification(DeliveryKind.REPLY, incident(failed(), of=job(JobState.FAILED)))
    assert "*Try:* Read the last lines in the thread." in shown(render_notification(alone))


def test_a_fact_whose_label_ends_with_at_has_no_colon() -> None:
    evidence = replace(errors(), facts=(("Back to normal at", "30%"),))
    assert "Back to normal at 30%" in shown(render_root(incident(alert(evidence=evidence))))


@pytest.mark.parametrize("case", NOTIFICATIONS)
def test_the_alt_text_names_the_job_early(case: str) -> None:
    assert "llama-8b-sft" in render_notification(NOTIFICATIONS[case]).text[:100]
