"""Parse fine-tuning jobs (SFT, RFT, DPO) and the files with their metrics. Pure.

Source: https://docs.fireworks.ai/api-reference/get-supervised-fine-tuning-job, .../get-reinforcement-fine-tuning-job,
.../get-dpo-job and the models of the client fireworks-ai 1.2.30 (read 2026-11-29). The form of the metrics files is not
documented; what is read here is what users of the API report.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bot.domain.durations import datetime_from_ns
from bot.domain.jobs import Job, JobRef, Resources
from bot.domain.metric_validation import validate_series
from bot.domain.metrics import MetricPoint, MetricSeries
from bot.providers.decoding import decode_body, details_of, parse_time
from bot.providers.fireworks.line_times import parse_time_field
from bot.providers.fireworks.references import FINE_TUNING, PREFERENCE, REINFORCEMENT, SUPERVISED, job_ref
from bot.providers.fireworks.references import NAME as PROVIDER
from bot.providers.fireworks.wire import GatewayJob, batch_job_state, describe_status, status_word

KINDS = {SUPERVISED: "supervised fine-tuning", REINFORCEMENT: "reinforcement fine-tuning", PREFERENCE: "DPO"}
"""What each collection holds, in words."""
LIST_FIELDS = (
    "name,state,status,displayName,display_name,createTime,create_time,"
    "completedTime,completed_time,createdBy,created_by"
)
"""What a list shows. The signed URLs, which are secrets, are not among it. It is not documented how paths of several
words are spelled; a gateway that refuses one of the spellings is asked again without a mask."""
MOST_POINTS = 1000
_NOT_METRICS = frozenset({"step", "train/step", "timestamp", "time", "_timestamp", "_step"})


class Progress(msgspec.Struct, frozen=True):
    """How far a job is."""

    percent: int | None = None
    epoch: int | None = None


class TrainingConfig(msgspec.Struct, frozen=True, rename="camel"):
    """What RFT and DPO jobs train; SFT jobs have these fields themselves."""

    base_model: str | None = None
    output_model: str | None = None
    epochs: int | None = None


class Wandb(msgspec.Struct, frozen=True):
    """The run of a job at Weights & Biases."""

    url: str | None = None


class FineTuningJob(GatewayJob, frozen=True, rename="camel"):
    """A fine-tuning job of any kind."""

    completed_time: str | None = None
    dataset: str | None = None
    base_model: str | None = None
    output_model: str | None = None
    epochs: int | None = None
    nodes: int | None = None
    node_count: int | None = None
    training_config: TrainingConfig | None = None
    job_progress: Progress | None = None
    wandb_config: Wandb | None = None
    trainer_logs_signed_url: str | None = None
    """Only if trainer log reading is enabled for the account (documented)."""
    metrics_file_signed_url: str | None = None
    output_metrics: str | None = None
    """Of an RFT job: JSON with curves by epoch (observed)."""


class FineTuningJobs(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a list; the name of the list is that of the collection."""

    supervised_fine_tuning_jobs: list[FineTuningJob] | None = None
    reinforcement_fine_tuning_jobs: list[FineTuningJob] | None = None
    dpo_jobs: list[FineTuningJob] | None = None
    next_page_token: str | None = None


