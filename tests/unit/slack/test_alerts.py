"""What an alert looks like, and what it never does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.commands.parsing import parser as grammar
from bot.domain.alerts import DeliveryKind, Evidence, ExcerptLine, Incident, NotifyReason, Resolution, Severity
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import Level
from bot.slack.render.alerts import render_notification, render_reply, render_root, sign
from tests.unit.slack.factories import HOSTILE, alert, at, errors, failed, incident, job, line, notification, quoted
from tests.unit.slack.validity import buttons, problems, shown

CLEARED = alert(resolved_at=at(12), resolution=Resolution.CLEARED)
ENDED = alert(resolved_at=at(12), resolution=Resolution.JOB_ENDED)
LEFT = alert(resolved_at=at(12), resolution=Resolution.UNSUBSCRIBED)
LOW = replace(alert("tw-5a5a5a5a5a5a"), rule="low_gpu_utilization", title="GPUs idle", fired_at=at(-3))

CASES = {
    "firing": notification(DeliveryKind.ROOT),
    "failed": notification(DeliveryKind.ROOT, incident(failed(), LOW, CLEARED, of=job(JobState.FAILED))),
    "acknowledged": notification(DeliveryKind.EDIT, incident(alert(acknowledged_by="U0ANNA"))),
    "cleared": notification(DeliveryKind.EDIT, incident(CLEARED)),
    "failed_for_good": notification(
        DeliveryKind.EDIT, replace(incident(failed(), ENDED, of=job(JobState.FAILED)), resolved_at=at(12))
    ),
    "job_ended": notification(DeliveryKind.EDIT, incident(ENDED, of=job(JobState.SUCCEEDED))),
    "unsubscribed": notification(DeliveryKind.EDIT, incident(LEFT)),
    "reply": notification(DeliveryKind.REPLY),
    "reply_more": notification(DeliveryKind.REPLY, incident(alert(evidence=errors(312))), reason=NotifyReason.CHANGED),
    "reply_broadcast": notification(DeliveryKind.REPLY, incident(failed()), broadcast=True),
    "last_word": notification(
        DeliveryKind.REPLY, alert_id=None, reason=NotifyReason.NOTE, text="llama-8b-sft failed after 3h 10m."
    ),
    "reply_repeat": notification(DeliveryKind.REPLY, incident(failed()), reason=NotifyReason.REPEAT),
    "reply_resolved": notification(DeliveryKind.REPLY, incident(CLEARED), reason=NotifyReason.RESOLVED),
    "note": notification(
        DeliveryKind.NOTE, reason=NotifyReason.NOTE, incident=None, text="The job ended: succeeded. Unsubscribed."
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_looks_like_this(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render_notification(CASES[case])
    assert [] == problems(message)
    assert json_snapshot == message.payload()


def hostile_incident() -> Incident:
    sources = [HOSTILE[:40] + str(number) for number in range(20)]
    lines = quoted(*(line(HOSTILE * 40, number, rank=None, replica=name) for number, name in enumerate(sources)))
    evidence = Evidence(
        summary=HOSTILE * 50,
        lines=lines,
        count=9999,
        facts=tuple((HOSTILE, HOSTILE * 20) for _ in range(30)),
        hint=HOSTILE * 50,
    )
    bad = replace(alert(), title=HOSTILE[:60], evidence=evidence)
    many = tuple(replace(bad, id=f"tw-{number:012x}") for number in range(60))
    about = incident(*many, of=replace(job(name=HOSTILE * 9), url="https://x/>|<!here>", ref=JobRef("x", HOSTILE)))
    return replace(about, alerts=(*about.alerts, replace(bad, resolved_at=at(2), acknowledged_by=HOSTILE)))


@pytest.mark.parametrize("kind", DeliveryKind)
def test_hostile_text_pings_no_one_and_breaks_no_limit(kind: DeliveryKind) -> None:
    about = hostile_incident()
    assert [] == problems(render_notification(notification(kind, about, text=HOSTILE * 100)))


def test_a_root_names_what_broke_where_since_when_and_what_to_try() -> None:
    root = render_root(incident())
    for fact in ("Errors in the log", "llama-8b-sft", "Job running", "since <!date^", "Rank: 3 of 8", "*Try:* Lower"):
        assert fact in shown(root)
    assert "tw-3f9c2ab1d00e" in shown(root)
    assert root.text.startswith("🟠 Errors in the log: llama-8b-sft, since 13 Mar 14:01 UTC.")


def test_the_worst_alert_that_fires_is_the_headline() -> None:
    assert shown(render_root(incident(alert(), failed()))).startswith("🔴 *Job failed*")
    over = replace(failed(), resolved_at=at(3), resolution=Resolution.CLEARED)
    assert shown(render_root(incident(over, alert()))).startswith("🟠 *Errors in the log*")


@pytest.mark.parametrize(("one", "expected"), [(CLEARED, "✅"), (ENDED, "⚪"), (LEFT, "⚪"), (alert(), "🟠")])
def test_a_job_that_died_is_not_shown_as_one_that_recovered(one: object, expected: str) -> None:
    assert expected == sign(incident(one))  # type: ignore[arg-type]


def test_a_resolved_root_says_why_and_how_long_and_offers_the_logs_only() -> None:
    root = render_root(incident(CLEARED))
    assert "~Errors in the log~" in shown(root)
    assert "Resolved after 12m. It is back to normal." in shown(root)
    assert ["Logs"] == list(buttons(root))


def test_a_job_that_failed_for_good_stays_red_and_asks_for_nothing() -> None:
    about = replace(incident(failed(), ENDED, of=job(JobState.FAILED)), resolved_at=at(12))
    assert shown(render_root(about)).startswith("🔴 *Job failed* ·")
    assert ["Logs"] == list(buttons(render_root(about)))


def test_the_end_of_a_subscription_is_not_told_as_the_end_of_the_job() -> None:
    assert "This channel no longer watches the job." in shown(render_root(incident(ENDED)))
    assert "The job ended before it cleared." in shown(render_root(incident(ENDED, of=job(JobState.SUCCEEDED))))


def test_what_broke_stays_the_headline_when_the_job_has_failed() -> None:
    evidence = Evidence(summary="GPU out of memory.", title="GPU out of memory", facts=(("Rank", "rank 3"),))
    cause = replace(ENDED, title="GPU out of memory", severity=Severity.PAGE, evidence=evidence)
    died = replace(job(JobState.FAILED), error="Exit code 1.")
    root = render_root(replace(incident(ENDED, failed(), cause, of=died), resolved_at=at(12)))
    headline, state, other, *_ = shown(root).splitlines()
    assert headline.startswith("🔴 *GPU out of memory* · ")
    assert state.startswith("Job failed: Exit code 1 · since <!date^")
    assert state.endswith(" · Rank 3")
    assert other == "Also, in the thread: 🟠 Errors in the log"
    assert "~" not in shown(root)
    assert "Job failed*" not in shown(root)


def test_a_page_named_in_a_hint_is_a_link() -> None:
    one = alert(evidence=replace(errors(), hint="Lower the batch. https://example.org/a?b=1&c=2"))
    assert "*Try:* Lower the batch. <https://example.org/a?b=1&amp;c=2|Read more>" in shown(render_root(incident(one)))


def test_lines_whose_times_are_not_known_show_none_and_the_root_is_marked() -> None:
    lines = (ExcerptLine("Traceback:"), ExcerptLine("OSError: <!channel> gone"), ExcerptLine("bye"))
    reply = shown(render_reply(job(), alert(evidence=replace(errors(lines=lines), root=1)), NotifyReason.FIRST))
    assert "```\n  Traceback:\n▶ OSError: &lt;!channel&gt; gone\n  bye\n```" in reply
    assert "UTC" not in reply


def test_an_excerpt_without_a_known_root_is_shown_as_it_stands() -> None:
    reply = shown(render_reply(job(), alert(evidence=errors(lines=(ExcerptLine("Killed"),))), NotifyReason.FIRST))
    assert "```\nKilled\n```" in reply
    assert "rows in UTC" not in reply


def test_buttons_carry_the_whole_command() -> None:
    assert {
        "Acknowledge": "inc-0123456789ab",
        "Silence 1h": "silence 1h baseten:proj42/job7f3a",
        "Logs": "logs baseten:proj42/job7f3a --start 2026-03-13T13:56:31Z --end 2026-03-13T14:02:43Z",
        "Silence for 4 hours": "silence 4h baseten:proj42/job7f3a",
        "Silence for 24 hours": "silence 1d baseten:proj42/job7f3a",
        "Stop watching here": "unwatch baseten:proj42/job7f3a",
    } == buttons(render_root(incident()))


@pytest.mark.parametrize("label", ["Silence 1h", "Logs", "Silence for 4 hours", "Stop watching here"])
def test_what_a_button_carries_can_be_typed(label: str) -> None:
    grammar.parse(buttons(render_root(incident()))[label])


def test_a_button_whose_command_does_not_fit_is_left_out() -> None:
    about = incident(of=replace(job(), ref=JobRef("x", "y" * 1990)))
    assert ["Acknowledge"] == list(buttons(render_root(about)))


def test_an_acknowledged_alert_says_who_has_it_and_asks_no_more() -> None:
    root = render_root(incident(alert(acknowledged_by="U0ANNA")))
    assert "👍 <@U0ANNA> has it" in shown(root)
    assert "Acknowledge" not in buttons(root)


def test_a_reply_shows_the_lines_with_their_times_and_says_what_it_leaves_out() -> None:
    reply = render_reply(job(), alert(evidence=errors(312)), NotifyReason.FIRST)
    assert "14:01:43 torch.OutOfMemoryError: CUDA out of memory." in shown(reply)
    assert "3 of 312 lines shown" in shown(reply)
    assert "all from `rank 3`" in shown(reply)


def test_ranks_stand_in_each_line_when_they_differ() -> None:
    lines = quoted(line("a", rank=0), line("b", rank=1, level=Level.ERROR))
    reply = render_reply(job(), alert(evidence=errors(lines=lines)), NotifyReason.FIRST)
    assert "14:02:31 rank 0 a\n14:02:31 rank 1 ERROR b" in shown(reply)


def test_more_alerts_than_a_phone_shows_are_counted() -> None:
    many = [replace(alert(), id=f"tw-{number}") for number in range(20)]
    assert "… and 13 more alerts in the thread" in shown(render_root(incident(*many)))


@pytest.mark.parametrize("severity", Severity)
def test_severity_is_seen_before_anything_is_read(severity: Severity) -> None:
    root = render_root(incident(alert(severity=severity)))
    assert {"page": "🔴", "warn": "🟠", "info": "🔵"}[severity] == root.text[0]


def test_a_line_that_stands_below_is_not_quoted_above_it() -> None:
    below = render_reply(job(), alert(), NotifyReason.FIRST)
    assert "3 error lines, newest:\n```" in shown(below)
    assert 1 == shown(below).count("torch.OutOfMemoryError")
    elsewhere = replace(errors(), lines=quoted(line("step 1")))
    told = shown(render_reply(job(), alert(evidence=elsewhere), NotifyReason.FIRST))
    assert "newest: torch.OutOfMemoryError: CUDA out of memory." in told


def test_a_source_is_named_once() -> None:
    told = shown(render_reply(job(), alert(), NotifyReason.FIRST))
    assert "all from `rank 3`" in told
    assert "*From:*" not in told


def test_once_it_is_known_what_broke_nobody_is_sent_to_read_the_log() -> None:
    cause = replace(alert(), title="GPU out of memory", severity=Severity.PAGE, evidence=replace(errors(), title="x"))
    about = incident(cause, failed(), of=job(JobState.FAILED))
    told = render_notification(notification(DeliveryKind.REPLY, about, alert_id=failed().id))
    assert "*Job failed*" in shown(told)
    assert "*Try:*" not in shown(told)
    alone = notification(DeliveryKind.REPLY, incident(failed(), of=job(JobState.FAILED)))
    assert "*Try:* Read the last lines in the thread." in shown(render_notification(alone))


def test_a_fact_is_worded_as_it_is_read() -> None:
    evidence = replace(errors(), facts=(("Back to normal at", "30%"),))
    assert "Back to normal at 30%" in shown(render_root(incident(alert(evidence=evidence))))


def test_a_reminder_is_heard_as_one() -> None:
    again = render_reply(job(), failed(), NotifyReason.REPEAT)
    assert again.text.startswith("🔴 Job failed: llama-8b-sft, since 13 Mar 14:02 UTC, still firing.")


@pytest.mark.parametrize("case", CASES)
def test_the_first_words_of_a_notification_name_the_job(case: str) -> None:
    assert "llama-8b-sft" in render_notification(CASES[case]).text[:100]
