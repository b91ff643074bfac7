"""Parsing of RiverGen's responses."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import Level
from bot.errors import ProtocolError
from bot.providers.rivergen import wire


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("queued", JobState.QUEUED),
        ("running", JobState.RUNNING),
        ("completed", JobState.SUCCEEDED),
        ("failed", JobState.FAILED),
        ("cancelled", JobState.CANCELLED),
        ("FAILED", JobState.FAILED),
        ("hibernating", JobState.UNKNOWN),
        (None, JobState.UNKNOWN),
    ],
)
def test_documented_statuses_are_mapped_and_others_are_unknown(word: str | None, state: JobState) -> None:
    assert state == wire.run_state(word)


def test_a_page_keeps_numbers_levels_timestamps_and_indentation() -> None:
    body = b"""{"model_id": "mdl-1", "run_id": "run-1", "total_lines": 7, "new": {"x": 1}, "lines": [
        {"line": 6, "level": "warning", "message": "  clipped", "timestamp": "2026-03-13T10:02:45Z"},
        {"line": 5, "level": "info", "message": "a", "timestamp": "2026-03-13T10:02:44.123456789Z", "host": "w-1"},
        {"line": 7, "level": "loud", "message": null, "timestamp": null}]}"""
    lines = wire.numbered_lines(wire.parse_chunk(body), 4)
    second = 1773396165 * 10**9
    assert [
        (5, second - 10**9 + 123456789, "a", Level.INFO),
        (6, second, "  clipped", Level.WARNING),
        (7, second - 10**9 + 123456789, "", None),
    ] == [(number, line.timestamp_ns, line.message, line.level) for number, line in lines]


def test_lines_without_numbers_are_numbered_by_offset() -> None:
    body = b'{"lines": [{"message": "a"}, {"message": "b"}]}'
    assert [11, 12] == [number for number, _ in wire.numbered_lines(wire.parse_chunk(body), 10)]


def test_a_details_page_is_converted_to_a_job() -> None:
    body = b"""{"run_id": "run-1", "status": "failed", "started_at": "2026-03-13T10:00:00Z",
        "completed_at": "2026-03-13T11:30:00Z", "duration_seconds": 5400, "error_message": "out of memory",
        "pipeline_stages": {"data_loading": 12.4, "training": 5300, "export": null},
        "resource_usage": {"peak_cpu_percent": 86.5, "peak_memory_mb": 14336, "worker_type": "gpu-large", "n": 1},
        "dataset_id": "dts-1", "dataset_rows_used": 100000, "final_algorithm": "xgb", "version_created": null}"""
    job = wire.job_from_details("mdl-1", "run-1", wire.parse_details(body))
    assert (JobRef("rivergen", "mdl-1/run-1"), JobState.FAILED, "failed", "out of memory") == (
        job.ref,
        job.state,
        job.vendor_status,
        job.error,
    )
    assert datetime(2026, 3, 13, 11, 30, tzinfo=UTC) == job.ended_at
    assert {
        "Duration": "1 h 30 min",
        "Stage data_loading": "12.4 s",
        "Stage training": "1 h 28 min",
        "Peak CPU": "86.5 %",
        "Peak memory": "14,336 MB",
        "Worker": "gpu-large",
        "Dataset": "dts-1",
        "Dataset rows": "100000",
        "Algorithm": "xgb",
    } == dict(job.details)


def test_metrics_have_evenly_chosen_epochs() -> None:
    body = b'{"metrics": {"loss": [4, 3, null, 1], "val_loss": []}, "epochs_completed": 40, "total_epochs": 50}'
    loss, val_loss = wire.parse_training_metrics(body)
    assert [(10, 4.0), (20, 3.0), (40, 1.0)] == [(point.step, point.value) for point in loss.points]
    assert () == val_loss.points


def test_lines_without_a_readable_timestamp_get_that_of_a_neighbour() -> None:
    stamps = (b"0001-01-01T00:00:00Z", b"2026-03-13T10:00:00Z", b"9999-12-31T00:00:00Z")
    body = b'{"lines": [%b]}' % b",".join(b'{"message": "x", "timestamp": "%b"}' % stamp for stamp in stamps)
    lines = wire.numbered_lines(wire.parse_chunk(body), 0)
    assert [1_773_396_000 * 10**9] * 3 == [one.line.timestamp_ns for one in lines]


def test_the_nan_of_a_diverged_run_is_kept() -> None:
    (loss,) = wire.parse_training_metrics(b'{"metrics": {"loss": [0.5, NaN]}, "epochs_completed": 2}')
    assert math.isnan(loss.points[1].value)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"lines": 3}', b'{"lines": [{"line": "x"}]}', b"\xff", b'{"a":']
)
def test_other_bodies_raise_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="does not match its documentation"):
        wire.parse_chunk(body)


def test_other_metrics_raise_protocol_error() -> None:
    for body in (b"<html>", b'{"metrics": {"loss": "high"}}', b'{"metrics": NaN}'):
        with pytest.raises(ProtocolError):
            wire.parse_training_metrics(body)
