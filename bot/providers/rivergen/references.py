"""Parse references to RiverGen runs: `model/run`, a model (its newest run), a dashboard or API URL. Pure."""

import re
from itertools import pairwise
from urllib.parse import parse_qs, unquote, urlsplit

from bot.domain.jobs import JobRef

NAME = "rivergen"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_HOSTS = ("rivergen.ai", "rivegen.com")
"""The documents name both `api.rivergen.ai` and `api.rivegen.com` (read 2026-11-20)."""
_RUN_WORDS = frozenset({"runs", "run", "training-runs", "training"})


def parse_run_ref(text: str, *, base_url: str = "") -> JobRef | None:
    """Return the run that `text` names, or the model, which means its newest run; else None.

    `text` is a whole URL, or the part of a reference after `rivergen:`; `base_url` is the configured API.
    Dashboard paths are not documented. So a URL counts if its host is RiverGen's (or that of `base_url`) and its path
    holds `models/<model>`, with the run after `runs/` or in `?run_id=` (assumed).
    """
    if "://" not in text:
        model, _, run = text.strip("/").partition("/")
        return _ref(model, run)
    try:
        url = urlsplit(text)
    except ValueError:  # such as "https://[bad"
        return None
    host = (url.hostname or "").lower()
    known = any(host == name or host.endswith(f".{name}") for name in _HOSTS)
    if not known and url.netloc != urlsplit(base_url).netloc:
        return None
    parts = [unquote(part) for part in url.path.split("/") if part]
    model = _following(parts, frozenset({"models", "model"}))
    named = parse_qs(url.query)
    run = next((named[key][0] for key in ("run_id", "runId", "run") if key in named), "")
    run = run or next((part for part in parts if part.startswith("run-")), "") or _following(parts, _RUN_WORDS)
    return _ref(model, run)


def model_and_run(job: JobRef) -> tuple[str, str | None]:
    """Return (model, run) of a reference from `parse_run_ref`; None means the newest run."""
    model, _, run = job.id.partition("/")
    return model, run or None


def run_ref(model: str, run: str) -> JobRef:
    """Return the full reference of a run."""
    return JobRef(NAME, f"{model}/{run}")


def _following(parts: list[str], words: frozenset[str]) -> str:
    candidates = (after for part, after in pairwise(parts) if part.lower() in words)
    return next((part for part in candidates if part.lower() not in words | {"metrics", "logs"}), "")


def _ref(model: str, run: str) -> JobRef | None:
    if not _ID.fullmatch(model) or (run and not _ID.fullmatch(run)):
        return None
    return run_ref(model, run) if run else JobRef(NAME, model)
