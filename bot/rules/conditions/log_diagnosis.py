"""Conditions on the diagnosis of the log (`bot.diagnosis`): a known failure, a hang, or a bad loss.

Three rules share one diagnosis and differ only in its categories, so that a channel can switch each of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.reading.plain_message import plain_message
from bot.domain.alerts import Clear, Evidence, ExcerptLine, Finding, Severity, Unknown, Verdict
from bot.domain.charts import LineChart
from bot.domain.durations import datetime_from_ns
from bot.domain.progress import position_text
from bot.domain.trace_charts import loss_chart, steps_chart
from bot.rules.diagnosis_wording import decisive_text, describe_reason, rank_label, ranks_of_total
from bot.rules.metrics.causes import GUESSES, Cause
from bot.rules.metrics.gpu_activity import GpuActivity, gpu_activity
from bot.rules.metrics.log_warnings import waits_for_data
from bot.rules.rule import Condition, Context, with_state
from bot.rules.shared_causes import find_shared_cause

HANG = frozenset({"hang"})
NUMERICS = frozenset({"numerics"})
MAX_EXCERPT = 20
"""Lines of evidence in one notification."""
MAX_LINE = 200
NO_PROGRESS = "no_progress"
"""The signature of a run whose steps stopped."""
MAX_TITLES = 50
"""Failures kept; the oldest are dropped."""


class DiagnosisState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What these rules keep between polls."""

    titles: dict[str, str] = msgspec.field(default_factory=dict, name="told")
    """Fingerprint to the title of its first notification: "No new step for 5 min" does not change every minute."""
    activity: str = ""
    """What the GPUs do while the run hangs, as a GpuActivity; text, because another version may have stored it."""
    activity_text: str = ""
    newest_line: str = ""
    """The newest line after the last step when the hang was first notified."""


def diagnosed(belongs: Callable[[str], bool]) -> Condition:
    """Return a condition that holds while the diagnosis has a page or a warning of a category that `belongs`."""

    @with_state(DiagnosisState)
    def condition(context: Context, state: DiagnosisState) -> tuple[Verdict, DiagnosisState]:
        if context.diagnosis is None:
            return Unknown(), state
        failures = _recent(context, context.diagnosis, belongs)
        if not failures:
            return Clear(), _without_hang(state)
        new = {one.fingerprint: one.title for one in failures if one.fingerprint not in state.titles}
        titles = dict([*state.titles.items(), *new.items()][-MAX_TITLES:])
        named = [replace(one, title=titles.get(one.fingerprint, one.title)) for one in failures]
        stopped = _stopped(context, state, failures[0]) if failures[0].signature == NO_PROGRESS else DiagnosisState()
        after = msgspec.structs.replace(stopped, titles=titles)
        evidence = replace(_evidence(named, context, after), chart=_chart(failures[0], context))
        return Finding(evidence, failures[0].severity, notify=bool(new)), after

    return condition


failure = diagnosed(lambda category: category not in HANG | NUMERICS)
hang = diagnosed(HANG.__contains__)
numerics = diagnosed(NUMERICS.__contains__)


def _recent(context: Context, diagnosis: Diagnosis, belongs: Callable[[str], bool]) -> list[Failure]:
    """Return pages and warnings, worst first; while the job runs, only those seen within `quiet_after`."""
    quiet_after = context.span("quiet_after")
    job = context.observation.job
    has_ended = job is not None and job.state.is_terminal
    return [
        one
        for one in diagnosis.failures
        if one.severity is not Severity.INFO
        and belongs(one.category)
        and (has_ended or _is_recent(one, context.observation.at, quiet_after))
    ]


def _is_recent(failure: Failure, now: datetime, quiet_after: timedelta) -> bool:
    return failure.last_ns is None or now - datetime_from_ns(failure.last_ns) < quiet_after


