"""Baseten's words for where a job stands. Pure.

Sources: training, https://docs.baseten.co/training/lifecycle (read 2026-11-20; documented): CREATED, DEPLOYING,
RUNNING, COMPLETED, DEPLOY_FAILED, FAILED, STOPPED, and PENDING. Observed in Baseten's own clients: QUEUED, PREEMPTED,
EXPIRED. Deployments, https://docs.baseten.co/reference/management-api (same day; documented as an open enum).
"""

from __future__ import annotations

from bot.domain.jobs import JobState

_TRAINING = {
    "PENDING": JobState.QUEUED,
    "QUEUED": JobState.QUEUED,
    "CREATED": JobState.STARTING,
    "DEPLOYING": JobState.STARTING,
    "RUNNING": JobState.RUNNING,
    "COMPLETED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "DEPLOY_FAILED": JobState.FAILED,
    "EXPIRED": JobState.FAILED,
    "STOPPED": JobState.CANCELLED,
    "PREEMPTED": JobState.PREEMPTED,
}

_DEPLOYMENT = {
    "BUILDING": JobState.STARTING,
    "DEPLOYING": JobState.STARTING,
    "LOADING_MODEL": JobState.STARTING,
    "WAKING_UP": JobState.STARTING,
    "ACTIVE": JobState.RUNNING,
    "UPDATING": JobState.RUNNING,
    "SCALED_TO_ZERO": JobState.IDLE,
    "DEACTIVATING": JobState.IDLE,
    "INACTIVE": JobState.IDLE,
    "UNHEALTHY": JobState.UNHEALTHY,
    "BUILD_FAILED": JobState.FAILED,
    "DEPLOY_FAILED": JobState.FAILED,
    "FAILED": JobState.FAILED,
    "BUILD_STOPPED": JobState.CANCELLED,
}


def training_state(status: str) -> JobState:
    """The state of a training job; UNKNOWN for a word that is in no document."""
    return _TRAINING.get(status.upper().removeprefix("TRAINING_JOB_"), JobState.UNKNOWN)


def deployment_state(status: str) -> JobState:
    """The state of a deployment; an inactive one can be woken, so it is idle and not over."""
    return _DEPLOYMENT.get(status.upper(), JobState.UNKNOWN)
