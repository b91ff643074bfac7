"""Conditions on job state, error lines and outages: findings, clear and unknown verdicts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Clear, Finding, Memory, Severity, Unknown
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import JobState, Resources
from bot.domain.logs import Level
from bot.domain.observations import Observation
from bot.rules.catalog import RULES
from bot.rules.conditions.job_state import failed_state
from bot.rules.conditions.log_errors import error_lines, is_error
from bot.rules.conditions.visibility import no_data, unreachable_lines
from tests.unit.rules.observing import MINUTE, REF, START, context, gap, job, line


@pytest.mark.parametrize(
    ("state", "severity"),
    [(JobState.FAILED, Severity.PAGE), (JobState.PREEMPTED, Severity.PAGE), (JobState.UNHEALTHY, Severity.WARN)],
)
def test_every_failing_state_is_a_finding(state: JobState, severity: Severity) -> None:
    verdict, _ = failed_state(context("job_failed", Observation(REF, START, job(state, "TRAINING_JOB_X", "boom"))))

    assert isinstance(verdict, Finding)
    assert verdict.severity is severity
    assert verdict.evidence.summary == "boom"
    assert ("Status", "TRAINING_JOB_X") in verdict.evidence.facts


@pytest.mark.parametrize(
    "state", [one for one in JobState if one not in (JobState.FAILED, JobState.PREEMPTED, JobState.UNHEALTHY)]
)
def test_other_states_are_clear_even_with_a_message(state: JobState) -> None:
    observation = Observation(REF, START, job(state, "X", "a hint about spot capacity"))

    assert isinstance(failed_state(context("job_failed", observation))[0], Clear)


def test_an_unreadable_status_is_unknown() -> None:
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
def test_error_levels_are_recognized(message: str) -> None:
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
def test_mentions_of_errors_are_not_errors(message: str) -> None:
    assert not is_error(line(message))


def test_the_platforms_level_takes_precedence() -> None:
    assert is_error(line("all is well", level=Level.ERROR))
    assert not is_error(line("ERROR: quoted", level=Level.INFO))


def test_errors_are_counted_and_new_messages_notify_once() -> None:
    memory: Memory = {}
    found = []
    for minute, messages in enumerate([["ERROR: disk 1"], ["ERROR: disk 2"], ["ERROR: other"]]):
        observation = Observation(
            REF, START + minute * MINUTE, job(), tuple(line(text, second=60 * minute) for text in messages)
        )
        verdict, memory = error_lines(context("log_errors", observation, memory=memory))
        assert isinstance(verdict, Finding)
        found.append((verdict.evidence.count, verdict.notify))

    assert found == [(1, True), (2, False), (3, True)]


def test_counting_starts_again_after_the_quiet_time() -> None:
    first = Observation(REF, START, job(), (line("ERROR: a"),))
    _, memory = error_lines(context("log_errors", first))
    later = Observation(REF, START + timedelta(hours=1), job(), (line("ERROR: a"),))

    verdict, _ = error_lines(context("log_errors", later, memory=memory))

    assert isinstance(verdict, Finding)
    assert (verdict.evidence.count, verdict.notify) == (1, True)


def test_ignored_lines_do_not_count() -> None:
    observation = Observation(REF, START, job(), (line("ERROR: wandb sync"),))

    assert isinstance(error_lines(context("log_errors", observation, {"ignore": "wandb"}))[0], Clear)


def test_an_unreadable_log_is_unknown() -> None:
    observation = Observation(REF, START, job(), gaps=(gap(Part.LOGS),))

    assert isinstance(error_lines(context("log_errors", observation))[0], Unknown)


def test_an_unsupported_part_is_clear() -> None:
    observation = Observation(REF, START, job(), gaps=(gap(Part.METRICS, GapReason.NOT_SUPPORTED),))

    assert isinstance(no_data(context("no_data", observation))[0], Clear)


def test_an_outage_keeps_its_start() -> None:
    memory: Memory = {}
    for minute in range(3):
        observation = Observation(REF, START + minute * MINUTE, None, gaps=(gap(Part.STATUS), gap(Part.LOGS)))
        verdict, memory = no_data(context("no_data", observation, memory=memory))

    assert isinstance(verdict, Finding)
    assert verdict.evidence.summary == "Unable to read this job's logs and status."


def test_unreachable_lines_are_counted() -> None:
    missing = Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, "one millisecond holds more lines than a page", 250)

    verdict, _ = unreachable_lines(context("log_gap", Observation(REF, START, job(), gaps=(missing,))))

    assert isinstance(verdict, Finding)
    assert verdict.evidence.summary.startswith("At least 250 log lines cannot be read")


def test_quiet_after_counts_once() -> None:
    """The condition of a diagnosed failure applies it; the lifecycle does not add to it."""
    quiet = {rule.name: rule.timing(rule.fill({})).keep_firing_for for rule in RULES}

    assert quiet["failure"] == timedelta(0)
    assert quiet["log_errors"] == timedelta(minutes=15)


def test_a_failed_job_names_the_cause_that_the_log_shows() -> None:
    cause = Failure(
        severity=Severity.PAGE,
        category="gpu_memory",
        signature="cuda_oom",
        title="GPU out of memory",
        hint="Use a smaller batch.",
        line=7,
        ranks=(3,),
        excerpt=("[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.91 GiB.",),
        root_index=0,
    )
    of_eight = replace(job(JobState.FAILED, "FAILED", "exit code 1"), resources=Resources(gpu_count=8))
    asked = context("job_failed", Observation(REF, START, of_eight))
    verdict, _ = failed_state(replace(asked, diagnosis=Diagnosis((cause,))))

    assert isinstance(verdict, Finding)
    evidence = verdict.evidence
    assert (evidence.summary, evidence.hint) == ("exit code 1", "Use a smaller batch.")
    assert dict(evidence.facts) | {"Ran for": ""} == {
        "Status": "FAILED",
        "Ran for": "",
        "Cause": "GPU out of memory",
        "Decisive line": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.91 GiB.",
        "Rank": "3 of 8",
    }
