"""Parse the responses of Fireworks' gateway. Pure.

Source: https://docs.fireworks.ai/api-reference-dlde/get-batch-job-logs, .../get-batch-job, .../list-batch-jobs (read
2026-11-20) and the states of the fine-tuning jobs' reference. The responses are proto3 JSON: fields with a zero value
may be left out (rank 0, no entries), enums may be numbers, and unknown fields may appear.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bot.domain.durations import datetime_from_ns, parse_rfc3339_ns, timestamp_parser
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine
from bot.providers.decoding import decode_body, fill_timestamps, with_texts
from bot.providers.fireworks.references import NAME

_STATES = {
    "CREATING": JobState.STARTING,
    "QUEUED": JobState.QUEUED,
    "PENDING": JobState.QUEUED,
    "RE_QUEUEING": JobState.QUEUED,
    "VALIDATING": JobState.STARTING,
    "CREATING_INPUT_DATASET": JobState.STARTING,
    "CREATING_DEPENDENCIES": JobState.STARTING,
    "RUNNING": JobState.RUNNING,
    "WRITING_RESULTS": JobState.RUNNING,
    "ROLLOUT": JobState.RUNNING,
    "EVALUATION": JobState.RUNNING,
    "POLICY_UPDATE": JobState.RUNNING,
    "CANCELLING": JobState.RUNNING,
    "IDLE": JobState.IDLE,
    "PAUSED": JobState.UNHEALTHY,
    "COMPLETED": JobState.SUCCEEDED,
    "EARLY_STOPPED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "FAILED_CLEANING_UP": JobState.FAILED,
    "EXPIRED": JobState.FAILED,
    "EXPIRED_CLEANING_UP": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "DELETING": JobState.CANCELLED,
    "DELETING_CLEANING_UP": JobState.CANCELLED,
    "DELETED": JobState.CANCELLED,
    "ARCHIVED": JobState.CANCELLED,
}
_NUMBERED = {
    1: "QUEUED",
    2: "PENDING",
    3: "RUNNING",
    4: "COMPLETED",
    5: "FAILED",
    6: "CANCELLED",
    7: "CREATING",
    8: "CANCELLING",
    9: "DELETING",
}


class Status(msgspec.Struct, frozen=True):
    """The status of other kinds of jobs: an object where a batch job has a sentence."""

    code: str | int | None = None
    message: str | None = None


class BatchJob(msgspec.Struct, frozen=True, rename="camel"):
    """A batch job. Times are RFC 3339."""

    name: str = ""
    """`accounts/<account>/batchJobs/<job>`."""
    display_name: str | None = None
    state: str | int | None = None
    status: str | Status | None = None
    create_time: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    update_time: str | None = None
    created_by: str | None = None
    num_ranks: int | None = None
    node_pool_id: str | None = None
    environment_id: str | None = None
    snapshot_id: str | None = None
    image_ref: str | None = None
    role: str | None = None


class BatchJobs(msgspec.Struct, frozen=True, rename="camel"):
    """A page of batch jobs."""

    batch_jobs: list[BatchJob] | None = None
    next_page_token: str | None = None


class Account(msgspec.Struct, frozen=True):
    """An account of the key."""

    name: str = ""
    """`accounts/<account>`."""


class Accounts(msgspec.Struct, frozen=True):
    """The accounts of the key."""

    accounts: list[Account] | None = None


class Entry(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One log entry, without an id or a level."""

    log_time: str | None = None
    rank: int | None = None
    message: str | None = None


