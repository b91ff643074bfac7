"""Which of a person's filters the platform applies to the log of a deployment. Pure."""

import re
from collections.abc import Sequence

from bot.domain.logs import LogFilter

_REPLICA_ID = re.compile(r"[a-z0-9]{5}")
"""Observed: short ids of five characters."""
_LONGEST_TEXT = 256
_MOST_TEXTS = 8


def push_down(wanted: LogFilter) -> tuple[list[tuple[str, str]], frozenset[str]]:
    """Return the query parameters for a filter, and the names of the fields that they cover completely.

    Source: https://docs.baseten.co/reference/management-api, model deployment logs (read 2026-11-20; documented): texts
    of at most 256 characters, at most 8 `includes` and 8 `excludes`, as repeated keys; one replica. A name of another
    form is that of a pod or worker, which only a line's prefix names.
    """
    includes, excludes = _short(wanted.includes), _short(wanted.excludes)
    parts = (
        ("replicas", "replica", _replica(wanted.replicas), True),
        ("request_id", "request_id", _short([wanted.request_id or ""]), True),
        ("component", "component", _short([wanted.component or ""]), True),
        ("grep", "search_pattern", _short([wanted.grep or ""]), True),
        ("includes", "includes", includes, len(includes) == len(wanted.includes)),
        ("excludes", "excludes", excludes, len(excludes) == len(wanted.excludes)),
    )
    params = [(key, value) for _, key, values, _ in parts for value in values]
    return params, frozenset(field for field, _, values, is_complete in parts if values and is_complete)


def _replica(names: Sequence[str]) -> list[str]:
    """The one replica that the platform can filter by; [] if there are several or if it is not an id of Baseten's."""
    return [name for name in names if _REPLICA_ID.fullmatch(name)] if len(names) == 1 else []


def _short(texts: Sequence[str]) -> list[str]:
    """Keep the texts that the platform accepts."""
    return [text for text in texts if 0 < len(text) <= _LONGEST_TEXT][:_MOST_TEXTS]
