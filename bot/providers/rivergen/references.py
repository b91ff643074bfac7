"""What names a RiverGen run: `model/run`, a model alone (its newest run), a dashboard or API URL. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from bot.domain.jobs import JobRef

NAME = "rivergen"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_HOSTS = ("rivergen.ai", "rivegen.com")
"""The documents name both `api.rivergen.ai` and `api.rivegen.com` (read 2026-11-20)."""
_RUN_WORDS = frozenset({"runs", "run", "training-runs", "training"})


def parse_ref(text: str, *, base_url: str = "") -> JobRef | None:
    """The run that `text` names, or the model, which stands for its newest run; None when it names none.

    Dashboard paths are nowhere documented, so a URL counts when its host is RiverGen's (or `base_url`'s) and its path
    holds `models/<model>`, with the run behind `runs/` or in `?run_id=` (assumed).

    Args:
        text: a whole URL, or what stands behind `rivergen:`.
        base_url: the configured address of the API.
    """
    if "://" not in text:
        model, _, run = text.strip("/").partition("/")
        return _ref(model, run)
    url = urlsplit(text)
    host = (url.hostname or "").lower()
    known = any(host == name or host.endswith(f".{name}") for name in _HOSTS)
    if not known and url.netloc != urlsplit(base_url).netloc:
        return None
    parts = [unquote(part) for part in url.path.split("/") if part]
    model = _behind(parts, frozenset({"models", "model"}))
    named = parse_qs(url.query)
    run = next((named[key][0] for key in ("run_id", "runId", "run") if key in named), "")
    run = run or next((part for part in parts if part.startswith("run-")), "") or _behind(parts, _RUN_WORDS)
    return _ref(model, run)


def model_and_run(job: JobRef) -> tuple[str, str | None]:
    """(model, run) of a reference that `parse_ref` made; None for the newest run."""
    model, _, run = job.id.partition("/")
    return model, run or None


def run_ref(model: str, run: str) -> JobRef:
    """The whole address of a run."""
    return JobRef(NAME, f"{model}/{run}")


def _behind(parts: list[str], words: frozenset[str]) -> str:
    places = (index + 1 for index, part in enumerate(parts[:-1]) if part.lower() in words)
    return next((parts[place] for place in places if parts[place].lower() not in words | {"metrics", "logs"}), "")


def _ref(model: str, run: str) -> JobRef | None:
    if not _ID.fullmatch(model) or (run and not _ID.fullmatch(run)):
        return None
    return run_ref(model, run) if run else JobRef(NAME, model)
