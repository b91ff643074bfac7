"""Map Baseten's statuses to job states.

Sources: training, https://docs.baseten.co/training/lifecycle (read 2026-11-20; documented): CREATED, DEPLOYING,
RUNNING, COMPLETED, DEPLOY_FAILED, FAILED, STOPPED, and PENDING. Observed in Baseten's own clients: QUEUED, PREEMPTED,
EXPIRED. Deployments, https://docs.baseten.co/reference/management-api (same day; documented as an open enum).
"""

import logging
from collections.abc import Callable

from bot.domain.jobs import JobState
from bot.providers.decoding import by_word

_log = logging.getLogger(__name__)

_TRAINING = by_word(
    {
        JobState.QUEUED: "PENDING QUEUED",
        JobState.STARTING: "CREATED DEPLOYING",
        JobState.RUNNING: "RUNNING",
        JobState.SUCCEEDED: "COMPLETED",
        JobState.FAILED: "FAILED DEPLOY_FAILED EXPIRED",
        JobState.CANCELLED: "STOPPED",
        JobState.PREEMPTED: "PREEMPTED",
    }
)
_DEPLOYMENT = by_word(
    {
        JobState.STARTING: "BUILDING DEPLOYING LOADING_MODEL WAKING_UP",
        JobState.RUNNING: "ACTIVE UPDATING",
        JobState.IDLE: "SCALED_TO_ZERO DEACTIVATING INACTIVE",
        JobState.UNHEALTHY: "UNHEALTHY",
        JobState.FAILED: "BUILD_FAILED DEPLOY_FAILED FAILED",
        JobState.CANCELLED: "BUILD_STOPPED",
    }
)


def training_state(status: str) -> JobState:
    """Return the state of a training job; UNKNOWN for an undocumented status."""
    return _TRAINING.get(status.upper().removeprefix("TRAINING_JOB_"), JobState.UNKNOWN)


def deployment_state(status: str) -> JobState:
    """Return the state of a deployment. An inactive one can be woken, so it is idle and has not ended."""
    return _DEPLOYMENT.get(status.upper(), JobState.UNKNOWN)


class StatusReader:
    """Reads statuses, and logs each unknown one once."""

    def __init__(self, provider: str, state_of: Callable[[str], JobState]) -> None:
        self._provider = provider
        self._state_of = state_of
        self._unknown: set[str] = set()

    def state(self, status: str) -> JobState:
        """Return the state that a status means."""
        state = self._state_of(status)
        if state is JobState.UNKNOWN and status not in self._unknown:
            self._unknown.add(status)
            _log.warning("unknown job status", extra={"provider": self._provider, "status": status[:100]})
        return state