class MetricsEndpoint(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of `dpoJobs/<job>:getMetricsFileEndpoint`."""

    signed_url: str | None = None


def parse_fine_tuning_job(body: bytes) -> FineTuningJob:
    """Parse one job. Like the other parse functions, raises ProtocolError for any other body."""
    return decode_body(FineTuningJob, body, PROVIDER)


def parse_fine_tuning_jobs(body: bytes, account: str, collection: str) -> tuple[list[Job], str]:
    """Parse a page of an account's jobs, and the token of the next page, "" at the end."""
    page = decode_body(FineTuningJobs, body, PROVIDER)
    lists = (page.supervised_fine_tuning_jobs, page.reinforcement_fine_tuning_jobs, page.dpo_jobs)
    found = dict(zip(FINE_TUNING, lists, strict=True))[collection] or ()
    named = ((one, one.name.rpartition("/")[2]) for one in found)
    jobs = [job_of(one, job_ref(account, collection, job_id)) for one, job_id in named if job_id]
    return jobs, page.next_page_token or ""


def parse_metrics_endpoint(body: bytes) -> str:
    """Parse the signed URL of a metrics file; "" if there is none yet."""
    return decode_body(MetricsEndpoint, body, PROVIDER).signed_url or ""


def job_of(one: FineTuningJob, asked: JobRef) -> Job:
    """Convert a job. Its signed URLs are secrets and are left out."""
    state = batch_job_state(one.state)
    status = describe_status(one.status)
    training = one.training_config or TrainingConfig()
    progress = one.job_progress or Progress()
    return Job(
        ref=asked,
        state=state,
        vendor_status=status_word(one.state),
        name=one.display_name or None,
        error=status if state.is_failure else None,
        user=one.created_by or None,
        created_at=parse_time(one.create_time),
        updated_at=parse_time(one.update_time),
        ended_at=parse_time(one.completed_time) if state.is_terminal else None,
        resources=Resources(node_count=one.nodes or one.node_count or None),
        details=details_of(
            ("Kind", next((words for kind, words in KINDS.items() if f"/{kind}/" in f"/{asked.id}"), None)),
            ("Status", None if state.is_failure else status),
            ("Progress", None if progress.percent is None else f"{progress.percent} %"),
            ("Base model", _short(one.base_model or training.base_model)),
            ("Output model", _short(one.output_model or training.output_model)),
            ("Dataset", _short(one.dataset)),
            ("Epochs", one.epochs or training.epochs or None),
            ("Nodes", one.nodes or one.node_count or None),
            ("W&B run", one.wandb_config.url if one.wandb_config else None),
        ),
    )


def parse_metric_rows(body: bytes, *, is_start: bool) -> list[MetricSeries]:
    """Parse a metrics file: a JSON object on each line, with `step` and numbers, in `data` or beside it.

    Args:
        body: the file, or the end of a long one.
        is_start: whether the first line is whole. The last line may not be: the file grows.
    """
    rows = [row for line in body.split(b"\n")[0 if is_start else 1 :] if (row := _row(line)) is not None]
    times = [parse_time_field(row.get("timestamp")) for row in rows]
    has_times = bool(rows) and all(time is not None for time in times)
    series: dict[str, list[MetricPoint]] = {}
    for row, time_ns in zip(rows, times, strict=True):
        data = row.get("data")
        fields = data if isinstance(data, dict) else row
        step = _whole(row.get("step", fields.get("train/step")))
        at = datetime_from_ns(time_ns) if has_times and time_ns is not None else None
        for name, value in fields.items():
            if name not in _NOT_METRICS and (number := _number(value)) is not None:
                series.setdefault(name, []).append(MetricPoint(number, at, step))
    return _as_series(series)


def parse_output_metrics(text: str) -> list[MetricSeries]:
    """Parse the curves of an RFT job: the mean of each score by epoch."""
    found = _object(text.encode())
    curves = found.get("curves") if found else None
    averages = curves.get("average") if isinstance(curves, dict) else None
    series: dict[str, list[MetricPoint]] = {}
    for name, values in (averages if isinstance(averages, dict) else {}).items():
        for step, value in enumerate(values if isinstance(values, list) else (), start=1):
            if (number := _number(value)) is not None:
                series.setdefault(str(name), []).append(MetricPoint(number, step=step))
    return _as_series(series)


def _as_series(found: Mapping[str, Sequence[MetricPoint]]) -> list[MetricSeries]:
    return list(validate_series(MetricSeries(name, tuple(_thin_out(points))) for name, points in found.items()))


def _thin_out(points: Sequence[MetricPoint]) -> Iterable[MetricPoint]:
    """Keep at most MOST_POINTS, evenly chosen, with the newest; and every one that is not finite."""
    stride = math.ceil(len(points) / MOST_POINTS)
    newest = len(points) - 1
    return (
        point for index, point in enumerate(points) if (newest - index) % stride == 0 or not math.isfinite(point.value)
    )


def _row(line: bytes) -> dict[str, object] | None:
    return _object(line) if line.strip() else None


def _object(text: bytes) -> dict[str, object] | None:
    """Decode a JSON object, in which Python may have written NaN; None for anything else."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and math.isfinite(number) else None


def _short(name: str | None) -> str | None:
    """Return `llama-8b` for `accounts/fireworks/models/llama-8b`."""
    return name.rpartition("/")[2] if name else None
