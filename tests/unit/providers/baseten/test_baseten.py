"""References, statuses, log pages, metrics and filters of Baseten, as documented."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.domain.jobs import JobRef, JobState, Resources
from bot.domain.logs import Level, LogFilter, LogLine, LogQuery
from bot.domain.metric_validation import sample_gaps
from bot.domain.metrics import (
    CPU_USAGE,
    GPU_MEMORY,
    GPU_UTILIZATION,
    MEMORY,
    DiscardedSamples,
    MetricQuery,
    MetricSeries,
    missing_metrics,
)
from bot.errors import ConfigError, JobNotFound, NotSupported, ProtocolError
from bot.providers.baseten import create_deployments, create_training
from bot.providers.baseten.deployments import BasetenDeployments
from bot.providers.baseten.log_filters import push_down
from bot.providers.baseten.metrics import join_series, parse_metrics
from bot.providers.baseten.states import deployment_state, training_state
from bot.providers.baseten.training import BasetenTraining
from bot.providers.baseten.wire import parse_logs
from bot.providers.http.client import HttpClient, HttpLimits, Limiter, LimiterPool
from bot.providers.testing import FakeTransport

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAMP_NS = 1_763_640_000_123_456_789

JOB = {
    "id": "wp11ylw",
    "created_at": "2026-11-20T10:00:00+00:00",
    "current_status": "TRAINING_JOB_RUNNING",
    "error_message": "switch to spot to start sooner",
    "instance_type": {
        "id": "H100:8", "name": "8 H100", "memory_limit_mib": 2048, "millicpu_limit": 208_000, "gpu_count": 8,
        "gpu_type": "H100", "gpu_memory_limit_mib": 81_559, "new_field": 1,
    },
    "updated_at": "2026-11-20T11:00:00.5Z",
    "training_project_id": "qrj8y03",
    "training_project": {"id": "qrj8y03", "name": "llama"},
    "name": "run-7",
    "checkpoint_sync_status": "SYNCING",
    "priority": 0,
    "availability_model": "spot",
    "node_count": 2,
    "user": {"email": "ada@example.com"},
    "new_field": {"x": 1},
}  # fmt: skip


class Remote:
    """Answers as configured and records the requests."""

    def __init__(self, *served: str, status: int = 405, body: object = None) -> None:
        self.served, self.status, self.body = served, status, body
        self.asked: list[httpx.Request] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.method not in self.served:
            return httpx.Response(self.status, json={"message": "no"})
        return httpx.Response(200, json=self.body)

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.asked]

    def provider(self) -> BasetenTraining:
        limiter = Limiter(HttpLimits(requests_per_second=1e6, attempts=1))
        transport = FakeTransport(self.answer)
        client = HttpClient("baseten", "http://baseten.test", {}, secrets=[], limiter=limiter, transport=transport)
        return BasetenTraining(client, lambda: NOW)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("TRAINING_JOB_PENDING", JobState.QUEUED), ("TRAINING_JOB_QUEUED", JobState.QUEUED),
        ("TRAINING_JOB_CREATED", JobState.STARTING), ("TRAINING_JOB_DEPLOYING", JobState.STARTING),
        ("TRAINING_JOB_RUNNING", JobState.RUNNING), ("TRAINING_JOB_COMPLETED", JobState.SUCCEEDED),
        ("TRAINING_JOB_FAILED", JobState.FAILED), ("TRAINING_JOB_DEPLOY_FAILED", JobState.FAILED),
        ("TRAINING_JOB_EXPIRED", JobState.FAILED), ("TRAINING_JOB_STOPPED", JobState.CANCELLED),
        ("TRAINING_JOB_PREEMPTED", JobState.PREEMPTED), ("TRAINING_JOB_PONDERING", JobState.UNKNOWN),
    ],
)  # fmt: skip
def test_training_statuses_map_to_states(word: str, expected: JobState) -> None:
    assert expected is training_state(word)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("BUILDING", JobState.STARTING), ("DEPLOYING", JobState.STARTING), ("LOADING_MODEL", JobState.STARTING),
        ("WAKING_UP", JobState.STARTING), ("ACTIVE", JobState.RUNNING), ("UPDATING", JobState.RUNNING),
        ("SCALED_TO_ZERO", JobState.IDLE), ("INACTIVE", JobState.IDLE), ("DEACTIVATING", JobState.IDLE),
        ("UNHEALTHY", JobState.UNHEALTHY), ("BUILD_FAILED", JobState.FAILED), ("DEPLOY_FAILED", JobState.FAILED),
        ("FAILED", JobState.FAILED), ("BUILD_STOPPED", JobState.CANCELLED), ("DREAMING", JobState.UNKNOWN),
    ],
)  # fmt: skip
def test_deployment_statuses_map_to_states(word: str, expected: JobState) -> None:
    assert expected is deployment_state(word)


async def test_a_job_keeps_all_its_fields() -> None:
    job = await Remote("GET", body={"training_job": JOB}).provider().get_job(JobRef("baseten", "qrj8y03/wp11ylw"))
    assert (JobRef("baseten", "qrj8y03/wp11ylw"), JobState.RUNNING) == (job.ref, job.state)
    assert ("run-7", "ada@example.com", "switch to spot to start sooner") == (job.name, job.user, job.error)
    assert datetime(2026, 11, 20, 11, 0, 0, 500_000, UTC) == job.updated_at
    assert None is job.ended_at
    assert "https://app.baseten.co/training/qrj8y03/logs/wp11ylw" == job.url
    expected = Resources("8 H100", 2, 8, "H100", 81_559 * 2**20, 208.0, 2048 * 2**20)
    assert expected == job.resources
    assert (
        ("Project", "llama"), ("Availability", "spot"), ("Priority", "0"), ("Checkpoint sync", "SYNCING"),
    ) == job.details  # fmt: skip


async def test_an_unknown_status_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    strange = {**JOB, "current_status": "TRAINING_JOB_PONDERING"}
    provider = Remote("GET", body={"training_job": strange}).provider()
    jobs = [await provider.get_job(JobRef("baseten", "qrj8y03/wp11ylw")) for _ in range(3)]
    assert {(JobState.UNKNOWN, "TRAINING_JOB_PONDERING")} == {(job.state, job.vendor_status) for job in jobs}
    assert 1 == len(caplog.records)


@pytest.mark.parametrize(
    ("served", "status", "methods"),
    [
        (("GET", "POST"), 405, ["GET", "GET"]),
        (("GET",), 404, ["GET", "GET"]),
        (("POST",), 404, ["GET", "POST", "POST"]),
        (("POST",), 405, ["GET", "POST", "POST"]),
        (("POST",), 501, ["GET", "POST", "POST"]),
    ],
)
async def test_the_method_that_worked_is_remembered(served: Sequence[str], status: int, methods: list[str]) -> None:
    remote = Remote(*served, status=status, body={"logs": []})
    provider = remote.provider()
    for _ in range(2):
        await provider.query_logs(LogQuery(JobRef("baseten", "p/j"), start_ns=STAMP_NS, end_ns=STAMP_NS))
    assert methods == remote.methods


async def test_a_missing_job_is_distinguished_from_a_missing_route() -> None:
    remote = Remote(status=404)
    with pytest.raises(JobNotFound):
        await remote.provider().query_metrics(MetricQuery(JobRef("baseten", "p/j")))
    assert ["GET", "POST"] == remote.methods


async def test_an_endpoint_that_neither_method_serves_raises_not_supported() -> None:
    with pytest.raises(NotSupported):
        await Remote(status=405).provider().query_metrics(MetricQuery(JobRef("baseten", "p/j")))


async def test_a_log_is_read_from_the_creation_of_the_job() -> None:
    remote = Remote("GET", body={"training_job": JOB, "logs": []})
    await remote.provider().query_logs(LogQuery(JobRef("baseten", "qrj8y03/wp11ylw")))
    start_ms = int(remote.asked[1].url.params["start_epoch_millis"])
    assert datetime(2026, 11, 20, 9, 59, tzinfo=UTC).timestamp() * 1000 - 1 == start_ms
    assert ("asc", "1000") == (remote.asked[1].url.params["direction"], remote.asked[1].url.params["limit"])


async def test_a_bare_id_is_searched_for_once() -> None:
    remote = Remote("GET", "POST", body={"training_jobs": [JOB], "training_job": JOB})
    provider = remote.provider()
    for _ in range(2):
        await provider.get_job(JobRef("baseten", "wp11ylw"))
    assert ["POST", "GET", "GET"] == remote.methods
    assert {"job_id": "wp11ylw"} == json.loads(remote.asked[0].content)


async def test_a_bare_id_that_is_not_found_raises_job_not_found() -> None:
    with pytest.raises(JobNotFound, match="nothere"):
        await Remote("POST", body={"training_jobs": []}).provider().get_job(JobRef("baseten", "nothere"))


async def test_the_window_and_step_of_a_metrics_query_are_sent() -> None:
    remote = Remote("GET", body={})
    query = MetricQuery(JobRef("baseten", "p/j"), NOW - timedelta(hours=1), NOW, timedelta(seconds=30))
    assert () == await remote.provider().query_metrics(query)
    expected = {"start_epoch_millis": "1795172400000", "end_epoch_millis": "1795176000000", "step_seconds": "30"}
    assert expected == dict(remote.asked[0].url.params)


def page(*lines: object) -> bytes:
    return json.dumps({"logs": lines}).encode()


def test_a_line_keeps_all_fields_and_whole_nanoseconds() -> None:
    line = {"timestamp": str(STAMP_NS), "message": "  x\n  y", "replica": "ab1", "request_id": "r", "level": "ERROR"}
    assert [LogLine(STAMP_NS, "  x\n  y", None, "ab1", Level.ERROR, "r")] == parse_logs(page(line), "baseten")


def test_a_line_of_the_older_api_version_is_parsed() -> None:
    line = {"timestamp": str(STAMP_NS), "message": "x", "replica": None}
    assert [LogLine(STAMP_NS, "x")] == parse_logs(page(line), "baseten")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (page({"timestamp": STAMP_NS, "message": "number", "replica": "r", "new": [1]}), "number"),
        (page({"timestamp": str(STAMP_NS), "message": None, "replica": "r"}), ""),
        (b'{"logs":[{"timestamp":"1763640000123456789","message":"a\xff\xfeb","replica":"r"}]}', "a\ufffd\ufffdb"),
        (b'{"logs":[{"timestamp":"1763640000123456789","message":"a\\ud800b","replica":"r"}]}', "a\ufffdb"),
        (b'{"logs":[{"timestamp":"2025-11-20T12:00:00.123456789Z","message":"iso","replica":"r"}]}', "iso"),
        (page({"timestamp": str(STAMP_NS), "message": "x" * 2_000_000, "replica": "r"}), "x" * 2_000_000),
    ],
)
def test_odd_lines_are_parsed_and_never_lost(body: bytes, message: str) -> None:
    assert [LogLine(STAMP_NS, message, replica="r")] == parse_logs(body, "baseten")


@pytest.mark.parametrize("stamp", [None, "", "soon", 1.5])
def test_a_line_without_a_readable_timestamp_gets_that_of_the_line_before(stamp: object) -> None:
    lines = [{"timestamp": each, "message": "x", "replica": "r"} for each in (stamp, str(STAMP_NS), stamp)]
    assert [STAMP_NS] * 3 == [line.timestamp_ns for line in parse_logs(page(*lines), "baseten")]


def test_an_unknown_level_becomes_none() -> None:
    line = {"timestamp": str(STAMP_NS), "message": "x", "replica": "r", "level": "LOUD"}
    assert None is parse_logs(page(line), "baseten")[0].level


@pytest.mark.parametrize("body", [b"<html></html>", b'{"logs": [', b"[]", b'{"lines": []}', b"", b"null", b"[" * 9999])
def test_other_bodies_raise_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_logs(body, "baseten")


def samples(*pairs: tuple[int, float]) -> list[dict[str, object]]:
    return [{"timestamp": f"2026-11-20T12:00:{second:02}Z", "value": value} for second, value in pairs]


def test_gpus_whose_keys_end_in_the_same_number_are_numbered_by_index() -> None:
    body = json.dumps({"gpu_utilization": {"node-1/gpu0": samples((1, 0.1)), "node-2/gpu0": samples((1, 0.2))}})
    _, found = parse_metrics(body.encode(), "baseten")
    assert [(0, 0.1), (1, 0.2)] == [(one.gpu, one.points[0].value) for one in found]


def test_series_are_sorted_by_time_and_gpus_by_number() -> None:
    body = {
        "gpu_utilization": {"10": samples((1, 0.1)), "2": samples((9, 0.9), (3, 0.3)), "x": []},
        "gpu_memory_usage_bytes": {"2": samples((1, 5.0))},
        "cpu_usage": samples((1, 0.0)),
        "cpu_memory_usage_bytes": [],
        "cache": None,
        "training_job": JOB,
        "per_node_metrics": [],
    }
    _, found = parse_metrics(json.dumps(body).encode(), "baseten")
    seen = [(one.name, one.gpu, one.limit, [point.value for point in one.points]) for one in found]
    assert [
        (GPU_UTILIZATION, 2, 1.0, [0.3, 0.9]),
        (GPU_UTILIZATION, 10, 1.0, [0.1]),
        (GPU_MEMORY, 2, 81_559 * 2**20, [5.0]),
        (CPU_USAGE, None, 208.0, [0.0]),
    ] == seen
    assert {UTC} == {point.at.tzinfo for one in found for point in one.points if point.at}


def test_figures_by_node_replace_those_of_the_leader() -> None:
    leader = {"cpu_memory_usage_bytes": samples((1, 1.0))}
    storage = {"usage_bytes": samples((1, 7.0)), "utilization": samples((1, 0.5))}
    nodes = [
        {"node_id": "node-0", "metrics": {**leader, "ephemeral_storage": storage}},
        {"node_id": "node-1", "metrics": {"cpu_memory_usage_bytes": samples((1, 2.0)), "new": 1}},
    ]
    body = {**leader, "cache": storage, "per_node_metrics": nodes}
    _, found = parse_metrics(json.dumps(body).encode(), "baseten")
    assert [
        (MEMORY, "node-0"), ("ephemeral_storage_used_bytes", "node-0"),
        ("ephemeral_storage_utilization_ratio", "node-0"), (MEMORY, "node-1"),
        ("cache_used_bytes", None), ("cache_utilization_ratio", None),
    ] == [(one.name, one.node) for one in found]  # fmt: skip


def test_samples_without_a_number_do_not_affect_the_others() -> None:
    body = b'{"cpu_usage": [{"timestamp": "2026-11-20T12:00:01Z", "value": null},'
    body += b'{"timestamp": "2026-11-20T12:00:02", "value": 3.5}, {"timestamp": "2026-11-20T12:00:03Z", "value": NaN}]}'
    _, (series,) = parse_metrics(body, "baseten")
    assert [3.5] == [point.value for point in series.points]
    assert DiscardedSamples(1, 2, "NaN") == series.discarded


@pytest.mark.parametrize("value", ["NaN", '"NaN"', "Infinity", '"-Infinity"', "4294967295", "-1", "1e400"])
def test_a_series_of_impossible_samples_is_empty_and_counted(value: str) -> None:
    sample = f'{{"timestamp": "2026-11-20T12:00:01Z", "value": {value}}}'
    _, (series,) = parse_metrics(f'{{"gpu_utilization": {{"0": [{sample}, {sample}]}}}}'.encode(), "baseten")
    assert () == series.points
    assert GPU_UTILIZATION in missing_metrics([series])
    assert [2] == [gap.samples for gap in sample_gaps([series])]


def test_samples_of_impossible_times_are_discarded() -> None:
    times = ["0001-01-01T00:00:00+05:00", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00", "2026-11-20T12:00:00Z"]
    body = {"cpu_usage": [{"timestamp": time, "value": 3.5} for time in times]}
    _, (series,) = parse_metrics(json.dumps(body).encode(), "baseten", latest=NOW)
    assert [NOW] == [point.at for point in series.points]
    assert series.discarded is not None
    assert (3, 4) == (series.discarded.count, series.discarded.total)


def test_parts_of_a_series_add_what_was_discarded() -> None:
    def part(*values: float) -> tuple[MetricSeries, ...]:
        body = {"gpu_utilization": {"0": samples(*enumerate(values))}}
        return parse_metrics(json.dumps(body).encode(), "baseten")[1]

    (joined,) = join_series(part(0.5, -1.0, 0.6), part(0.7, 0.8))
    assert DiscardedSamples(1, 5, "-1") == joined.discarded
    assert [0.5, 0.6, 0.7, 0.8] == [point.value for point in joined.points]


def test_supported_filters_are_pushed_down() -> None:
    wanted = LogFilter(Level.WARNING, "nc+l", ("a", "b"), ("c",), ("r1abc",), (), "req-1")
    assert (
        [
            ("replica", "r1abc"), ("request_id", "req-1"), ("search_pattern", "nc+l"),
            ("includes", "a"), ("includes", "b"), ("excludes", "c"),
        ],
        frozenset({"replicas", "request_id", "grep", "includes", "excludes"}),
    ) == push_down(wanted)  # fmt: skip


def test_unsupported_filters_are_left_to_the_caller() -> None:
    many = tuple(f"x{number}" for number in range(9))
    wanted = LogFilter(Level.CRITICAL, "y" * 257, many, ("z" * 300, "ok"), ("r1", "r2"))
    params, covered = push_down(wanted)
    expected = [*(("includes", f"x{number}") for number in range(8)), ("excludes", "ok")]
    assert (expected, frozenset()) == (params, covered)
    assert ([], frozenset()) == push_down(LogFilter())


@pytest.mark.parametrize("create", [create_training, create_deployments])
def test_a_missing_key_names_the_variable_and_where_to_get_it(
    create: Callable[[Mapping[str, str], LimiterPool], object],
) -> None:
    with pytest.raises(ConfigError, match=r"BASETEN_API_KEY.*app\.baseten\.co"):
        create({}, LimiterPool())
    with pytest.raises(ConfigError, match="BASETEN_BASE_URL"):
        create({"baseten_api_key": "k", "baseten_base_url": "baseten"}, LimiterPool())
    with pytest.raises(ConfigError, match="BASETEN_API_KEY"):
        create({"baseten_api_key": "k\ney"}, LimiterPool())


async def test_a_list_of_models_that_fails_once_does_not_hide_the_name_permanently() -> None:
    lists = iter([httpx.Response(503), httpx.Response(200, json={"models": [{"id": "abc1d2ef", "name": "chat"}]})])

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return next(lists)
        return httpx.Response(200, json={"id": "xyz123", "status": "ACTIVE", "is_production": True})

    limiter = Limiter(HttpLimits(requests_per_second=1e6, attempts=1))
    transport = FakeTransport(answers)
    client = HttpClient("baseten-model", "http://b.test", {}, secrets=[], limiter=limiter, transport=transport)
    provider = BasetenDeployments(client, lambda: NOW)
    jobs = [await provider.get_job(JobRef("baseten-model", "abc1d2ef/xyz123")) for _ in range(3)]

    assert ["production", "chat · production", "chat · production"] == [job.name for job in jobs]
