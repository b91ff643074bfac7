"""Parse references to Fireworks jobs: `account/job`, `account/sft/job`, a resource name, a dashboard or API URL. Pure.

A batch job is `account/job`, a fine-tuning job `account/supervisedFineTuningJobs/job`, as in the API.
"""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from bot.domain.jobs import JobRef

NAME = "fireworks"
BATCH = "batchJobs"
SUPERVISED, REINFORCEMENT, PREFERENCE = "supervisedFineTuningJobs", "reinforcementFineTuningJobs", "dpoJobs"
FINE_TUNING = (SUPERVISED, REINFORCEMENT, PREFERENCE)
"""The collections of fine-tuning jobs."""
COLLECTIONS = (BATCH, *FINE_TUNING)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_WORDS = {
    BATCH: "batchjobs batch-jobs batch_jobs batch jobs",
    SUPERVISED: "supervisedfinetuningjobs supervised-fine-tuning-jobs supervised sft sftj",
    REINFORCEMENT: "reinforcementfinetuningjobs reinforcement-fine-tuning-jobs reinforcement rft rftj",
    PREFERENCE: "dpojobs dpo-jobs dpo dpoj preference",
}
"""Spellings of each collection: in the API, firectl's commands, and paths of the dashboard (assumed)."""
_COLLECTION_OF = {word: collection for collection, words in _WORDS.items() for word in words.split()}
_PAGES = ("dashboard", "v1", "accounts")
"""First words of paths that do not begin with an account."""


def parse_job_ref(text: str, *, account: str | None = None, base_url: str = "") -> JobRef | None:
    """Return the job that `text` names, or None.

    `text` is a whole URL, or the part of a reference after `fireworks:`; `account` and `base_url` are configured.
    Dashboard paths are not documented. So a URL counts if its host is Fireworks' (or that of `base_url`) and its path
    holds a collection, in any spelling, and an id. The account is in the path, in `?account=` or configured (assumed).
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
    """Whether `text` can be the id of an account or a job."""
    return _ID.fullmatch(text) is not None


def job_ref(account: str, collection: str, job_id: str) -> JobRef:
    """Return the full reference of a job."""
    return JobRef(NAME, f"{account}/{job_id}" if collection == BATCH else f"{account}/{collection}/{job_id}")


def job_path(job: JobRef) -> tuple[str, str, str]:
    """Return (account, collection, id) of a reference from `parse_job_ref`."""
    account, _, rest = job.id.partition("/")
    collection, slash, job_id = rest.partition("/")
    return (account, collection, job_id) if slash else (account, BATCH, rest)


def is_fine_tuning(job: JobRef) -> bool:
    """Whether the job is a fine-tuning job."""
    return job_path(job)[1] != BATCH


def _from_parts(parts: list[str], account: str | None) -> JobRef | None:
    """`[dashboard|v1] [accounts/<account>|<account>] <collection>/<job>[:getLogs]`."""
    words = [part.lower() for part in parts]
    found = [index for index, word in enumerate(words[:-1]) if word in _COLLECTION_OF]
    if not found:
        return None
    index = found[-1]
    collection = _COLLECTION_OF[words[index]]
    if "accounts" in words[: max(0, index - 1)]:
        account = parts[words.index("accounts") + 1]
    elif words[0] not in _PAGES and index:
        account = parts[0] if index == 1 and len(parts) == 3 else None
    return _ref(account, collection, parts[index + 1].partition(":")[0])


def _from_pair(parts: list[str], account: str | None) -> JobRef | None:
    match parts:
        case [job]:
            return _ref(account, BATCH, job)
        case [owner, job] if _COLLECTION_OF.get(owner.lower(), BATCH) == BATCH:
            return _ref(owner, BATCH, job)
        case _:
            return None


def _ref(account: str | None, collection: str, job: str) -> JobRef | None:
    if account and _ID.fullmatch(account) and _ID.fullmatch(job):
        return job_ref(account, collection, job)
    return None
