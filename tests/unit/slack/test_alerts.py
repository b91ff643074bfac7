"""Alerts as Slack messages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.commands.parsing.parser import parse
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.subscriptions import SilenceCommand
from bot.domain.alerts import (
    CountedMessage,
    DeliveryKind,
    Evidence,
    ExcerptLine,
    IncidentAlert,
    NotifyReason,
    Resolution,
    Severity,
)
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import Level
from bot.domain.ownership import Acknowledgement, Closing, Muting, Unwatching
from bot.domain.progress import Checkpoint, RunProgress
from bot.slack.render.alert_text import incident_icon
from bot.slack.render.alerts import render_notification, render_reply
from bot.slack.render.incident_root import render_root
from bot.slack.render.message import Message
from tests.unit.slack.channel_samples import JOINS
from tests.unit.slack.factories import HOSTILE, alert, at, errors, failed, incident, job, line, notification, quoted
from tests.unit.slack.samples import CLEARED, ENDED, LEFT, LOW, NOTIFICATIONS, hostile_incident
from tests.unit.slack.validity import buttons, problems, shown


def actions_of(message: Message) -> list[Any]:
    return [
        element for block in message.blocks if block["type"] == "actions" for element in cast(Any, block["elements"])
    ]


def reply_to(one: IncidentAlert) -> Message:
    return render_reply(incident(one), one, NotifyReason.FIRST)


@pytest.mark.parametrize("case", NOTIFICATIONS)
def test_rendering_matches_snapshot(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render_notification(NOTIFICATIONS[case])
    assert [] == problems(message)
    assert json_snapshot == message.payload()


@pytest.mark.parametrize("kind", DeliveryKind)
def test_hostile_text_notifies_no_one_and_stays_within_limits(kind: DeliveryKind) -> None:
    about = hostile_incident()
    assert [] == problems(render_notification(notification(kind, about, text=HOSTILE * 100)))


def test_a_root_shows_title_rank_job_time_and_advice() -> None:
    root = render_root(incident())
    headline, decisive, when, advice = shown(root).splitlines()
    assert headline.startswith("🟠 *Errors in the log* · rank 3 of 8 · *<https://")
    assert decisive == "3 error lines, newest: torch.OutOfMemoryError: CUDA out of memory."
    assert when.startswith("Since <!date^")
    assert when.endswith(" · running")
    assert advice == "*Try:* Lower the micro-batch or shard the optimiser."
    assert "tw-3f9c2ab1d00e" not in str(root.blocks)
    assert root.text == "🟠 Errors in the log on llama-8b-sft, rank 3 of 8."


def test_a_replica_with_any_name_has_a_root() -> None:
    named = replace(errors(), facts=(("Replica", "\u00b2"),))
    assert "\u00b2" in render_root(incident(alert(evidence=named))).text


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
    assert " · back to normal after 12 min." in shown(root)
    assert ["Logs"] == list(buttons(root))


def test_a_failed_job_stays_red() -> None:
    about = replace(incident(failed(), ENDED, of=job(JobState.FAILED)), resolved_at=at(12))
    assert shown(render_root(about)).startswith("🔴 *Job failed* ·")


def test_an_ended_subscription_differs_from_an_ended_job() -> None:
    assert " · stopped watching after 12 min; the problem may persist." in shown(render_root(incident(ENDED)))
    ended = render_root(incident(ENDED, of=job(JobState.SUCCEEDED)))
    assert " · not resolved when the job finished 12 min later." in shown(ended)


def test_the_cause_stays_the_headline_after_the_job_failed() -> None:
    lines = (ExcerptLine("Traceback"), ExcerptLine("torch.OutOfMemoryError: CUDA out of memory."))
    evidence = Evidence(
        "torch.OutOfMemoryError: CUDA out of memory.", "GPU out of memory", lines, facts=(("Rank", "3"),), root=1
    )
    cause = replace(ENDED, title="GPU out of memory", severity=Severity.PAGE, evidence=evidence)
    died = replace(job(JobState.FAILED), error="Exit code 1.", ended_at=at(2))
    saved = RunProgress(step=2683, total_steps=50_000, checkpoint=Checkpoint(2500, at(-10)))
    root = render_root(replace(incident(ENDED, failed(), cause, of=died), resolved_at=at(12), progress=saved))
    headline, decisive, when, advice, owner = shown(root).splitlines()
    assert headline.startswith("🔴 *GPU out of memory* · rank 3 of 8 · ")
    assert decisive == "`torch.OutOfMemoryError: CUDA out of memory.`"
    assert re.sub("<[^>]*>", "14:04", when) == (
        "Failed 14:04 after 3 h 12 min at step 2,683 of 50,000 · checkpoint 2,500 (12 min lost)"
    )
    assert (advice, owner) == ("*Try:* Press Logs for the lines around it.", "Nobody has acknowledged it")
    assert root.text == ("🔴 GPU out of memory on llama-8b-sft, rank 3 of 8, the job failed at step 2,683 of 50,000.")


def test_a_root_has_one_sentence_of_advice_and_the_thread_has_all() -> None:
    one = alert(evidence=replace(errors(), hint="Lower the batch. Or shard it. https://example.org/a?b=1&c=2"))
    assert "*Try:* Lower the batch." == shown(render_root(incident(one))).splitlines()[-1]
    whole = "*Try:* Lower the batch. Or shard it. <https://example.org/a?b=1&amp;c=2|Read more>"
    assert whole in shown(reply_to(one))


def test_lines_without_timestamps_mark_the_root_line() -> None:
    lines = (ExcerptLine("Traceback:"), ExcerptLine("OSError: <!channel> gone"), ExcerptLine("bye"))
    reply = shown(reply_to(alert(evidence=replace(errors(lines=lines), root=1))))
    assert "```\n  Traceback:\n▶ OSError: &lt;!channel&gt; gone\n  bye\n```" in reply
    assert "UTC" not in reply


def test_an_excerpt_without_a_root_line_is_unmarked() -> None:
    reply = shown(reply_to(alert(evidence=errors(lines=(ExcerptLine("Killed"),)))))
    assert "```\nKilled\n```" in reply
    assert "times in UTC" not in reply


def test_buttons_hold_the_whole_command() -> None:
    assert {
        "Acknowledge": "inc-0123456789ab",
        "Logs": "logs baseten:proj42/job7f3a --around 2026-03-13T14:01:31.000000000Z",
        "Silence…": "inc-0123456789ab",
        "Silence 1 hour": "silence 1h baseten:proj42/job7f3a",
        "Add a note…": "inc-0123456789ab",
        "Stop watching…": "inc-0123456789ab",
    } == buttons(render_root(incident()))


@pytest.mark.parametrize("label", ["Silence 1 hour", "Logs"])
def test_the_value_of_a_button_is_a_valid_command(label: str) -> None:
    assert isinstance(parse(buttons(render_root(incident()))[label]), LogsCommand | SilenceCommand)


def test_a_button_whose_command_does_not_fit_is_left_out() -> None:
    about = incident(of=replace(job(), ref=JobRef("x", "y" * 1995)))
    assert ["Acknowledge", "Silence…", "Add a note…", "Stop watching…"] == list(buttons(render_root(about)))


def test_an_acknowledged_incident_shows_who_and_can_be_resolved() -> None:
    root = render_root(replace(incident(), acknowledgement=Acknowledgement("U0ANNA", at(1))))
    assert "👍 Acknowledged by <@U0ANNA>" in shown(root)
    assert "Resolve" in buttons(root)
    assert "Acknowledge" not in buttons(root)


def test_a_failed_job_can_be_acknowledged_after_its_end_until_a_person_closes_it() -> None:
    ended = replace(incident(failed(), of=job(JobState.FAILED)), resolved_at=at(2))
    assert ["Acknowledge", "Logs", "Add a note…"] == list(buttons(render_root(ended)))
    taken = replace(ended, acknowledgement=Acknowledgement("U0ANNA", at(3)))
    assert ["Resolve", "Logs", "Add a note…"] == list(buttons(render_root(taken)))
    closed = replace(taken, closing=Closing("U0BEN", at(4)))
    assert ["Reopen", "Logs"] == list(buttons(render_root(closed)))
    assert "Closed by <@U0BEN>" in shown(render_root(closed))


def test_a_reply_shows_lines_with_times_and_counts_hidden_ones() -> None:
    reply = reply_to(alert(evidence=errors(312)))
    assert "those shown are from `rank 3`" in shown(reply)
    assert "14:01:43 torch.OutOfMemoryError: CUDA out of memory." in shown(reply)
    assert "showing 3 of 312 lines" in shown(reply)


def test_ranks_are_shown_in_each_line_when_they_differ() -> None:
    lines = quoted(line("a", rank=0), line("b", rank=1, level=Level.ERROR))
    reply = reply_to(alert(evidence=errors(lines=lines)))
    assert "14:02:31 r0 a\n14:02:31 r1 ERROR b" in shown(reply)


def test_other_alerts_take_one_line_and_hidden_ones_are_counted() -> None:
    many = [replace(alert(), id=f"tw-{number}", title=f"Problem {number}") for number in range(20)]
    assert (
        "Also: 🟠 Problem 1, Problem 2, Problem 3, Problem 4 and 15 more"
        == shown(render_root(incident(*many))).splitlines()[-1]
    )


@pytest.mark.parametrize("severity", Severity)
def test_the_alt_text_starts_with_the_severity_icon(severity: Severity) -> None:
    root = render_root(incident(alert(severity=severity)))
    assert {"page": "🔴", "warn": "🟠", "info": "🔵"}[severity] == root.text[0]


def test_a_summary_does_not_quote_a_line_shown_below_it() -> None:
    below = reply_to(alert())
    assert "3 error lines, newest:\n```" in shown(below)
    assert 1 == shown(below).count("torch.OutOfMemoryError")
    single = replace(errors(), summary="disk is full", lines=quoted(line("ERROR disk is full")))
    assert 1 == shown(reply_to(alert(evidence=single))).count("disk is full")
    elsewhere = replace(errors(), lines=quoted(line("step 1")))
    reply = shown(reply_to(alert(evidence=elsewhere)))
    assert "newest: torch.OutOfMemoryError: CUDA out of memory." in reply


def test_a_source_is_named_once() -> None:
    reply = shown(reply_to(alert()))
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


def test_facts_are_in_the_thread() -> None:
    evidence = replace(errors(), facts=(("Resolves at", "30%"),))
    assert "Resolves at" not in shown(render_root(incident(alert(evidence=evidence))))
    assert "*Resolves at* 30%" in shown(reply_to(alert(evidence=evidence)))


def test_long_titles_and_advice_are_cut_visibly() -> None:
    hint = "Use a smaller micro-batch or sequence, or gradient checkpointing; if much is reserved, set X=y and more."
    one = alert(
        title="ZstdError: zstd decompress error: Data corruption detected in data.py:read_shard",
        evidence=replace(errors(), hint=hint),
    )
    headline, *_, advice = shown(render_root(incident(one))).splitlines()
    assert headline.startswith("🟠 *ZstdError: zstd decompress error…* · rank 3 of 8 · ")
    assert advice == "*Try:* Use a smaller micro-batch or sequence, or gradient checkpointing…"


def test_a_root_takes_eight_lines_of_a_phone_without_the_other_alerts_if_need_be() -> None:
    long = alert(title="T" * 36, evidence=replace(errors(), root=0, summary="s" * 70, hint="Lower it."))
    died = replace(job(JobState.FAILED), ended_at=at(2))
    saved = RunProgress(step=2683, total_steps=50_000, checkpoint=Checkpoint(2500, at(-10)))
    about = replace(incident(replace(long, severity=Severity.PAGE), LOW, of=died), resolved_at=at(3), progress=saved)
    assert "Also:" not in shown(render_root(about))
    assert "Also: 🟠 GPUs idle" in shown(render_root(replace(about, progress=None)))


def test_a_decisive_line_that_repeats_the_title_is_left_out() -> None:
    line = "zstd.ZstdError: Data corruption detected"
    evidence = Evidence(line, "x", (ExcerptLine(line),), root=0)
    one = alert(title="ZstdError: Data corruption detected in data.py", evidence=evidence)
    assert "`" not in shown(render_root(incident(one)))


def test_only_an_urgent_incident_has_a_green_button() -> None:
    page = incident(alert(severity=Severity.PAGE))
    muted = replace(page, muted=Muting("U0ANNA", at(60), 7))
    taken = replace(page, acknowledgement=Acknowledgement("U0ANNA", at(1)))
    styles = ["primary" in str(render_root(one).blocks) for one in (page, incident(), muted, taken)]
    assert styles == [True, False, False, False]


def test_a_silenced_incident_shows_who_until_when_and_undo() -> None:
    root = render_root(replace(incident(), muted=Muting("U0ANNA", at(60), 7)))
    assert "🔕 Silenced until <!date^1773414151^{time}|15:02 UTC> by <@U0ANNA>" in shown(root)
    assert buttons(root)["Unmute"] == "silence end 7"
    assert "Silence 1 hour" not in buttons(root)


def test_a_root_whose_job_is_no_longer_watched_shows_who_and_undo() -> None:
    left = replace(incident(LEFT), unwatched=Unwatching("U0ANNA", at(2), "watch baseten:proj42/job7f3a hang=off"))
    root = render_root(left)
    assert (
        "<@U0ANNA> stopped watching <!date^1773410671^{time}|14:04 UTC>, after 2 min; the problem may persist."
        in shown(root)
    )
    assert buttons(root)["Undo"] == "watch baseten:proj42/job7f3a hang=off"
    undone = replace(left, unwatched=Unwatching("U0ANNA", at(2), ""))
    assert list(buttons(render_root(undone))) == ["Logs"]


def test_different_messages_are_counted_in_the_thread() -> None:
    messages = (CountedMessage("KV cache is exhausted", 12), CountedMessage("500 Internal Server Error", 8))
    one = alert(evidence=replace(errors(20), messages=messages))
    assert "20 errors, 2 kinds: `KV cache is exhausted`" in shown(render_root(incident(one)))
    assert "  12 \N{MULTIPLICATION SIGN} KV cache is exhausted" in shown(reply_to(one))


def test_an_alert_without_a_hint_points_to_the_log() -> None:
    one = alert(evidence=replace(errors(), hint=None))
    assert "*Try:* Press Logs for the lines around it." in shown(render_root(incident(one)))


def test_a_prediction_is_in_the_zone_of_the_reader() -> None:
    one = alert(evidence=Evidence("GPU 3 is filling up.", expected_at=at(10)))
    for message in (render_root(incident(one)), reply_to(one)):
        assert "GPU 3 is filling up. Expected <!date^" in shown(message)


def test_consequences_are_in_the_reply_of_their_cause() -> None:
    follows = replace(failed(), fired_at=at(0), caused_by=alert().id)
    reply = render_reply(incident(alert(), follows), alert(), NotifyReason.FIRST)
    assert "🔴 *Job failed:* The platform reports" in shown(reply)


def test_the_alt_text_has_one_colon_and_no_log_line() -> None:
    one = alert(title="ZstdError: zstd decompress error: Data corruption detected in data.py:read_shard")
    text = render_root(incident(one)).text
    assert text.startswith("🟠 ZstdError: zstd decompress error, Data corruption detected in data.py:read_shard on")
    assert "CUDA" not in text


@pytest.mark.parametrize("case", sorted(NOTIFICATIONS.keys() - JOINS.keys()))
def test_the_alt_text_names_the_job_early(case: str) -> None:
    assert "llama-8b-sft" in render_notification(NOTIFICATIONS[case]).text[:100]


def test_the_end_names_what_followed_after_the_first_reply() -> None:
    cause = alert(severity=Severity.PAGE)
    late = replace(alert("tw-late"), title="GPUs idle", fired_at=at(5), caused_by=cause.id, evidence=Evidence("0 %."))
    about = incident(cause, replace(late, resolved_at=at(9), resolution=Resolution.JOB_ENDED))
    end = notification(DeliveryKind.REPLY, about, alert_id=None, reason=NotifyReason.NOTE, text="llama failed.")
    assert "llama failed.\n⚪ *GPUs idle:* 0 %." in shown(render_notification(end))
    assert "GPUs idle" not in shown(render_reply(about, cause, NotifyReason.FIRST))
