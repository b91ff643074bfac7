"""Parse references to Fireworks batch jobs: `account/job`, a resource name, a dashboard or API URL. Pure."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from bot.domain.jobs import JobRef

NAME = "fireworks"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_COLLECTIONS = frozenset({"batchjobs", "batch-jobs", "batch_jobs", "jobs"})


def parse_batch_job_ref(text: str, *, account: str | None = None, base_url: str = "") -> JobRef | None:
    """Return the batch job that `text` names, or None.

    `text` is a whole URL, or the part of a reference after `fireworks:`; `account` and `base_url` are configured.
    Dashboard paths are not documented. So a URL counts if its host is Fireworks' (or that of `base_url`) and its path
    holds `batchJobs/<id>` in any spelling, with the account in the path, in `?account=` or configured (assumed).
    """
    if "://" not in text:
        parts = text.strip("/").split("/")
        return _from_parts(parts, account) or _from_pair(parts, account)
    try:
        url = urlsplit(text)
    except ValueError:  # such as "https://[bad"
        return None
    host = (url.hostname or "").lower()
    if host != "fireworks.ai" and not host.endswith(".fireworks.ai") and url.netloc != urlsplit(base_url).netloc:
        return None
    named = parse_qs(url.query)
    account = next((named[key][0] for key in ("account", "accountId", "account_id") if key in named), account)
    return _from_parts([unquote(part) for part in url.path.split("/") if part], account)


def is_resource_id(text: str) -> bool:
    """Whether `text` can be the id of an account or a batch job."""
    return _ID.fullmatch(text) is not None


def job_path(job: JobRef) -> tuple[str, str]:
    """Return (account, batch job) of a reference from `parse_batch_job_ref`."""
    account, _, job_id = job.id.partition("/")
    return account, job_id


def _from_parts(parts: list[str], account: str | None) -> JobRef | None:
    """`[dashboard|v1] [accounts/<account>] batchJobs/<job>[:getLogs]`."""
    words = [part.lower() for part in parts]
    index = next((index for index, word in enumerate(words) if word in _COLLECTIONS), None)
    if index is None or index + 1 >= len(parts):
        return None
    if "accounts" in words[: max(0, index - 1)]:
        account = parts[words.index("accounts") + 1]
    return _ref(account, parts[index + 1].partition(":")[0])


def _from_pair(parts: list[str], account: str | None) -> JobRef | None:
    match parts:
        case [job]:
            return _ref(account, job)
        case [owner, job]:
            return _ref(owner, job)
        case _:
            return None


def _ref(account: str | None, job: str) -> JobRef | None:
    if account and _ID.fullmatch(account) and _ID.fullmatch(job):
        return JobRef(NAME, f"{account}/{job}")
    return None
