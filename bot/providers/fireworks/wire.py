"""Parse the responses of Fireworks' gateway. Pure.

Source: https://docs.fireworks.ai/api-reference-dlde/get-batch-job-logs, .../get-batch-job, .../list-batch-jobs (read
2026-11-20) and the states of the fine-tuning jobs' reference. The responses are proto3 JSON: fields with a zero value
may be left out (rank 0, no entries), enums may be numbers, and unknown fields may appear.
"""

import msgspec

from bot.domain.durations import timestamp_parser
from bot.domain.jobs import Job, JobRef, JobState, Resources
from bot.domain.logs import LogLine
from bot.providers.decoding import by_word, decode_body, details_of, fill_timestamps, parse_time, with_texts
from bot.providers.fireworks.references import NAME

_STATES = by_word(
    {
        JobState.QUEUED: "QUEUED PENDING RE_QUEUEING",
        JobState.STARTING: "CREATING VALIDATING CREATING_INPUT_DATASET CREATING_DEPENDENCIES",
        JobState.RUNNING: "RUNNING WRITING_RESULTS ROLLOUT EVALUATION POLICY_UPDATE CANCELLING",
        JobState.IDLE: "IDLE",
        JobState.UNHEALTHY: "PAUSED",
        JobState.SUCCEEDED: "COMPLETED EARLY_STOPPED",
        JobState.FAILED: "FAILED FAILED_CLEANING_UP EXPIRED EXPIRED_CLEANING_UP",
        JobState.CANCELLED: "CANCELLED DELETING DELETING_CLEANING_UP DELETED ARCHIVED",
    }
)
_NUMBERED = {1: "QUEUED", 2: "PENDING", 3: "RUNNING", 4: "COMPLETED", 5: "FAILED", 6: "CANCELLED"}
_NUMBERED |= {7: "CREATING", 8: "CANCELLING", 9: "DELETING"}


class Status(msgspec.Struct, frozen=True):
    """The status of other kinds of jobs: an object where a batch job has a sentence."""

    code: str | int | None = None
    message: str | None = None


class GatewayJob(msgspec.Struct, frozen=True, rename="camel"):
    """What jobs of every kind have. Times are RFC 3339."""

    name: str = ""
    """`accounts/<account>/<collection>/<job>`."""
    display_name: str | None = None
    state: str | int | None = None
    status: str | Status | None = None
    create_time: str | None = None
    update_time: str | None = None
    created_by: str | None = None


class BatchJob(GatewayJob, frozen=True, rename="camel"):
    """A batch job, of the collection `batchJobs`."""

    start_time: str | None = None
    end_time: str | None = None
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
    """An account of the key, named `accounts/<account>`."""

    name: str = ""


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
    """Parse one batch job. Like the other parse functions, raises ProtocolError for any other body."""
    return job_from(decode_body(BatchJob, body, NAME), asked)


def parse_batch_jobs(body: bytes, account: str) -> tuple[list[Job], str]:
    """Parse a page of an account's batch jobs, and the token of the next page, "" at the end."""
    page = decode_body(BatchJobs, body, NAME)
    named = ((one, one.name.rpartition("/")[2]) for one in page.batch_jobs or ())
    jobs = [job_from(one, JobRef(NAME, f"{account}/{job_id}")) for one, job_id in named if job_id]
    return jobs, page.next_page_token or ""


def parse_accounts(body: bytes) -> list[str]:
    """Parse the ids of the key's accounts."""
    names = (account.name.rpartition("/")[2] for account in decode_body(Accounts, body, NAME).accounts or ())
    return [name for name in names if name]


def parse_entries(body: bytes, before_ns: int) -> tuple[list[LogLine], str]:
    """Parse a page of log lines in the order sent, and the token of the next page, "" at the end.

    `logTime` has 0, 3, 6 or 9 fraction digits. Entries without a readable time keep their text, which may be the one
    that matters: see `fill_timestamps`, with `before_ns` as the default.
    """
    page = decode_body(Entries, body, NAME, lambda value: with_texts(value, "message", "logTime"))
    parse_timestamp = timestamp_parser()
    entries = page.entries or ()
    stamps = fill_timestamps([parse_timestamp(entry.log_time or "") for entry in entries], before_ns)
    pairs = zip(entries, stamps, strict=True)
    lines = [LogLine(stamp_ns, entry.message or "", rank=entry.rank or 0) for entry, stamp_ns in pairs]
    return lines, page.next_page_token or ""


def job_from(one: BatchJob, asked: JobRef) -> Job:
    """Convert a batch job; `status` is an error only if the job has failed or is unhealthy."""
    state = batch_job_state(one.state)
    status = describe_status(one.status)
    return Job(
        ref=asked,
        state=state,
        vendor_status=status_word(one.state),
        name=one.display_name or None,
        error=status if state.is_failure else None,
        user=one.created_by or None,
        created_at=parse_time(one.create_time),
        started_at=parse_time(one.start_time),
        updated_at=parse_time(one.update_time),
        ended_at=parse_time(one.end_time),
        resources=Resources(rank_count=one.num_ranks or None),
        details=details_of(
            ("Status", None if state.is_failure else status),
            ("Ranks", one.num_ranks or None),
            ("Node pool", one.node_pool_id),
            ("Environment", one.environment_id),
            ("Snapshot", one.snapshot_id),
            ("Image", one.image_ref),
            ("Role", one.role),
        ),
    )


def describe_status(status: str | Status | None) -> str | None:
    """Return a status as a sentence; None if it has no words."""
    if not isinstance(status, Status):
        return status or None
    code = "" if status.code in (None, "OK", 0) else str(status.code)
    return ": ".join(part for part in (code, status.message) if part) or None
