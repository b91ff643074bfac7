"""Read everything that trainwatch reads of Fireworks, with the official client `fireworks-ai`.

Arguments: BASE_URL KEY. Prints a JSON document: every log that was found, line by line, and the files with metrics. The
client validates each body in its own models, so a body that does not fit them ends this script. It has no models of
batch jobs, which it reads as plain JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import httpx
from fireworks import Fireworks

PAGE = 700

Document = dict[str, Any]


def read_file(url: str | None) -> str:
    """Read a file by its signed URL alone."""
    assert url, "the job has no signed URL"
    return httpx.get(url).raise_for_status().text


def fine_tuning(jobs: Any, read: Callable[..., Any], metrics_url: Callable[[Any], str | None]) -> Document:
    """Read every job of one kind, page by page, with its log and its metrics."""
    found = {}
    for listed in jobs.list(page_size=1, order_by="create_time desc"):
        job_id = listed.name.rpartition("/")[2]
        job = read(job_id)
        assert (job.name, job.state, job.create_time) == (listed.name, listed.state, listed.create_time)
        assert read(job_id, read_mask="name,state,dataset,evaluator").create_time is None
        url = metrics_url(job)
        found[job_id] = {"log": read_file(job.trainer_logs_signed_url), "metrics": read_file(url) if url else None}
    return found


def batch_jobs(client: Any, account: str) -> Document:
    """Read every batch job, with all lines of its log."""
    path = f"/v1/accounts/{account}/batchJobs"
    found = {}
    for listed in client.get(path, cast_to=object)["batchJobs"]:
        job_id = listed["name"].rpartition("/")[2]
        assert client.get(f"{path}/{job_id}", cast_to=object) == listed
        entries, params = [], {"pageSize": PAGE, "startFromHead": "true", "startTime": "1970-01-01T00:00:00Z"}
        while True:
            page = client.get(f"{path}/{job_id}:getLogs", cast_to=object, options={"params": params})
            entries += page.get("entries", [])
            if not page.get("nextPageToken"):
                break
            params = {**params, "pageToken": page["nextPageToken"]}
        found[job_id] = [[one["logTime"], one.get("rank", 0), one.get("message", "")] for one in entries]
    return found


def main(base_url: str, key: str) -> None:
    """Read everything and print it."""
    with Fireworks(api_key=key, account_id="acme", base_url=base_url, _strict_response_validation=True) as client:
        assert [account.name for account in client.accounts.list()] == ["accounts/acme"]
        sft, rft, dpo = client.supervised_fine_tuning_jobs, client.reinforcement_fine_tuning_jobs, client.dpo_jobs

        def dpo_metrics(job: Any) -> str | None:
            url: str | None = dpo.get_metrics_file_endpoint(job.name.rpartition("/")[2]).signed_url
            return url

        json.dump(
            {
                "supervisedFineTuningJobs": fine_tuning(sft, sft.get, lambda job: job.metrics_file_signed_url),
                "reinforcementFineTuningJobs": fine_tuning(rft, rft.get, lambda _: None),
                "dpoJobs": fine_tuning(dpo, dpo.get, dpo_metrics),
                "batchJobs": batch_jobs(client, "acme"),
            },
            sys.stdout,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
