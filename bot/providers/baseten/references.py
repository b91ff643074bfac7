"""Parse references and URLs of Baseten's jobs. Pure.

Source: dashboard URLs as `truss train push` and `truss push` print them,
https://docs.baseten.co/training/remote-access and https://docs.baseten.co/development/model/overview (read 2026-11-20;
documented): `/training/<project>/logs/<job>` and `/models/<model>/logs/<deployment>`. Observed in the wild:
`/training/project/<project>/logs/<job>`. Assumed: other tabs have another word instead of `logs`; ids are letters,
digits, `-` and `_`.
"""

import re
from urllib.parse import quote, urlsplit

from bot.domain.jobs import JobRef

TRAINING = "baseten"
DEPLOYMENT = "baseten-model"
TRAINING_HELP = "baseten:<project_id>/<job_id>, such as baseten:qrj8y03/wp11ylw, or baseten:<job_id>"
DEPLOYMENT_HELP = "baseten-model:<model_id>/<deployment_id>, such as baseten-model:abc1d2ef/xyz123"

_ID = r"([A-Za-z0-9_-]{1,64})"
_TRAINING_ID = re.compile(rf"(?:{_ID}/)?{_ID}")
_DEPLOYMENT_ID = re.compile(rf"{_ID}/{_ID}")
_TRAINING_PATHS = (
    re.compile(rf"/training/(?:project/)?{_ID}/[a-z-]+/{_ID}(?:/.*)?"),
    re.compile(rf"/v1/training_projects/{_ID}/jobs/{_ID}(?:/.*)?"),
)
_DEPLOYMENT_PATHS = (
    re.compile(rf"/models/{_ID}/[a-z-]+/{_ID}(?:/.*)?"),
    re.compile(rf"/v1/models/{_ID}/deployments/{_ID}(?:/.*)?"),
)


def parse_training_ref(text: str) -> JobRef | None:
    """Parse `project/job`, `job`, or the URL of a training job."""
    found = _ids(text, _TRAINING_PATHS, _TRAINING_ID)
    return JobRef(TRAINING, "/".join(filter(None, found))) if found else None


def parse_deployment_ref(text: str) -> JobRef | None:
    """Parse `model/deployment`, or the URL of a deployment."""
    found = _ids(text, _DEPLOYMENT_PATHS, _DEPLOYMENT_ID)
    return JobRef(DEPLOYMENT, "/".join(found)) if found else None


def training_url(project_id: str, job_id: str) -> str:
    """Return the URL of the job in the dashboard."""
    return f"https://app.baseten.co/training/{quote(project_id)}/logs/{quote(job_id)}"


def deployment_url(model_id: str, deployment_id: str) -> str:
    """Return the URL of the deployment in the dashboard."""
    return f"https://app.baseten.co/models/{quote(model_id)}/logs/{quote(deployment_id)}"


def _ids(text: str, paths: tuple[re.Pattern[str], ...], plain: re.Pattern[str]) -> tuple[str, ...]:
    """Return the ids in a URL or in the id part of a reference; empty when the text is neither."""
    stripped = text.strip()
    if "://" not in stripped:
        found = plain.fullmatch(stripped)
        return found.groups() if found else ()
    try:
        url = urlsplit(stripped)
        host = url.hostname or ""
    except ValueError:
        return ()
    if url.scheme not in ("http", "https") or not (host == "baseten.co" or host.endswith(".baseten.co")):
        return ()
    return next((found.groups() for path in paths if (found := path.fullmatch(url.path.rstrip("/")))), ())
