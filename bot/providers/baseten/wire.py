"""The JSON that Baseten sends, as far as trainwatch reads it. Pure; unknown and missing fields are accepted.

Source: https://docs.baseten.co/reference/training-api and https://docs.baseten.co/reference/management-api, OpenAPI
(read 2026-11-20; documented). Fields that are required there but not needed here have a default, because older and
newer versions of the API differ in them.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from bot.domain.durations import EARLIEST_NS, LATEST_NS
from bot.domain.logs import Level, LogLine, parse_level
from bot.providers.decoding import decode_body, fill_timestamps, read_timestamp, with_texts
from bot.providers.paging.mistimed_lines import UNTIMED_NS


class WireLine(msgspec.Struct, gc=False):
    """LogV1. `replica`, `request_id` and `level` may be null or, in the older document, missing."""

    timestamp: Annotated[int, msgspec.Meta(ge=EARLIEST_NS, le=LATEST_NS)]
    """Nanoseconds since the epoch, sent as a string. Other numbers are refused, so that `_repair` reads their unit."""
    message: str | None = None
    replica: str | None = None
    request_id: str | None = None
    level: str | None = None


class WireLogs(msgspec.Struct):
    """GetLogsResponseV1."""

    logs: list[WireLine]


class WireInstance(msgspec.Struct):
    """InstanceTypeV1."""

    id: str | None = None
    name: str | None = None
    memory_limit_mib: int | None = None
    millicpu_limit: int | None = None
    gpu_count: int | None = None
    gpu_type: str | None = None
    gpu_memory_limit_mib: int | None = None


class WireProject(msgspec.Struct):
    """TrainingProjectSummaryV1."""

    name: str | None = None


class WireUser(msgspec.Struct):
    """UserV1."""

    email: str | None = None


class WireJob(msgspec.Struct):
    """TrainingJobV1."""

    id: str
    current_status: str
    training_project_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    error_message: str | None = None
    instance_type: WireInstance | None = None
    training_project: WireProject | None = None
    name: str | None = None
    checkpoint_sync_status: str | None = None
    priority: int | None = None
    availability_model: str | None = None
    node_count: int | None = None
    user: WireUser | None = None


class WireJobReply(msgspec.Struct):
    """The answer to a request for one job."""

    training_job: WireJob


class WireJobList(msgspec.Struct):
    """The answer to a search for jobs."""

    training_jobs: list[WireJob]


class WireSample(msgspec.Struct, gc=False):
    """TrainingJobMetricV1."""

    timestamp: datetime
    value: float | None = None


class WireStorage(msgspec.Struct):
    """StorageMetricsV1. `utilization` is a fraction, 0 to 1."""

    usage_bytes: list[WireSample] | None = None
    utilization: list[WireSample] | None = None


class WireNode(msgspec.Struct):
    """TrainingJobMetricsV1: one machine. Utilization is a fraction; keys of GPUs are ranks as text."""

    gpu_memory_usage_bytes: dict[str, list[WireSample]] | None = None
    gpu_utilization: dict[str, list[WireSample]] | None = None
    cpu_usage: list[WireSample] | None = None
    """In cores."""
    cpu_memory_usage_bytes: list[WireSample] | None = None
    ephemeral_storage: WireStorage | None = None


class WireNamedNode(msgspec.Struct):
    """TrainingJobNodeMetricsV1."""

    node_id: str
    metrics: WireNode | None = None


class WireMetrics(msgspec.Struct):
    """GetTrainingJobMetricsResponseV1 without its top level, a WireNode that repeats the leader's figures."""

    training_job: WireJob | None = None
    cache: WireStorage | None = None
    per_node_metrics: list[WireNamedNode] | None = None


class WireDeployment(msgspec.Struct):
    """DeploymentV1."""

    id: str
    status: str
    created_at: datetime | None = None
    name: str | None = None
    is_production: bool | None = None
    is_development: bool | None = None
    environment: str | None = None
    active_replica_count: int | None = None
    instance_type_name: str | None = None


class WireDeploymentList(msgspec.Struct):
    """The deployments of a model."""

    deployments: list[WireDeployment]


class WireEnvironment(msgspec.Struct):
    """EnvironmentV1."""

    name: str
    created_at: datetime | None = None
    current_deployment: WireDeployment | None = None
    candidate_deployment: WireDeployment | None = None


class WireChainlet(msgspec.Struct):
    """ChainletV1."""

    id: str
    status: str
    name: str | None = None
    active_replica_count: int | None = None
    instance_type_name: str | None = None


class WireChainDeployment(msgspec.Struct):
    """ChainDeploymentV1."""

    id: str
    chainlets: list[WireChainlet]
    created_at: datetime | None = None
    environment: str | None = None


class WireChainDeploymentList(msgspec.Struct):
    """The deployments of a chain."""

    deployments: list[WireChainDeployment]


class WireChain(msgspec.Struct):
    """ChainV1."""

    id: str
    name: str | None = None


class WireChainList(msgspec.Struct):
    """All chains of the workspace."""

    chains: list[WireChain]


class WireInstanceTypes(msgspec.Struct):
    """All instance types that the workspace may use."""

    instance_types: list[WireInstance]


class WireDescriptor(msgspec.Struct):
    """ModelMetricDescriptorV1."""

    name: str
    label_sets: list[dict[str, str]]
    unit_hint: str | None = None


class WireValueSet(msgspec.Struct):
    """ModelMetricValueSetV1: for each descriptor a list that is aligned to its label sets."""

    start_epoch_millis: int
    values: list[list[float | None]]


class WireDeploymentMetrics(msgspec.Struct):
    """GetModelMetricsResponseV1."""

    metric_descriptors: list[WireDescriptor]
    metric_values: list[WireValueSet]
    end_epoch_millis: int | None = None
    mode: str | None = None


class WireModel(msgspec.Struct):
    """ModelV1."""

    id: str
    name: str | None = None


class WireModelList(msgspec.Struct):
    """All models of the workspace."""

    models: list[WireModel]


class _Levels(dict[str | None, Level | None]):
    """Levels by word; an undocumented word is looked up each time."""

    def __missing__(self, word: str | None) -> Level | None:
        return parse_level(word)


_LEVELS = _Levels({word: parse_level(word) for word in ("DEBUG", "INFO", "WARNING", "ERROR", None)})


def parse_logs(body: bytes, provider: str) -> list[LogLine]:
    """Parse the lines of one page, in the order sent. Raises ProtocolError if the body is not a page of lines."""
    page = decode_body(WireLogs, body, provider, _repair)
    make, levels = tuple.__new__, _LEVELS  # a NamedTuple's own constructor takes 1.5 times as long
    return [
        make(LogLine, (line.timestamp, line.message or "", None, line.replica, levels[line.level], line.request_id))
        for line in page.logs
    ]


def utc(at: datetime | None) -> datetime | None:
    """Return the time in UTC, or None for an implausible year (such as Go's zero time). No time zone means UTC."""
    if at is None or not 1970 <= at.year < 2262:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _repair(value: object) -> object:
    """Convert texts to text and timestamps to nanoseconds, with unreadable ones filled in."""
    match with_texts(value, "message", "replica", "level", "request_id"):
        case {"logs": list(lines)}:
            found = [read_timestamp(line.get("timestamp")) if isinstance(line, dict) else None for line in lines]
            stamps = fill_timestamps(found, UNTIMED_NS)
            pairs = zip(lines, stamps, strict=True)
            return {"logs": [{**one, "timestamp": ns} if isinstance(one, dict) else one for one, ns in pairs]}
        case other:
            return other
