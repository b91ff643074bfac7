"""Read training jobs and a deployment as the `truss` command does: by POST, with its own paging and log watchers.

Arguments: BASE_URL KEY PROJECT/JOB MODEL/DEPLOYMENT. Prints a JSON document.
"""

from __future__ import annotations

import json
import sys

from truss.cli.logs.model_log_watcher import ModelDeploymentLogWatcher
from truss.cli.logs.training_log_watcher import TrainingLogWatcher
from truss.remote.baseten import api as truss_api
from truss.remote.baseten.auth import ApiKeyCredential, AuthService
from truss.remote.baseten.core import get_training_job_logs_with_pagination

from tests.slow.official_clients.paging import row_of

APP = "https://app.baseten.example"
"""Stands for the dashboard, whose address `truss` is set up with; it derives the API's address from it."""


def main(base_url: str, key: str, training_job: str, deployment: str) -> None:
    """Read everything and print it."""
    truss_api.API_URL_MAPPING[APP] = base_url
    api = truss_api.BasetenApi(APP, AuthService(ApiKeyCredential(api_key=key)))
    project_id, job_id = training_job.split("/")
    model_id, deployment_id = deployment.split("/")
    assert api.search_training_jobs(job_id=job_id)[0]["training_project_id"] == project_id
    assert [one["id"] for one in api.list_training_projects()]
    assert api.list_training_jobs(project_id)
    pages = get_training_job_logs_with_pagination(api, project_id, job_id)
    watched = TrainingLogWatcher(api, project_id, job_id)
    served = ModelDeploymentLogWatcher(api, model_id, deployment_id)
    served.before_polling()
    assert served.should_poll_again()
    metrics = api.get_training_job_metrics(project_id, job_id)
    document = {
        "paged": [row_of(line) for line in pages],
        "watched": [[int(line.timestamp), line.message, line.replica] for line in watched.poll()],
        "served": [[int(line.timestamp), line.message, line.replica] for line in served.poll()],
        "filtered": [
            row_of(line) for line in api.get_model_deployment_logs(model_id, deployment_id, includes=["step"])
        ],
        "nodes": [one["node_id"] for one in metrics["per_node_metrics"]],
        "checkpoints": [
            one["checkpoint_id"] for one in api.list_training_job_checkpoints(project_id, job_id)["checkpoints"]
        ],
    }
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
