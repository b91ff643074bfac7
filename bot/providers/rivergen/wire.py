"""What RiverGen's Model Studio sends, and what it means here. Pure; the requests are in `provider`.

Source: https://docs.rivergen.ai/docs/ai-docs/model-studio/api-reference/endpoints, pages training-metrics/get-logs,
/download-logs, /get-metrics and /details, registry-collaborators/training-runs, model-crud-dashboard/list-models (read
2026-11-20). Unknown fields are passed over; what a document promises may still be missing or null.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from bot.domain.durations import datetime_from_ns, format_duration, parse_rfc3339_ns, timestamp_parser
from bot.domain.jobs import Job, JobState
from bot.domain.logs import LogLine, parse_level
from bot.domain.metrics import MetricPoint, MetricSeries
from bot.providers.decoding import decode_body, with_texts
from bot.providers.rivergen.references import NAME, run_ref

_STATES = {
    "queued": JobState.QUEUED,
    "pending": JobState.QUEUED,
    "starting": JobState.STARTING,
    "initializing": JobState.STARTING,
    "running": JobState.RUNNING,
    "completed": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "timed_out": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "canceled": JobState.CANCELLED,
}
"""Documented: queued, running, completed, failed, cancelled. The others are assumed spellings."""


class WireLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a log; `line` counts from 1 over the whole log."""

    line: int | None = None
    level: str | None = None
    message: str | None = None
    timestamp: str | None = None


class LogChunk(msgspec.Struct, frozen=True):
    """A page of a log."""

    total_lines: int | None = None
    lines: list[WireLine] | None = None


class Numbered(NamedTuple):
    """A line with its number in the whole log, which identifies it."""

    number: int
    line: LogLine


class ResourceUsage(msgspec.Struct, frozen=True):
    """What a run used at most."""

    peak_cpu_percent: float | None = None
    peak_memory_mb: float | None = None
    worker_type: str | None = None


class Details(msgspec.Struct, frozen=True):
    """A run as its details page tells it."""

    run_id: str = ""
    status: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    duration_seconds: float | None = None
    pipeline_stages: dict[str, float | None] | None = None
    resource_usage: ResourceUsage | None = None
    dataset_id: str | None = None
    dataset_rows_used: int | None = None
    final_algorithm: str | None = None
    version_created: str | int | None = None
    error_message: str | None = None
    """Assumed: no document says where the reason of a failure stands."""


class Run(msgspec.Struct, frozen=True):
    """A run as the list of a model's runs tells it."""

    run_id: str = ""
    status: str | None = None
    run_label: str | None = None
    version_produced: str | int | None = None
    duration_seconds: float | None = None
    created_at: str | None = None
    completed_at: str | None = None
    created_by: str | None = None


class Runs(msgspec.Struct, frozen=True):
    """A page of a model's runs."""

    total: int = 0
    results: list[Run] | None = None


class Model(msgspec.Struct, frozen=True):
    """A model as the list of models tells it."""

    id: str = ""


class Models(msgspec.Struct, frozen=True):
    """A page of models."""

    total: int = 0
    results: list[Model] | None = None


class Metrics(msgspec.Struct, frozen=True):
    """A run's training metrics: values without times."""

    metrics: dict[str, list[float | None] | None] = {}
    epochs_completed: int | None = None


_CHUNK = msgspec.json.Decoder(LogChunk, strict=False)
_DETAILS = msgspec.json.Decoder(Details, strict=False)
_RUNS = msgspec.json.Decoder(Runs, strict=False)
_MODELS = msgspec.json.Decoder(Models, strict=False)
_METRICS = msgspec.json.Decoder(Metrics, strict=False)


def parse_state(word: str | None) -> JobState:
    """The state in our vocabulary; UNKNOWN for a word that no document names."""
    return _STATES.get((word or "").lower(), JobState.UNKNOWN)


def parse_chunk(body: bytes) -> LogChunk:
    """A page of a log.

    Raises:
        ProtocolError: the body is not what the document says. So do the other parse functions.
    """
    return decode_body(_CHUNK, body, NAME, lambda value: with_texts(value, "message", "level"))


