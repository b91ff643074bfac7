"""Parse the responses of RiverGen's Model Studio. Pure.

Source: https://docs.rivergen.ai/docs/ai-docs/model-studio/api-reference/endpoints, pages training-metrics/get-logs,
/download-logs, /get-metrics and /details, registry-collaborators/training-runs, model-crud-dashboard/list-models (read
2026-11-20). Unknown fields are ignored; documented fields may still be missing or null.
"""

from datetime import timedelta
from typing import NamedTuple

import msgspec

from bot.domain.durations import spoken_duration, timestamp_parser
from bot.domain.jobs import Job, JobState
from bot.domain.logs import LogLine, parse_level
from bot.domain.metric_validation import validate_series
from bot.domain.metrics import MetricPoint, MetricSeries
from bot.providers.decoding import by_word, decode_body, details_of, fill_timestamps, parse_time, with_texts
from bot.providers.rivergen.references import NAME, run_ref

_STATES = by_word(
    {
        JobState.QUEUED: "queued pending",
        JobState.STARTING: "starting initializing",
        JobState.RUNNING: "running",
        JobState.SUCCEEDED: "completed",
        JobState.FAILED: "failed timed_out",
        JobState.CANCELLED: "cancelled canceled",
    }
)
"""Documented: queued, running, completed, failed, cancelled. The others are assumed spellings."""


class LogRecord(msgspec.Struct, frozen=True, gc=False):
    """One line of a log; `line` is its number in the whole log, from 1."""

    line: int | None = None
    level: str | None = None
    message: str | None = None
    timestamp: str | None = None


class LogChunk(msgspec.Struct, frozen=True):
    """A page of a log."""

    total_lines: int | None = None
    lines: list[LogRecord] | None = None


class NumberedLine(NamedTuple):
    """A line and its number in the whole log, which identifies it."""

    number: int
    line: LogLine


class ResourceUsage(msgspec.Struct, frozen=True):
    """The peak resource usage of a run."""

    peak_cpu_percent: float | None = None
    peak_memory_mb: float | None = None
    worker_type: str | None = None


class Details(msgspec.Struct, frozen=True):
    """A run on its details page."""

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
    """Assumed: the field with the reason of a failure is not documented."""


class Run(msgspec.Struct, frozen=True):
    """A run in the list of a model's runs."""

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

    results: list[Run] | None = None


class Model(msgspec.Struct, frozen=True):
    """A model in the list of models."""

    id: str = ""


class Models(msgspec.Struct, frozen=True):
    """A page of models."""

    results: list[Model] | None = None


class Metrics(msgspec.Struct, frozen=True):
    """A run's training metrics: values without times."""

    metrics: dict[str, list[float | None] | None] = {}
    epochs_completed: int | None = None


def run_state(word: str | None) -> JobState:
    """Return the state that a status means; UNKNOWN for an undocumented one."""
    return _STATES.get((word or "").lower(), JobState.UNKNOWN)


def parse_chunk(body: bytes) -> LogChunk:
    """Parse a page of a log. Like the other parse functions, raises ProtocolError for any other body."""
    return decode_body(LogChunk, body, NAME, lambda value: with_texts(value, "message", "level", "timestamp"))


def numbered_lines(chunk: LogChunk, offset: int, default_ns: int = 0) -> list[NumberedLine]:
    """Convert a page's lines, in order of number.

    A line without a number gets it from its offset. A line without a readable timestamp keeps its text, which may be
    the one that matters: see `fill_timestamps`. On a page without any, all lines have the time `default_ns`.
    """
    parse_timestamp = timestamp_parser()
    records = chunk.lines or ()
    stamps = fill_timestamps([parse_timestamp(record.timestamp or "") for record in records], default_ns)
    numbered = [
        NumberedLine(record.line or index, LogLine(stamp_ns, record.message or "", level=parse_level(record.level)))
        for index, (record, stamp_ns) in enumerate(zip(records, stamps, strict=True), start=offset + 1)
    ]
    numbered.sort(key=lambda item: item.number)
    return numbered


def parse_runs(body: bytes) -> list[Run]:
    """Parse a page of a model's runs."""
    return [run for run in decode_body(Runs, body, NAME).results or () if run.run_id]


def parse_models(body: bytes) -> list[str]:
    """Parse the ids of a page of models."""
    return [model.id for model in decode_body(Models, body, NAME).results or () if model.id]


def parse_details(body: bytes) -> Details:
    """Parse the details of a run."""
    return decode_body(Details, body, NAME)


def parse_training_metrics(body: bytes) -> list[MetricSeries]:
    """Parse a run's training metrics, by the vendor's names, each value at its epoch.

    The values are evenly chosen from the epochs, including the last, so the epoch follows from the index. The NaN of
    a diverged run is kept.
    """
    found = decode_body(Metrics, body, NAME)
    series = []
    for name, values in found.metrics.items():
        count = len(values or ())
        epochs = max(found.epochs_completed or 0, count)
        numbered = ((index * epochs // count, value) for index, value in enumerate(values or (), start=1))
        points = tuple(MetricPoint(value, step=epoch) for epoch, value in numbered if value is not None)
        series.append(MetricSeries(name, points))
    return list(validate_series(series))


def job_from_run(model: str, run: Run) -> Job:
    """Convert a run of the list."""
    return Job(
        ref=run_ref(model, run.run_id),
        state=run_state(run.status),
        vendor_status=run.status or "unknown",
        name=run.run_label or None,
        user=run.created_by or None,
        created_at=parse_time(run.created_at),
        ended_at=parse_time(run.completed_at),
        details=details_of(("Duration", _span(run.duration_seconds)), ("Version", run.version_produced)),
    )


def job_from_details(model: str, run_id: str, details: Details) -> Job:
    """Convert a run of the details page."""
    usage = details.resource_usage or ResourceUsage()
    return Job(
        ref=run_ref(model, run_id),
        state=run_state(details.status),
        vendor_status=details.status or "unknown",
        error=details.error_message or None,
        started_at=parse_time(details.started_at),
        ended_at=parse_time(details.completed_at),
        details=details_of(
            ("Duration", _span(details.duration_seconds)),
            *((f"Stage {name}", _span(seconds)) for name, seconds in (details.pipeline_stages or {}).items()),
            ("Peak CPU", None if usage.peak_cpu_percent is None else f"{usage.peak_cpu_percent:g} %"),
            ("Peak memory", None if usage.peak_memory_mb is None else f"{usage.peak_memory_mb:,.0f} MB"),
            ("Worker", usage.worker_type),
            ("Dataset", details.dataset_id),
            ("Dataset rows", details.dataset_rows_used),
            ("Algorithm", details.final_algorithm),
            ("Version", details.version_created),
        ),
    )


def _span(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return spoken_duration(timedelta(seconds=seconds)) if seconds >= 60 else f"{seconds:g} s"