class Entries(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a log."""

    entries: list[Entry] | None = None
    next_page_token: str | None = None
    """Absent or empty on the last page, whatever its size."""


_BATCH_JOB = msgspec.json.Decoder(BatchJob, strict=False)
_BATCH_JOBS = msgspec.json.Decoder(BatchJobs, strict=False)
_ACCOUNTS = msgspec.json.Decoder(Accounts, strict=False)
_ENTRIES = msgspec.json.Decoder(Entries, strict=False)


def batch_job_state(word: str | int | None) -> JobState:
    """Return the state that a status means; UNKNOWN for an undocumented one.

    EXPIRED exceeded its time and is a failure. PAUSED waits for a person (account suspended, or paused by hand).
    DELETING counts as cancelled. CANCELLING still runs.
    """
    return _STATES.get(status_word(word).removeprefix("JOB_").removeprefix("STATE_"), JobState.UNKNOWN)


def status_word(word: str | int | None) -> str:
    """Return the platform's own word: RUNNING for batch jobs, JOB_STATE_RUNNING for other kinds."""
    if isinstance(word, int):
        return _NUMBERED.get(word, str(word) if word else "STATE_UNSPECIFIED")
    return (word or "STATE_UNSPECIFIED").upper()


def parse_batch_job(body: bytes, asked: JobRef) -> Job:
    """Parse one batch job.

    Raises:
        ProtocolError: the body does not match the documentation.
    """
    return job_from(decode_body(_BATCH_JOB, body, NAME), asked)


def parse_batch_jobs(body: bytes, account: str) -> tuple[list[Job], str]:
    """Parse a page of an account's batch jobs, and the token of the next page, "" at the end."""
    page = decode_body(_BATCH_JOBS, body, NAME)
    named = ((one, one.name.rpartition("/")[2]) for one in page.batch_jobs or ())
    jobs = [job_from(one, JobRef(NAME, f"{account}/{job_id}")) for one, job_id in named if job_id]
    return jobs, page.next_page_token or ""


def parse_accounts(body: bytes) -> list[str]:
    """Parse the ids of the key's accounts."""
    names = (account.name.rpartition("/")[2] for account in decode_body(_ACCOUNTS, body, NAME).accounts or ())
    return [name for name in names if name]


def parse_entries(body: bytes, before_ns: int) -> tuple[list[LogLine], str]:
    """Parse a page of log lines in the order sent, and the token of the next page, "" at the end.

    `logTime` has 0, 3, 6 or 9 fraction digits. Entries without a readable time keep their text, which may be the one
    that matters: see `fill_timestamps`, with `before_ns` as the default.
    """
    page = decode_body(_ENTRIES, body, NAME, lambda value: with_texts(value, "message"))
    parse_timestamp = timestamp_parser()
    entries = page.entries or ()
    stamps = fill_timestamps([parse_timestamp(entry.log_time or "") for entry in entries], before_ns)
    lines = [
        LogLine(stamp_ns, entry.message or "", rank=entry.rank or 0)
        for entry, stamp_ns in zip(entries, stamps, strict=True)
    ]
    return lines, page.next_page_token or ""


def job_from(one: BatchJob, asked: JobRef) -> Job:
    """Convert a batch job; `status` is an error only if the job has failed or is unhealthy."""
    state = batch_job_state(one.state)
    status = _sentence(one.status)
    facts: Sequence[tuple[str, str | int | None]] = (
        ("Status", None if state.is_failure else status),
        ("Ranks", one.num_ranks),
        ("Node pool", one.node_pool_id),
        ("Environment", one.environment_id),
        ("Snapshot", one.snapshot_id),
        ("Image", one.image_ref),
        ("Role", one.role),
    )
    created, started, ended, updated = (
        None if stamp is None else datetime_from_ns(stamp)
        for stamp in (
            parse_rfc3339_ns(text or "") for text in (one.create_time, one.start_time, one.end_time, one.update_time)
        )
    )
    return Job(
        ref=asked,
        state=state,
        vendor_status=status_word(one.state),
        name=one.display_name or None,
        error=status if state.is_failure else None,
        user=one.created_by or None,
        created_at=created,
        started_at=started,
        updated_at=updated,
        ended_at=ended,
        details=tuple((label, str(value)) for label, value in facts if value),
    )


def _sentence(status: str | Status | None) -> str | None:
    if not isinstance(status, Status):
        return status or None
    code = "" if status.code in (None, "OK", 0) else str(status.code)
    return ": ".join(part for part in (code, status.message) if part) or None
