"""Read everything that trainwatch reads of Baseten, with the official client `baseten`.

Arguments: BASE_URL KEY START_MS END_MS. Prints a JSON document: every log that was found, line by line, and samples.
The client validates each body in its own models, so a body that does not fit them ends this script.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from baseten.client import ManagementClient
from baseten.client.managementapi import (
    GetChainsDeploymentsChainletsLogsParams,
    GetDeploymentLogsRequest,
    GetModelsDeploymentsLogsParams,
    GetModelsDeploymentsMetricsParams,
    GetModelsEnvironmentsLogsParams,
    GetModelsEnvironmentsMetricsParams,
    GetTrainingJobLogsRequest,
    GetTrainingJobMetricsRequest,
    GetTrainingProjectsJobsLogsParams,
    GetTrainingProjectsJobsMetricsParams,
    SearchTrainingJobsRequest,
)

from tests.slow.official_clients.paging import PAGE, Row, read_whole_log

METRICS = ["baseten_gpu_utilization", "baseten_gpu_memory_used", "baseten_inference_requests_total"]

Document = dict[str, Any]


def whole_log(
    call: Callable[..., Any], shape: Callable[..., Any], window: tuple[int, int], keyword: str, **ids: str
) -> list[Row]:
    """Read a log through one of the client's methods, whose parameters have this shape."""

    def fetch(start_ms: int, end_ms: int) -> Sequence[Any]:
        asked = shape(start_epoch_millis=start_ms, end_epoch_millis=end_ms, direction="asc", limit=PAGE)
        lines: Sequence[Any] = call(**ids, **{keyword: asked}).logs
        return lines

    return read_whole_log(fetch, *window)


def training(api: Any, window: tuple[int, int]) -> Document:
    """Read every project, job, log, metric and checkpoint."""
    logs, metrics, checkpoints = {}, {}, {}
    assert api.post_training_jobs_search(request=SearchTrainingJobsRequest(job_id=None, statuses=None)).training_jobs
    for project in api.get_training_projects().training_projects:
        for job in api.get_training_projects_jobs(training_project_id=project.id).training_jobs:
            ids = {"training_project_id": project.id, "training_job_id": job.id}
            name = f"{project.id}/{job.id}"
            assert api.get_training_projects_jobs_training_job_id(**ids).training_job == job
            by_get, by_post = (
                whole_log(
                    api.get_training_projects_jobs_logs, GetTrainingProjectsJobsLogsParams, window, "params", **ids
                ),
                whole_log(api.post_training_projects_jobs_logs, GetTrainingJobLogsRequest, window, "request", **ids),
            )
            assert by_get == by_post, f"GET and POST return different logs of {name}"
            logs[name] = by_get
            kept = api.get_training_projects_jobs_checkpoints(**ids).checkpoints
            checkpoints[name] = [one.checkpoint_id for one in kept]
            asked = {"start_epoch_millis": window[0], "end_epoch_millis": window[1]}
            found = api.get_training_projects_jobs_metrics(
                **ids, params=GetTrainingProjectsJobsMetricsParams(**asked, step_seconds=60)
            )
            posted = api.post_training_projects_jobs_metrics(**ids, request=GetTrainingJobMetricsRequest(**asked))
            assert [one.node_id for one in posted.per_node_metrics] == [one.node_id for one in found.per_node_metrics]
            metrics[name] = found.model_dump(mode="json")["per_node_metrics"]
    return {"logs": logs, "metrics": metrics, "checkpoints": checkpoints}


def serving(api: Any, window: tuple[int, int]) -> Document:
    """Read every model, deployment and environment, with their logs and metrics in all three modes."""
    logs, metrics = {}, {}
    series = {"mode": "SERIES", "start_epoch_millis": window[0], "end_epoch_millis": window[1], "metrics": METRICS}
    assert api.get_instance_types().instance_types
    for model in api.get_models().models:
        for deployment in api.get_models_deployments(model_id=model.id).deployments:
            ids = {"model_id": model.id, "deployment_id": deployment.id}
            name = f"{model.id}/{deployment.id}"
            assert api.get_models_deployments_deployment_id(**ids) == deployment
            by_get = whole_log(api.get_models_deployments_logs, GetModelsDeploymentsLogsParams, window, "params", **ids)
            by_post = whole_log(api.post_models_deployments_logs, GetDeploymentLogsRequest, window, "request", **ids)
            assert by_get == by_post, f"GET and POST return different logs of {name}"
            logs[name] = by_get
            for mode in ({}, {"mode": "SUMMARY"}, series):
                found = api.get_models_deployments_metrics(**ids, params=GetModelsDeploymentsMetricsParams(**mode))
            metrics[name] = found.model_dump(mode="json")
        for environment in api.get_models_environments(model_id=model.id).environments:
            ids = {"model_id": model.id, "env_name": environment.name}
            assert api.get_models_environments_env_name(**ids) == environment
            name = f"{model.id}/environments/{environment.name}"
            shape = GetModelsEnvironmentsLogsParams
            logs[name] = whole_log(api.get_models_environments_logs, shape, window, "params", **ids)
            found = api.get_models_environments_metrics(**ids, params=GetModelsEnvironmentsMetricsParams(**series))
            metrics[name] = found.model_dump(mode="json")
    return {"logs": logs, "metrics": metrics}


def chains(api: Any, window: tuple[int, int]) -> Document:
    """Read every chain's deployments and the logs of their chainlets."""
    logs = {}
    for chain in api.get_chains().chains:
        for deployment in api.get_chains_deployments(chain_id=chain.id).deployments:
            ids = {"chain_id": chain.id, "chain_deployment_id": deployment.id}
            assert api.get_chains_deployments_chain_deployment_id(**ids) == deployment
            for chainlet in deployment.chainlets:
                logs[f"chains/{chain.id}/{deployment.id}/{chainlet.id}"] = whole_log(
                    api.get_chains_deployments_chainlets_logs,
                    GetChainsDeploymentsChainletsLogsParams,
                    window,
                    "params",
                    **ids,
                    chainlet_id=chainlet.id,
                )
    return {"logs": logs}


def parameters() -> dict[str, list[str]]:
    """Return the names of the query parameters of each route that has any."""
    model, job = "/v1/models/{model_id}", "/v1/training_projects/{project_id}/jobs/{job_id}"
    chainlet = "/v1/chains/{chain_id}/deployments/{chain_deployment_id}/chainlets/{chainlet_id}"
    shapes: dict[str, Any] = {
        f"{job}/logs": GetTrainingProjectsJobsLogsParams,
        f"{job}/metrics": GetTrainingProjectsJobsMetricsParams,
        f"{model}/deployments/{{deployment_id}}/logs": GetModelsDeploymentsLogsParams,
        f"{model}/deployments/{{deployment_id}}/metrics": GetModelsDeploymentsMetricsParams,
        f"{model}/environments/{{env_name}}/logs": GetModelsEnvironmentsLogsParams,
        f"{model}/environments/{{env_name}}/metrics": GetModelsEnvironmentsMetricsParams,
        f"{chainlet}/logs": GetChainsDeploymentsChainletsLogsParams,
    }
    return {route: list(shape.model_fields) for route, shape in shapes.items()}


def main(base_url: str, key: str, start_ms: str, end_ms: str) -> None:
    """Read everything and print it."""
    window = (int(start_ms), int(end_ms))
    with ManagementClient(api_key=key, base_url_override=base_url) as client:
        parts = {"training": training, "serving": serving, "chains": chains}
        document = {name: read(client.api, window) for name, read in parts.items()}
        json.dump({**document, "parameters": parameters()}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
