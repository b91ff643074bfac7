"""What names a Fireworks batch job: `account/job`, a resource name, a dashboard or API URL. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from bot.domain.jobs import JobRef

NAME = "fireworks"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_COLLECTIONS = frozenset({"batchjobs", "batch-jobs", "batch_jobs", "jobs"})


def parse_ref(text: str, *, account: str | None = None, base_url: str = "") -> JobRef | None:
    """The batch job that `text` names, None when it names none.

    Dashboard paths are nowhere documented, so a URL counts when its host is Fireworks' (or `base_url`'s) and its path
    holds `batchJobs/<id>` in any spelling, with the account in the path, in `?account=` or configured (assumed).

    Args:
        text: a whole URL, or what stands behind `fireworks:`.
        account: the configured account, for a text that names none.
        base_url: the configured address of the API.
    """
    if "://" not in text:
        parts = text.strip("/").split("/")
        return _from_parts(parts, account) or _from_pair(parts, account)
    url = urlsplit(text)
    host = (url.hostname or "").lower()
    if host != "fireworks.ai" and not host.endswith(".fireworks.ai") and url.netloc != urlsplit(base_url).netloc:
        return None
    named = parse_qs(url.query)
    account = next((named[key][0] for key in ("account", "accountId", "account_id") if key in named), account)
    return _from_parts([unquote(part) for part in url.path.split("/") if part], account)


def job_path(job: JobRef) -> tuple[str, str]:
    """(account, batch job) of a reference that `parse_ref` made."""
    account, _, job_id = job.id.partition("/")
    return account, job_id


def _from_parts(parts: list[str], account: str | None) -> JobRef | None:
    """`[dashboard|v1] [accounts/<account>] batchJobs/<job>[:getLogs]`."""
    words = [part.lower() for part in parts]
    place = next((index for index, word in enumerate(words) if word in _COLLECTIONS), None)
    if place is None or place + 1 >= len(parts):
        return None
    if "accounts" in words[: max(0, place - 1)]:
        account = parts[words.index("accounts") + 1]
    return _ref(account, parts[place + 1].partition(":")[0])


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
