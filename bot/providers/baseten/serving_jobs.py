"""Deployments, environments and chainlets as jobs. Pure."""

from bot.domain.jobs import Job, JobRef, JobState, Resources
from bot.providers.baseten.references import DEPLOYMENT, chainlet_url, deployment_url
from bot.providers.baseten.states import StatusReader
from bot.providers.baseten.wire import WireChainDeployment, WireChainlet, WireDeployment, WireEnvironment, utc
from bot.providers.decoding import details_of

NO_DEPLOYMENT = "NO_DEPLOYMENT"
"""Our word for the status of an environment that nothing was promoted to."""


def deployment_job(
    wire: WireDeployment, model_id: str, model_name: str | None, resources: Resources, statuses: StatusReader
) -> Job:
    """Return a deployment of a model."""
    kind = "production" if wire.is_production else "development" if wire.is_development else None
    parts = (model_name, wire.environment or kind or wire.name)
    return Job(
        ref=JobRef(DEPLOYMENT, f"{model_id}/{wire.id}"),
        state=statuses.state(wire.status),
        vendor_status=wire.status,
        name=" · ".join(part for part in parts if part) or None,
        url=deployment_url(model_id, wire.id),
        created_at=utc(wire.created_at),
        resources=resources,
        details=details_of(
            ("Model", model_name),
            ("Environment", wire.environment or kind),
            ("Active replicas", wire.active_replica_count),
        ),
    )


def environment_job(
    wire: WireEnvironment, model_id: str, model_name: str | None, resources: Resources, statuses: StatusReader
) -> Job:
    """Return an environment: its state is that of the deployment that serves it."""
    current, candidate = wire.current_deployment, wire.candidate_deployment
    return Job(
        ref=JobRef(DEPLOYMENT, f"{model_id}/environments/{wire.name}"),
        state=JobState.IDLE if current is None else statuses.state(current.status),
        vendor_status=NO_DEPLOYMENT if current is None else current.status,
        name=" · ".join(part for part in (model_name, wire.name) if part),
        url=None if current is None else deployment_url(model_id, current.id),
        created_at=utc(wire.created_at),
        resources=resources,
        details=details_of(
            ("Model", model_name),
            ("Deployment", current.id if current else None),
            ("Being promoted", f"{candidate.id} ({candidate.status})" if candidate else None),
            ("Active replicas", current.active_replica_count if current else None),
        ),
    )


def chainlet_job(
    wire: WireChainDeployment,
    chainlet: WireChainlet,
    chain_id: str,
    chain_name: str | None,
    resources: Resources,
    statuses: StatusReader,
) -> Job:
    """Return a chainlet of a deployment of a chain."""
    return Job(
        ref=JobRef(DEPLOYMENT, f"chains/{chain_id}/{wire.id}/{chainlet.id}"),
        state=statuses.state(chainlet.status),
        vendor_status=chainlet.status,
        name=" · ".join(part for part in (chain_name, chainlet.name, wire.environment) if part) or None,
        url=chainlet_url(chain_id, wire.id, chainlet.id),
        created_at=utc(wire.created_at),
        resources=resources,
        details=details_of(
            ("Chain", chain_name or chain_id),
            ("Chainlet", chainlet.name),
            ("Environment", wire.environment),
            ("Active replicas", chainlet.active_replica_count),
        ),
    )
