"""One diagnosis of a run whose log is in several files, such as one for each rank. Pure.

Each file is diagnosed alone: in one long text, the progress of the next rank would look like a recovery of this one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.diagnosis.dumps.rank_dumps import RankDump, compare_dumps
from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.reading.labels import Label, name_labels
from bot.domain.alerts import Severity

_ROOT_CONFIDENCE = 0.7
"""A failure below this usually follows from one in another file."""
_NEVER_NS = 1 << 63
_MAX_NAMED = 4
_WAITING = ("collective", "hang")
"""Categories of failures that say that a rank waited in vain, not why."""

_RANK_IN_NAME = re.compile(
    r"(?i)(?:^|[._/-])(?:global[._-]?)?(?:rank|worker|proc|process|task)[._-]?(\d{1,6})(?=[._/-]|$)"
)
_TORCHRUN_RANK = re.compile(r"attempt_\d+/(\d{1,6})/[^/]+$")
"""torchrun's --log-dir: run id/attempt/rank/stderr.log."""


@dataclass(frozen=True, slots=True)
class FileDiagnosis:
    """The diagnosis of one file."""

    path: str
    rank: int | None
    """The rank that the file's name states."""
    diagnosis: Diagnosis
    dump: RankDump | None = None
    """What it holds if it is a dump and not a log."""


@dataclass(frozen=True, slots=True)
class _Located:
    failure: Failure
    around_ns: int
    """When it happened, or the last step before it."""


def rank_of_path(path: str) -> int | None:
    """Return the rank that a path states: `rank_3.log`, `worker-3.err`, `attempt_0/3/stderr.log`; else None."""
    in_folder = _TORCHRUN_RANK.search(path)
    named = in_folder or next(reversed(list(_RANK_IN_NAME.finditer(path))), None)
    return int(named[1]) if named is not None else None


def merge_files(files: Sequence[FileDiagnosis]) -> Diagnosis:
    """Combine the diagnoses of the files of one run into one."""
    groups: dict[tuple[str, str], list[_Located]] = {}
    for file in files:
        for failure in file.diagnosis.failures:
            groups.setdefault((failure.signature, failure.title), []).append(_locate(failure, file))
    merged = [_merge_group(group) for group in groups.values()]
    newest = max((one.diagnosis for one in files), key=_progress_order, default=Diagnosis())
    talkative = max((one.diagnosis for one in files), key=lambda one: len(one.last_lines.notable), default=Diagnosis())
    lines = sum(one.diagnosis.lines for one in files)
    by_dumps = compare_dumps([(one.dump, one.rank) for one in files if one.dump is not None])
    failures = _add_finding(_fold_consequences(merged), by_dumps)
    return Diagnosis(failures, lines, newest.progress, talkative.last_lines)


def with_rank(diagnosis: Diagnosis, rank: int | None) -> Diagnosis:
    """Give a rank, which the file's name states, to the failures whose lines state none."""
    if rank is None:
        return diagnosis
    failures = (one if one.ranks else replace(one, ranks=(rank,)) for one in diagnosis.failures)
    return replace(diagnosis, failures=tuple(failures))


def _locate(failure: Failure, file: FileDiagnosis) -> _Located:
    label: Label = file.rank if file.rank is not None else file.path
    located = replace(failure, file=file.path, ranks=failure.ranks or (label,))
    around_ns = file.diagnosis.progress.last_ns if failure.first_ns is None else failure.first_ns
    return _Located(located, _NEVER_NS if around_ns is None else around_ns)


def _merge_group(group: Sequence[_Located]) -> _Located:
    """The same failure of several ranks: the worst and earliest is the root."""
    ordered = sorted(group, key=lambda one: one.around_ns)
    root = min(ordered, key=lambda one: -one.failure.severity.rank)
    failures = [root.failure, *(one.failure for one in ordered)]
    merged = replace(
        root.failure,
        ranks=tuple(dict.fromkeys(rank for one in failures for rank in one.ranks)),
        count=sum(one.failure.count for one in group),
        first_ns=min((one.first_ns for one in failures if one.first_ns is not None), default=None),
        last_ns=max((one.last_ns for one in failures if one.last_ns is not None), default=None),
    )
    return _Located(merged, ordered[0].around_ns)


def _fold_consequences(located: Sequence[_Located]) -> tuple[Failure, ...]:
    """Sort the failures; those that follow from a root cause in another file are named in its reason."""
    failures = [one.failure for one in sorted(located, key=lambda one: one.around_ns)]
    pages = [one for one in failures if one.severity is Severity.PAGE]
    roots = [one for one in pages if one.confidence >= _ROOT_CONFIDENCE]
    if not roots:
        return tuple(sorted(failures, key=lambda one: -one.severity.rank))
    first, consequences = roots[0], [one for one in pages if one not in roots]
    if consequences:
        named = "; ".join(f"{one.title.rstrip('.')} ({name_labels(one.ranks)})" for one in consequences[:_MAX_NAMED])
        first = replace(first, why=f"{first.why} Also seen as a consequence: {named}.".strip())
    others = sorted((one for one in failures if one.severity is not Severity.PAGE), key=lambda one: -one.severity.rank)
    return (first, *roots[1:], *others)


def _add_finding(failures: tuple[Failure, ...], found: Failure | None) -> tuple[Failure, ...]:
    """Add what the dumps reveal: it explains a hang or a lost connection in the logs, and follows from other causes."""
    if found is None:
        return failures
    page = next((one for one in failures if one.severity is Severity.PAGE), None)
    if page is None:
        return (found, *failures)
    if page.category in _WAITING or page.confidence < _ROOT_CONFIDENCE:
        why = f"{found.why} The logs show the consequence: {page.title.rstrip('.')}."
        found = replace(found, why=why, first_ns=page.first_ns, last_ns=page.last_ns)
        return tuple(found if one is page else one for one in failures)
    explained = replace(page, why=f"{page.why} {found.why}", ranks=page.ranks or found.ranks)
    return tuple(explained if one is page else one for one in failures)


def _progress_order(diagnosis: Diagnosis) -> tuple[int, int]:
    progress = diagnosis.progress
    return progress.last_ns or 0, progress.step or 0
