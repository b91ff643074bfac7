"""Conditions: what holds, what does not, and what cannot be known."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.domain.alerts import Clear, Finding, Memory, Severity, Unknown, Verdict
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import JobState
from bot.domain.logs import Level
from bot.domain.metrics import MetricSeries
from bot.domain.observations import Observation
from bot.domain.subscriptions import Setting
from bot.rules.job_state import failed_state
from bot.rules.log_health import error_lines, is_error
from bot.rules.metric_health import low_gpu_utilization
from bot.rules.visibility import no_data, unreachable_lines
from tests.unit.rules.observing import MINUTE, REF, START, context, gap, gpu, job, line


@pytest.mark.parametrize(
    ("state", "severity"),
    [(JobState.FAILED, Severity.PAGE), (JobState.PREEMPTED, Severity.PAGE), (JobState.UNHEALTHY, Severity.WARN)],
)
def test_every_failing_state_is_found(state: JobState, severity: Severity) -> None:
    verdict, _ = failed_state(context("job_failed", Observation(REF, START, job(state, "TRAINING_JOB_X", "boom"))))

    assert isinstance(verdict, Finding)
    assert verdict.severity is severity
    assert ("The platform says", "boom") in verdict.evidence.facts


@pytest.mark.parametrize(
    "state", [one for one in JobState if one not in (JobState.FAILED, JobState.PREEMPTED, JobState.UNHEALTHY)]
)
def test_other_states_are_clear_even_with_a_message(state: JobState) -> None:
    observation = Observation(REF, START, job(state, "X", "a hint about spot capacity"))

    assert isinstance(failed_state(context("job_failed", observation))[0], Clear)


def test_a_status_that_cannot_be_read_is_unknown() -> None:
    observation = Observation(REF, START, None, gaps=(gap(Part.STATUS),))

    assert isinstance(failed_state(context("job_failed", observation))[0], Unknown)


@pytest.mark.parametrize(
    "message",
    [
        "2026-03-13T10:00:00.123Z [ERROR] checkpoint failed",
        "ERROR: something",
        "2026-03-13 10:00:00,123 - trainer - ERROR - lost",
        "2026-03-13 10:00:00 | ERROR    | app:run:12 - lost",
        "E0426 10:11:12.123 1 coordinator.cc:1] lost",
        "[rank3]: CRITICAL: lost",
        'time=x level=error msg="lost"',
    ],
)
def test_lines_that_say_they_are_errors(message: str) -> None:
    assert is_error(line(message))


@pytest.mark.parametrize(
    "message",
    [
        "eval_error: 0.06",
        "NO ERRORS, SUCCESS",
        "Failed: 0, error_rate=0.01",
        "Environment variable NCCL_ASYNC_ERROR_HANDLING is deprecated",
        "INFO: retrying after ERROR in the last request",
        "step 400 loss 2.31",
        "oom 0",
        "Traceback (most recent call last):",
    ],
)
def test_lines_that_only_mention_errors(message: str) -> None:
    assert not is_error(line(message))


def test_the_platforms_level_wins() -> None:
    assert is_error(line("all is well", level=Level.ERROR))
    assert not is_error(line("ERROR: quoted", level=Level.INFO))


def test_error_lines_count_an_episode_and_tell_new_messages_once() -> None:
    memory: Memory = {}
    told = []
    for minute, messages in enumerate([["ERROR: disk 1"], ["ERROR: disk 2"], ["ERROR: other"]]):
        observation = Observation(
            REF, START + minute * MINUTE, job(), tuple(line(text, second=60 * minute) for text in messages)
        )
        verdict, memory = error_lines(context("log_errors", observation, memory=memory))
        assert isinstance(verdict, Finding)
        told.append((verdict.evidence.count, verdict.news))

    assert told == [(1, True), (2, False), (3, True)]


def test_an_episode_ends_after_the_quiet_time() -> None:
    first = Observation(REF, START, job(), (line("ERROR: a"),))
    _, memory = error_lines(context("log_errors", first))
    later = Observation(REF, START + timedelta(hours=1), job(), (line("ERROR: a"),))

    verdict, _ = error_lines(context("log_errors", later, memory=memory))

    assert isinstance(verdict, Finding)
    assert (verdict.evidence.count, verdict.news) == (1, True)


def test_ignored_lines_are_no_errors() -> None:
    observation = Observation(REF, START, job(), (line("ERROR: wandb sync"),))

    assert isinstance(error_lines(context("log_errors", observation, {"ignore": "wandb"}))[0], Clear)


def test_a_log_that_cannot_be_read_is_unknown() -> None:
    observation = Observation(REF, START, job(), gaps=(gap(Part.LOGS),))

    assert isinstance(error_lines(context("log_errors", observation))[0], Unknown)


SETTINGS: dict[str, Setting] = {"for": 300.0, "warmup": 0.0}


def watch_gpus(*polls: tuple[MetricSeries, ...], settings: dict[str, Setting] | None = None) -> list[Verdict]:
    """Feed polls five minutes apart; the memory goes through JSON as it does in the database."""
    memory: Memory = {}
    verdicts: list[Verdict] = []
    for index, series in enumerate(polls):
        observation = Observation(REF, START + (index + 1) * 5 * MINUTE, job(), series=series)
        chosen = SETTINGS if settings is None else settings
        verdict, memory = low_gpu_utilization(context("low_gpu_utilization", observation, chosen, memory))
        memory = json.loads(json.dumps(memory))
        verdicts.append(verdict)
    return verdicts


def at(minute: int, *values: float, index: int = 0) -> MetricSeries:
    return gpu(values, index=index, start=START + minute * MINUTE)


def test_low_for_the_hold_time_is_found_and_names_the_gpu() -> None:
    (verdict,) = watch_gpus((at(0, *[0.9] * 6), at(0, *[0.05] * 6, index=3)))

    assert isinstance(verdict, Finding)
    assert ("Low", "GPU 3") in verdict.evidence.facts
    assert verdict.evidence.first_at == START


def test_low_for_less_than_the_hold_time_is_clear() -> None:
    assert isinstance(watch_gpus((at(0, *[0.05] * 5),))[0], Clear)


def test_one_good_sample_starts_the_hold_again() -> None:
    assert isinstance(watch_gpus((at(0, 0.05, 0.05, 0.05, 0.9, 0.05, 0.05),))[0], Clear)


def test_two_gpus_that_take_turns_are_not_one_that_is_low() -> None:
    taking_turns = (at(0, 0.05, 0.05, 0.05, 0.9, 0.9, 0.9), at(0, 0.9, 0.9, 0.9, 0.05, 0.05, 0.05, index=1))

    assert isinstance(watch_gpus(taking_turns)[0], Clear)


def test_between_threshold_and_recovery_it_stays_low() -> None:
    polls = ((at(0, *[0.05] * 6),), (at(6, 0.25, 0.25),), (at(8, 0.35),))

    assert [Finding, Finding, Clear] == [type(verdict) for verdict in watch_gpus(*polls)]


def test_time_without_samples_is_not_low_time() -> None:
    assert isinstance(watch_gpus((at(0, 0.05),), (at(9, 0.05),))[1], Clear)


def test_no_series_is_unknown_never_low() -> None:
    assert [Unknown, Unknown] == [type(verdict) for verdict in watch_gpus((), (gpu(()),))]


def test_stale_samples_are_unknown() -> None:
    assert isinstance(watch_gpus((at(-30, *[0.05] * 6),))[0], Unknown)


def test_warm_up_is_not_judged() -> None:
    settings: dict[str, Setting] = {"for": 300.0, "warmup": 600.0}

    assert isinstance(watch_gpus((at(0, *[0.0] * 6),), settings=settings)[0], Clear)


def test_nodes_are_judged_apart() -> None:
    series = (gpu([0.05] * 6, node="node-1"), gpu([0.9] * 6, node="node-0"))

    (verdict,) = watch_gpus(series)

    assert isinstance(verdict, Finding)
    assert ("Low", "node-1 GPU 0") in verdict.evidence.facts


def test_samples_read_twice_count_once_and_polls_may_overlap() -> None:
    series = (at(0, *[0.05] * 6),)

    assert [Finding, Finding] == [type(verdict) for verdict in watch_gpus(series, series)]


def test_a_job_that_is_not_running_is_not_judged() -> None:
    for state, expected in ((JobState.QUEUED, Clear), (JobState.SUCCEEDED, Clear), (JobState.UNKNOWN, Unknown)):
        observation = Observation(REF, START + 6 * MINUTE, job(state), series=(at(0, *[0.0] * 6),))
        verdict, _ = low_gpu_utilization(context("low_gpu_utilization", observation, SETTINGS))
        assert expected is type(verdict)


def test_a_part_that_the_platform_does_not_offer_is_no_blindness() -> None:
    observation = Observation(REF, START, job(), gaps=(gap(Part.METRICS, GapReason.NOT_SUPPORTED),))

    assert isinstance(no_data(context("no_data", observation))[0], Clear)


def test_blindness_keeps_its_beginning() -> None:
    memory: Memory = {}
    for minute in range(3):
        observation = Observation(REF, START + minute * MINUTE, None, gaps=(gap(Part.STATUS), gap(Part.LOGS)))
        verdict, memory = no_data(context("no_data", observation, memory=memory))

    assert isinstance(verdict, Finding)
    assert verdict.evidence.summary == "I cannot see this job's logs and status since 10:00 UTC."


def test_lines_out_of_reach_are_said_with_their_number() -> None:
    missing = Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, "one millisecond holds more lines than a page", 250)

    verdict, _ = unreachable_lines(context("log_gap", Observation(REF, START, job(), gaps=(missing,))))

    assert isinstance(verdict, Finding)
    assert verdict.evidence.summary.startswith("At least 250 log lines cannot be read")