def numbered_lines(chunk: LogChunk, offset: int) -> list[Numbered]:
    """A page's lines by number.

    A line without a number has that of its place; one without a readable time gets that of the line before it (the
    page's first: of the line after it), for its text may be the one that matters.
    """
    stamp_of = timestamp_parser()
    lines, numbered = chunk.lines or (), []
    found = [stamp_of(one.timestamp or "") for one in lines]
    stamp_ns = next((found_ns for found_ns in found if found_ns is not None), 0)
    for place, (one, found_ns) in enumerate(zip(lines, found, strict=True), start=offset + 1):
        stamp_ns = stamp_ns if found_ns is None else found_ns
        line = LogLine(stamp_ns, one.message or "", level=parse_level(one.level))
        numbered.append(Numbered(one.line or place, line))
    numbered.sort(key=lambda item: item.number)
    return numbered


def parse_runs(body: bytes) -> Runs:
    """A page of a model's runs, in the order asked for."""
    return decode_body(_RUNS, body, NAME)


def parse_models(body: bytes) -> list[str]:
    """Ids of a page of models."""
    return [model.id for model in decode_body(_MODELS, body, NAME).results or () if model.id]


def parse_details(body: bytes) -> Details:
    """A run's details."""
    return decode_body(_DETAILS, body, NAME)


def parse_metrics(body: bytes) -> list[MetricSeries]:
    """A run's training metrics by their vendor's names, each value at its epoch.

    The values are a uniform choice of the epochs, the last one among them, so the epoch follows from the place.
    A diverged run's NaN is kept: it is what a person looks for.
    """
    found = decode_body(_METRICS, body, NAME)
    series = []
    for name, values in found.metrics.items():
        count = len(values or ())
        epochs = max(found.epochs_completed or 0, count)
        points = tuple(
            MetricPoint(value, step=(place * epochs) // count)
            for place, value in enumerate(values or (), start=1)
            if value is not None
        )
        series.append(MetricSeries(name, points))
    return series


def job_from_run(model: str, run: Run) -> Job:
    """A run of the list in our vocabulary."""
    facts = (("Duration", _span(run.duration_seconds)), ("Version", run.version_produced))
    return Job(
        ref=run_ref(model, run.run_id),
        state=parse_state(run.status),
        vendor_status=run.status or "unknown",
        name=run.run_label or None,
        user=run.created_by or None,
        created_at=_moment(run.created_at),
        ended_at=_moment(run.completed_at),
        details=_shown(facts),
    )


def job_from_details(model: str, run_id: str, details: Details) -> Job:
    """A run of the details page in our vocabulary."""
    usage = details.resource_usage or ResourceUsage()
    stages = (details.pipeline_stages or {}).items()
    facts = (
        ("Duration", _span(details.duration_seconds)),
        *((f"Stage {name}", _span(seconds)) for name, seconds in stages),
        ("Peak CPU", None if usage.peak_cpu_percent is None else f"{usage.peak_cpu_percent:g} %"),
        ("Peak memory", None if usage.peak_memory_mb is None else f"{usage.peak_memory_mb:,.0f} MB"),
        ("Worker", usage.worker_type),
        ("Dataset", details.dataset_id),
        ("Dataset rows", details.dataset_rows_used),
        ("Algorithm", details.final_algorithm),
        ("Version", details.version_created),
    )
    return Job(
        ref=run_ref(model, run_id),
        state=parse_state(details.status),
        vendor_status=details.status or "unknown",
        error=details.error_message or None,
        started_at=_moment(details.started_at),
        ended_at=_moment(details.completed_at),
        details=_shown(facts),
    )


def _shown(facts: Iterable[tuple[str, str | int | None]]) -> tuple[tuple[str, str], ...]:
    return tuple((label, str(value)) for label, value in facts if value not in (None, ""))


def _span(seconds: float | None) -> str | None:
    return (
        None if seconds is None else format_duration(timedelta(seconds=seconds)) if seconds >= 60 else f"{seconds:g}s"
    )


def _moment(text: str | None) -> datetime | None:
    stamp = parse_rfc3339_ns(text or "")
    return None if stamp is None else datetime_from_ns(stamp)
