"""Deciding on one observation, without a network, a database or a clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.alerts import AlertState, DeliveryKind
from bot.domain.gaps import GapReason, Part
from bot.domain.jobs import JobState
from bot.domain.observations import Observation
from bot.domain.subscriptions import Subscription
from bot.domain.watches import ClaimedWatch, PollResult
from bot.watcher.decide import DecisionSettings, decide, last_message
from tests.unit.rules.observing import MINUTE, REF, START, gap, job, line

DRAIN = timedelta(seconds=90)
WATCH = ClaimedWatch(
    id=1,
    job=REF,
    token="t",
    fails=0,
    cursor=None,
    last_job=None,
    created_at=START,
    seen_at=None,
    subscriptions=(Subscription(1, "C1", REF, "U1", START),),
)


def poll(watch: ClaimedWatch, observation: Observation) -> tuple[PollResult, ClaimedWatch]:
    """Decide on one observation and store the result as the database would."""
    result = decide(watch, observation, None, None, DecisionSettings(DRAIN), jitter=0.5)
    changed = {one.id: one for one in result.incidents}
    kept = {one.id: one for one in watch.incidents} | changed
    alerts = {(one.rule, one.parameters_key): one for one in (*watch.alerts, *result.alerts)}
    return result, replace(
        watch,
        memory=result.memory,
        alerts=tuple(alerts.values()),
        last_job=result.last_job,
        incidents=tuple(one for one in kept.values() if one.resolved_at is None),
    )


def kinds(result: PollResult) -> list[str]:
    return [one.notification.kind.value for one in result.deliveries]


def test_an_error_and_a_failed_status_share_one_incident_until_the_job_is_unsubscribed() -> None:
    failed = job(JobState.FAILED, "TRAINING_JOB_FAILED")
    first, watch = poll(WATCH, Observation(REF, START, job(), (line("ERROR: disk"),)))
    second, watch = poll(watch, Observation(REF, START + MINUTE, failed))
    third, watch = poll(watch, Observation(REF, START + 3 * MINUTE, failed))

    assert kinds(first) == ["root", "reply"]
    assert kinds(second)[:1] == ["edit"]
    assert "reply" in kinds(second)
    assert not second.unsubscribe
    assert kinds(third) == ["edit", "reply"]
    assert third.unsubscribe
    assert len({one.id for result in (first, second, third) for one in result.incidents}) == 1


def test_unchanged_alerts_are_not_written_again() -> None:
    quiet, watch = poll(WATCH, Observation(REF, START, job()))
    broken, watch = poll(watch, Observation(REF, START + MINUTE, job(), (line("ERROR: disk"),)))
    after, _ = poll(watch, Observation(REF, START + 2 * MINUTE, job()))

    assert quiet.alerts == ()
    assert [one.rule for one in broken.alerts] == ["log_errors"]
    assert after.alerts == ()


def test_a_successful_job_is_unsubscribed_with_a_note() -> None:
    done = replace(job(JobState.SUCCEEDED, "TRAINING_JOB_COMPLETED"), ended_at=START)
    first, watch = poll(WATCH, Observation(REF, START, done))
    second, _ = poll(watch, Observation(REF, START + 2 * MINUTE, done))

    assert kinds(first) == []
    assert kinds(second) == ["note"]
    assert second.deliveries[0].notification.text == "llama finished after 3 h. This channel no longer watches it."


def test_a_successful_job_of_a_pattern_leaves_silently() -> None:
    watch = replace(WATCH, subscriptions=tuple(replace(one, pattern=7) for one in WATCH.subscriptions))
    done = replace(job(JobState.SUCCEEDED, "TRAINING_JOB_COMPLETED"), ended_at=START)
    _, watch = poll(watch, Observation(REF, START, done))
    last, _ = poll(watch, Observation(REF, START + 2 * MINUTE, done))

    assert (kinds(last), last.unsubscribe) == ([], True)


def test_late_lines_are_read_before_the_last_message() -> None:
    done = job(JobState.SUCCEEDED, "TRAINING_JOB_COMPLETED")
    _, watch = poll(WATCH, Observation(REF, START, done))
    late, watch = poll(watch, Observation(REF, START + MINUTE, done, (line("ERROR: late"),)))

    assert kinds(late) == ["root", "reply"]


def test_a_job_is_not_unsubscribed_before_its_log_is_read() -> None:
    done = job(JobState.SUCCEEDED, "TRAINING_JOB_COMPLETED")
    _, watch = poll(WATCH, Observation(REF, START, done))

    result, _ = poll(watch, Observation(REF, START + 2 * MINUTE, done, more=True))

    assert not result.unsubscribe


def test_an_unreadable_log_is_given_up_with_a_note() -> None:
    done = job(JobState.SUCCEEDED, "TRAINING_JOB_COMPLETED")
    hidden = Observation(REF, START + 20 * MINUTE, done, gaps=(gap(Part.LOGS),))
    _, watch = poll(WATCH, Observation(REF, START, done))

    result, _ = poll(watch, hidden)

    assert result.unsubscribe
    assert any("could not be read" in (one.notification.text or "") for one in result.deliveries)


def test_an_outage_freezes_alerts_and_causes_one_of_its_own() -> None:
    blind = (gap(Part.STATUS), gap(Part.LOGS))
    _, watch = poll(WATCH, Observation(REF, START, job(), (line("ERROR: disk"),)))
    _, watch = poll(watch, Observation(REF, START + 20 * MINUTE, None, gaps=blind))
    still = next(one for one in watch.alerts if one.rule == "log_errors")
    notified, watch = poll(watch, Observation(REF, START + 26 * MINUTE, None, gaps=blind))
    groups = sorted(one.group for one in watch.incidents)
    back, watch = poll(watch, Observation(REF, START + 30 * MINUTE, job()))

    assert still.state is AlertState.FIRING
    assert kinds(notified) == ["root"]
    assert groups == ["", "platform:baseten"]
    assert "edit" in kinds(back)


def test_an_unsupported_part_is_not_an_outage() -> None:
    missing = (gap(Part.METRICS, GapReason.NOT_SUPPORTED),)

    _, watch = poll(WATCH, Observation(REF, START, job(), gaps=missing))
    result, _ = poll(watch, Observation(REF, START + 60 * MINUTE, job(), gaps=missing))

    assert kinds(result) == []


def test_every_channel_gets_its_own_incident() -> None:
    two = replace(WATCH, subscriptions=tuple(Subscription(n, f"C{n}", REF, "U", START) for n in (1, 2)))

    result, _ = poll(two, Observation(REF, START, job(), (line("ERROR: disk"),)))

    assert {one.channel for one in result.incidents} == {"C1", "C2"}
    assert [one.notification.kind for one in result.deliveries].count(DeliveryKind.ROOT) == 2


def test_unsubscribed_channels_have_their_incident_closed() -> None:
    _, watch = poll(WATCH, Observation(REF, START, job(), (line("ERROR: disk"),)))

    result, _ = poll(replace(watch, subscriptions=()), Observation(REF, START + MINUTE, job()))

    assert kinds(result) == ["edit", "reply"]
    assert result.unsubscribe


def test_the_last_message_names_the_state() -> None:
    assert last_message(job(JobState.PREEMPTED), is_log_read=True).startswith("llama was preempted")


def test_the_last_message_has_the_reason_of_a_failure() -> None:
    failed, pending = replace(job(JobState.FAILED), error="Exit code 1."), replace(job(), error="Pulling the image.")
    assert ": Exit code 1. This channel no longer watches it." in last_message(failed, is_log_read=True)
    assert "Pulling" not in last_message(pending, is_log_read=True)
