"""Parse references and URLs of Baseten's jobs. Pure.

Source: dashboard URLs as `truss train push`, `truss push` and `truss chains push` print them,
https://docs.baseten.co/training/remote-access and https://docs.baseten.co/development/model/overview (read 2026-11-20;
documented): `/training/<project>/logs/<job>`, `/models/<model>/logs/<deployment>` and, observed in the client,
`/chains/<chain>/logs/<deployment>/<chainlet>`. Observed in the wild: `/training/project/<project>/logs/<job>`. Assumed:
other tabs have another word instead of `logs`; ids are letters, digits, `-` and `_`; an environment's page has the path
that the API has.
"""

import re
from urllib.parse import quote, urlsplit

from bot.domain.jobs import JobRef

TRAINING = "baseten"
DEPLOYMENT = "baseten-model"
TRAINING_HELP = "baseten:<project_id>/<job_id>, such as baseten:qrj8y03/wp11ylw, or baseten:<job_id>"
DEPLOYMENT_HELP = (
    "baseten-model:<model_id>/<deployment_id>, such as baseten-model:abc1d2ef/xyz123,"
    " baseten-model:<model_id>/environments/<name>,"
    " or baseten-model:chains/<chain_id>/<deployment_id>/<chainlet_id>"
)

_ID = r"([A-Za-z0-9_-]{1,64})"
_TRAINING_ID = re.compile(rf"(?:{_ID}/)?{_ID}")
_DEPLOYMENT_ID = re.compile(rf"{_ID}/{_ID}")
_ENVIRONMENT_ID = re.compile(rf"{_ID}/environments/{_ID}")
_CHAINLET_ID = re.compile(rf"chains/{_ID}/{_ID}/{_ID}")
_TRAINING_PATHS = (
    re.compile(rf"/training/(?:project/)?{_ID}/[a-z-]+/{_ID}(?:/.*)?"),
    re.compile(rf"/v1/training_projects/{_ID}/jobs/{_ID}(?:/.*)?"),
)
_ENVIRONMENT_PATHS = (re.compile(rf"(?:/v1)?/models/{_ID}/environments/{_ID}(?:/.*)?"),)
_CHAINLET_PATHS = (
    re.compile(rf"/chains/{_ID}/[a-z-]+/{_ID}/{_ID}(?:/.*)?"),
    re.compile(rf"/v1/chains/{_ID}/deployments/{_ID}/chainlets/{_ID}(?:/.*)?"),
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
    """Parse `model/deployment`, `model/environments/name`, `chains/chain/deployment/chainlet`, or the URL of one."""
    forms = (
        ("{}/environments/{}", _ENVIRONMENT_PATHS, _ENVIRONMENT_ID),
        ("chains/{}/{}/{}", _CHAINLET_PATHS, _CHAINLET_ID),
        ("{}/{}", _DEPLOYMENT_PATHS, _DEPLOYMENT_ID),
    )
    for form, paths, plain in forms:
        if found := _ids(text, paths, plain):
            return JobRef(DEPLOYMENT, form.format(*found))
    return None


def training_url(project_id: str, job_id: str) -> str:
    """Return the URL of the job in the dashboard."""
    return f"https://app.baseten.co/training/{quote(project_id)}/logs/{quote(job_id)}"


def deployment_url(model_id: str, deployment_id: str) -> str:
    """Return the URL of the deployment in the dashboard."""
    return f"https://app.baseten.co/models/{quote(model_id)}/logs/{quote(deployment_id)}"


def chainlet_url(chain_id: str, deployment_id: str, chainlet_id: str) -> str:
    """Return the URL of the chainlet in the dashboard."""
    return f"https://app.baseten.co/chains/{quote(chain_id)}/logs/{quote(deployment_id)}/{quote(chainlet_id)}"


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
