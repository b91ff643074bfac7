"""Why a training job waits: the jobs of its organization that hold GPUs of the same type, and those ahead of it.

Source: https://docs.baseten.co/reference/training-api/get-training-job-queue-context (read 2026-11-29; documented).
Only administrators of the organization may ask. The jobs are those of the time of submission; the events since then
tell which of them still hold GPUs or wait. Pure.
"""

from collections.abc import Sequence

import msgspec

from bot.domain.jobs import JobState
from bot.domain.runs import QueuePosition
from bot.providers.baseten.states import training_state
from bot.providers.decoding import decode_body
from bot.providers.http.client import path_segment


class WireQueuedJob(msgspec.Struct):
    """ActiveJobAtSubmitV1 or PendingJobAheadAtSubmitV1."""

    training_job_id: str
    total_gpus: int | None = None
    requested_gpus: int | None = None
    training_job_name: str | None = None


class WireQueueEvent(msgspec.Struct):
    """QueueEventV1; oldest first."""

    training_job_id: str
    status: str


class WireCapacity(msgspec.Struct):
    """CapacityAtSubmitV1."""

    max_gpus: int | None = None


class WireQueueContext(msgspec.Struct):
    """The answer, as far as trainwatch reads it."""

    gpu_type: str | None = None
    requested_gpus: int | None = None
    active_at_submit: list[WireQueuedJob] = []
    pending_ahead_at_submit: list[WireQueuedJob] = []
    events: list[WireQueueEvent] = []
    org_capacity: WireCapacity | None = None
    team_capacity: WireCapacity | None = None


def queue_path(job_id: str) -> str:
    """Return the path of a job's queue context."""
    return f"/v1/training/jobs/{path_segment(job_id)}/queue_context"


def parse_queue(body: bytes, provider: str) -> QueuePosition:
    """Return the position of a job now.

    Raises:
        ProtocolError: the answer has another form.
    """
    found = decode_body(WireQueueContext, body, provider)
    states = {event.training_job_id: training_state(event.status) for event in found.events}
    waiting = [one for one in found.pending_ahead_at_submit if _state(one, states, JobState.QUEUED) is JobState.QUEUED]
    released = [one for one in found.pending_ahead_at_submit if one not in waiting]
    active = [one for one in found.active_at_submit if not _state(one, states, JobState.RUNNING).is_terminal]
    active += [one for one in released if not _state(one, states, JobState.QUEUED).is_terminal]
    capacity = found.team_capacity or found.org_capacity
    return QueuePosition(
        gpu_type=found.gpu_type or "GPU",
        wanted_gpus=found.requested_gpus,
        ahead=len(waiting),
        holders=tuple(_holders(active)),
        pool_gpus=capacity.max_gpus if capacity else None,
    )


def _state(job: WireQueuedJob, states: dict[str, JobState], at_submit: JobState) -> JobState:
    return states.get(job.training_job_id, at_submit)


def _holders(jobs: Sequence[WireQueuedJob]) -> list[tuple[str, int]]:
    held = [(one.training_job_name or one.training_job_id, one.total_gpus or one.requested_gpus or 0) for one in jobs]
    return sorted(held, key=lambda one: -one[1])