def _without_hang(state: DiagnosisState) -> DiagnosisState:
    """Forget a hang that ended: the next one stops at another step."""
    return DiagnosisState(
        {fingerprint: title for fingerprint, title in state.titles.items() if fingerprint != NO_PROGRESS}
    )


def _stopped(context: Context, state: DiagnosisState, hang: Failure) -> DiagnosisState:
    """What the GPUs do, and the newest line, as first seen: a change at each poll would edit the message each time."""
    assert context.diagnosis is not None
    newest = state.newest_line or (plain_message(hang.excerpt[-1], MAX_LINE) if len(hang.excerpt) > 1 else "")
    seen = gpu_activity(context.observation.series, context.diagnosis.progress.last_at, context.observation.at)
    if seen is None or seen[0] == state.activity:
        return DiagnosisState({}, state.activity, state.activity_text, newest)
    return DiagnosisState({}, *seen, newest)


def _evidence(failures: list[Failure], context: Context, state: DiagnosisState) -> Evidence:
    """Describe the worst failure in full and the others by title."""
    worst, others = failures[0], failures[1:]
    root = worst.root_index
    facts = [(rank_label(worst), ranks_of_total(worst, context.observation.job))] if worst.ranks else []
    facts += [("Occurrences", f"{worst.count:,}")] if worst.count > 1 else []
    is_stopped = worst.signature == NO_PROGRESS
    position = position_text(context.diagnosis.progress) if is_stopped and context.diagnosis else ""
    facts += [("Stopped after", position)] if position and state.activity_text else []
    facts += [("Newest line", state.newest_line)] if state.newest_line else []
    facts.append(("Why this", describe_reason(worst)))
    if others:
        facts.append(("Also", "; ".join(sorted({one.title for one in others})[:4])))
    return Evidence(
        summary=_stop_summary(position, state.activity_text) if is_stopped else decisive_text(worst),
        title=worst.title,
        lines=() if is_stopped else tuple(ExcerptLine(text[:2000]) for text in worst.excerpt[:MAX_EXCERPT]),
        count=worst.count,
        facts=tuple(facts),
        hint=_wait_hint(state) or worst.hint,
        first_at=datetime_from_ns(worst.first_ns) if worst.first_ns is not None else None,
        last_at=_last_at(worst),
        root=root if root is not None and root < MAX_EXCERPT and not is_stopped else None,
        group=find_shared_cause(worst.signature, _root_first(worst)),
        verdict=worst.verdict,
    )


def _chart(worst: Failure, context: Context) -> LineChart | None:
    """What led to it: the steps of a run that stopped, or the loss."""
    stopped_at = context.diagnosis.progress.last_at if context.diagnosis else None
    if worst.category in HANG and stopped_at is not None:
        return steps_chart(context.trace, stopped_at, context.observation.at)
    if worst.category in NUMERICS:
        return loss_chart(context.trace, None if worst.first_ns is None else datetime_from_ns(worst.first_ns))
    return None


def _root_first(failure: Failure) -> Iterator[str]:
    """The lines of the excerpt, the decisive one first."""
    if failure.root_index is not None and failure.root_index < len(failure.excerpt):
        yield failure.excerpt[failure.root_index]
    yield from failure.excerpt


def _wait_hint(state: DiagnosisState) -> str | None:
    """What to try if the GPUs idle, and the newest line says that the run waits for data: a collective would spin."""
    is_waiting = state.activity == GpuActivity.IDLE and waits_for_data(state.newest_line)
    return GUESSES[Cause.DATA_WAITS].hint if is_waiting else None


def _stop_summary(position: str, activity: str) -> str:
    """Say what the GPUs do, else where the run stopped: no line of the log shows a hang."""
    return activity or (f"Stopped after {position}." if position else "No new step.")


def _last_at(failure: Failure) -> datetime | None:
    """When it was last seen; None for a hang, which every poll sees, so that the evidence does not change each time."""
    if failure.last_ns is None or failure.category in HANG:
        return None
    return datetime_from_ns(failure.last_ns)
