"""Domain values to render, at a fixed time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.alerts import (
    DeliveryKind,
    Evidence,
    ExcerptLine,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Severity,
)
from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef, JobState, Resources
from bot.domain.logs import Level, LogLine

NOW = datetime(2026, 3, 13, 14, 2, 31, tzinfo=UTC)
REF = JobRef("baseten", "proj42/job7f3a")
HOSTILE = (
    "<!channel> <!here|x> <@U0ATTACK1> <#C1> <https://evil.example|click> &amp; & < > ``` ```` ` \x1b[31mred\x1b[0m "
    "\x00\x07\x7f\x85 \ud800 \u202etxt\u202c *b* _i_ ~s~ :fire: |pipe\r\nnext\rcarriage"
)


def at(minutes: float) -> datetime:
    """Minutes after NOW."""
    return NOW + timedelta(minutes=minutes)


def line(
    text: str,
    minutes: float = 0,
    rank: int | None = 3,
    replica: str | None = None,
    level: Level | None = None,
) -> LogLine:
    """A log line."""
    return LogLine(ns_from_datetime(at(minutes)), text, rank=rank, replica=replica, level=level)


def quoted(*lines: LogLine) -> tuple[ExcerptLine, ...]:
    """Log lines as evidence."""
    return tuple(ExcerptLine.of(one, max_chars=2000) for one in lines)


def job(state: JobState = JobState.RUNNING, name: str | None = "llama-8b-sft") -> Job:
    """A job with every field that a platform may set."""
    return Job(
        ref=REF,
        state=state,
        vendor_status=f"TRAINING_JOB_{state.upper()}",
        name=name,
        url="https://app.baseten.co/training/proj42/logs/job7f3a",
        created_at=at(-200),
        started_at=at(-190),
        resources=Resources(
            instance="H100:8x80", node_count=1, gpu_count=8, gpu_type="H100", gpu_memory_limit_bytes=80 * 2**30
        ),
    )


def errors(count: int = 3, lines: tuple[ExcerptLine, ...] | None = None) -> Evidence:
    """Evidence of the rule for error lines."""
    excerpt = (
        lines
        if lines is not None
        else quoted(
            line("Traceback (most recent call last):", -1),
            line('  File "train.py", line 88, in step\n    loss.backward()', -0.9),
            line("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.", -0.8, level=Level.ERROR),
        )
    )
    return Evidence(
        summary=f"{count} error lines, newest: torch.OutOfMemoryError: CUDA out of memory.",
        lines=excerpt,
        count=count,
        facts=(("From", "rank 3"), ("Rank", "3 of 8")),
        hint="Lower the micro-batch or shard the optimiser.",
        first_at=at(-1),
        last_at=at(-0.8),
    )


def alert(name: str = "tw-3f9c2ab1d00e", **changes: object) -> IncidentAlert:
    """An alert for error lines."""
    made = IncidentAlert(name, "log_errors", "Errors in the log", Severity.WARN, at(0), errors())
    return replace(made, **changes)  # type: ignore[arg-type]


def failed() -> IncidentAlert:
    """An alert for a failed job."""
    evidence = Evidence(
        summary="The platform reports: TRAINING_JOB_FAILED.",
        facts=(("Status", "TRAINING_JOB_FAILED"), ("Ran for", "3 h 10 min")),
        hint="Read the last lines in the thread.",
        count=1,
        first_at=at(0),
        last_at=at(0),
    )
    return IncidentAlert("tw-00aa11bb22cc", "job_failed", "Job failed", Severity.PAGE, at(1), evidence)


def incident(*alerts: IncidentAlert, of: Job | None = None) -> Incident:
    """An incident of these alerts."""
    resolved = bool(alerts) and all(one.resolved_at for one in alerts)
    return Incident(
        "inc-0123456789ab", "C0RUNS", of or job(), at(0), alerts or (alert(),), at(12) if resolved else None
    )


def notification(kind: DeliveryKind, about: Incident | None = None, **changes: object) -> Notification:
    """A notification of an incident."""
    about = about if about is not None else incident()
    made = Notification(kind, NotifyReason.FIRST, about.job, about, about.alerts[0].id)
    return replace(made, **changes)  # type: ignore[arg-type]
