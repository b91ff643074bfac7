"""Parsing of Fireworks' responses and references."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import LogLine
from bot.errors import ProtocolError
from bot.providers.fireworks import wire
from bot.providers.fireworks.references import parse_job_ref

JOB = JobRef("fireworks", "acme/train-1")

STATES = {
    "STATE_UNSPECIFIED": JobState.UNKNOWN,
    "CREATING": JobState.STARTING,
    "QUEUED": JobState.QUEUED,
    "PENDING": JobState.QUEUED,
    "RUNNING": JobState.RUNNING,
    "COMPLETED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "CANCELLING": JobState.RUNNING,
    "DELETING": JobState.CANCELLED,
    "JOB_STATE_RUNNING": JobState.RUNNING,
    "JOB_STATE_COMPLETED": JobState.SUCCEEDED,
    "JOB_STATE_EARLY_STOPPED": JobState.SUCCEEDED,
    "JOB_STATE_FAILED": JobState.FAILED,
    "JOB_STATE_EXPIRED": JobState.FAILED,
    "JOB_STATE_CANCELLED": JobState.CANCELLED,
    "JOB_STATE_PAUSED": JobState.UNHEALTHY,
    "JOB_STATE_IDLE": JobState.IDLE,
    "JOB_STATE_VALIDATING": JobState.STARTING,
    "JOB_STATE_CREATING_INPUT_DATASET": JobState.STARTING,
    "JOB_STATE_WRITING_RESULTS": JobState.RUNNING,
    "JOB_STATE_RE_QUEUEING": JobState.QUEUED,
    "JOB_STATE_DELETING_CLEANING_UP": JobState.CANCELLED,
    "JOB_STATE_TELEPORTING": JobState.UNKNOWN,
    3: JobState.RUNNING,
    5: JobState.FAILED,
    0: JobState.UNKNOWN,
    99: JobState.UNKNOWN,
    None: JobState.UNKNOWN,
}


@pytest.mark.parametrize(("word", "state"), STATES.items())
def test_documented_states_are_mapped_and_others_are_unknown(word: str | int | None, state: JobState) -> None:
    assert state == wire.batch_job_state(word)


def test_a_response_is_converted_to_a_job() -> None:
    body = b"""{"name": "accounts/acme/batchJobs/train-1", "displayName": "Llama SFT", "createdBy": "ada@example.com",
        "createTime": "2026-03-13T10:00:00Z", "startTime": "2026-03-13T10:01:00.5Z", "state": "FAILED",
        "status": "rank 3: CUDA out of memory", "numRanks": 8, "nodePoolId": "h100", "environmentId": "",
        "somethingNew": [1, {"a": null}], "updateTime": "not a time"}"""
    job = wire.parse_batch_job(body, JOB)
    assert (JOB, JobState.FAILED, "FAILED", "Llama SFT", "rank 3: CUDA out of memory", "ada@example.com") == (
        job.ref,
        job.state,
        job.vendor_status,
        job.name,
        job.error,
        job.user,
    )
    assert datetime(2026, 3, 13, 10, 1, 0, 500000, tzinfo=UTC) == job.started_at
    assert (None, None) == (job.ended_at, job.updated_at)
    assert (("Ranks", "8"), ("Node pool", "h100")) == job.details


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ('"gone"', "gone"),
        ('""', None),
        ("null", None),
        ('{"code": "INTERNAL", "message": "node lost"}', "INTERNAL: node lost"),
        ('{"code": "OK", "message": ""}', None),
        ("{}", None),
    ],
)
def test_a_status_may_be_a_sentence_or_an_object(status: str, error: str | None) -> None:
    assert error == wire.parse_batch_job(f'{{"state": "FAILED", "status": {status}}}'.encode(), JOB).error


def test_the_status_of_a_healthy_job_is_not_an_error() -> None:
    job = wire.parse_batch_job(b'{"state": "RUNNING", "status": "pulling the image"}', JOB)
    assert (None, (("Status", "pulling the image"),)) == (job.error, job.details)


def test_entries_keep_ranks_nanoseconds_and_order() -> None:
    body = b"""{"entries": [
        {"logTime": "2026-03-13T10:00:00Z", "rank": 3, "message": "  a"},
        {"logTime": "2026-03-13T10:00:00.1Z", "message": "rank 0 is left out"},
        {"logTime": "2026-03-13T10:00:00.123456789Z", "rank": 1},
        {"message": "no time"},
        {"logTime": "yesterday", "rank": 2, "message": "no time either", "trace": "x"},
        {"logTime": "2026-03-13T12:00:01.5+02:00", "rank": 10, "message": "b"}], "nextPageToken": "t"}"""
    second = 1773396000 * 10**9
    assert (
        [
            LogLine(second, "  a", rank=3),
            LogLine(second + 100_000_000, "rank 0 is left out", rank=0),
            LogLine(second + 123_456_789, "", rank=1),
            LogLine(second + 123_456_789, "no time", rank=0),
            LogLine(second + 123_456_789, "no time either", rank=2),
            LogLine(second + 1_500_000_000, "b", rank=10),
        ],
        "t",
    ) == wire.parse_entries(body, 0)


@pytest.mark.parametrize("body", [b"{}", b'{"entries": null, "nextPageToken": ""}', b'{"entries": []}'])
def test_missing_entries_mean_an_empty_last_page(body: bytes) -> None:
    assert ([], "") == wire.parse_entries(body, 0)


def test_entries_without_a_readable_timestamp_get_that_of_a_neighbour() -> None:
    stamps = (b"0001-01-01T00:00:00Z", b"2026-03-13T10:00:00Z", b"9999-12-31T00:00:00Z")
    body = b'{"entries": [%b]}' % b",".join(b'{"message": "x", "logTime": "%b"}' % stamp for stamp in stamps)
    lines, _ = wire.parse_entries(body, 5)
    assert [1_773_396_000 * 10**9] * 3 == [line.timestamp_ns for line in lines]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"entries": 3}', b'{"entries": [{"rank": "x"}]}', b"\xff", b"{"]
)
def test_other_bodies_raise_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="does not match its documentation"):
        wire.parse_entries(body, 0)


REFERENCES = {
    "acme/train-1": "acme/train-1",
    "accounts/acme/batchJobs/train-1": "acme/train-1",
    "https://app.fireworks.ai/dashboard/accounts/acme/batch-jobs/train-1?tab=logs": "acme/train-1",
    "https://app.fireworks.ai/dashboard/batch-jobs/train-1?account=acme": "acme/train-1",
    "https://app.fireworks.ai/accounts/acme/batchJobs/train-1/": "acme/train-1",
    "https://api.fireworks.ai/v1/accounts/acme/batchJobs/train-1:getLogs?ranks=1": "acme/train-1",
    "http://127.0.0.1:9/fireworks/v1/accounts/acme/batchJobs/train-1": "acme/train-1",
    "acme/supervisedFineTuningJobs/sft-1": "acme/supervisedFineTuningJobs/sft-1",
    "acme/sft/sft-1": "acme/supervisedFineTuningJobs/sft-1",
    "acme/SFTJ/sft-1": "acme/supervisedFineTuningJobs/sft-1",
    "acme/rft/r": "acme/reinforcementFineTuningJobs/r",
    "acme/dpo/d": "acme/dpoJobs/d",
    "acme/batch/train-1": "acme/train-1",
    "acme/dpo": "acme/dpo",
    "accounts/acme/dpoJobs/d": "acme/dpoJobs/d",
    "https://api.fireworks.ai/v1/accounts/acme/dpoJobs/d:getMetricsFileEndpoint": "acme/dpoJobs/d",
    "https://app.fireworks.ai/dashboard/fine-tuning/supervised/s?account=acme": "acme/supervisedFineTuningJobs/s",
    "https://app.fireworks.ai/dashboard/fine-tuning/reinforcement/r?account=acme": "acme/reinforcementFineTuningJobs/r",
    "https://app.fireworks.ai/dashboard/fine-tuning/supervised/s": None,
    "https://app.fireworks.ai/dashboard/batch-jobs": None,
    "sft/sft-1": None,
    "a/b/sft/c": None,
    "https://app.fireworks.ai/models/llama": None,
    "https://fireworks.ai.example.com/accounts/acme/batchJobs/x": None,
    "train-1": None,
    "acme/": None,
    "acme/../x": None,
    "acme/a b": None,
    "a/b/c": None,
}


@pytest.mark.parametrize(("text", "expected"), REFERENCES.items())
def test_a_reference_is_parsed_from_an_id_or_a_url(text: str, expected: str | None) -> None:
    found = parse_job_ref(text, base_url="http://127.0.0.1:9/fireworks")
    assert expected == (found and found.id)


def test_the_configured_account_is_the_default() -> None:
    for text in ("train-1", "https://app.fireworks.ai/dashboard/batch-jobs/train-1"):
        assert JOB == parse_job_ref(text, account="acme")
    for text in ("sft/s", "https://app.fireworks.ai/dashboard/fine-tuning/supervised/s"):
        assert JobRef("fireworks", "acme/supervisedFineTuningJobs/s") == parse_job_ref(text, account="acme")
