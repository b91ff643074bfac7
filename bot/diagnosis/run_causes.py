"""Among the failures of many processes of one run, find the one that explains the others. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.diagnosis.failures.rank_evidence import RankEvidence
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.labels import Label, name_labels
from bot.diagnosis.silent_ranks import WAITING_CATEGORIES, SilentRanks
from bot.domain.alerts import Severity
from bot.domain.durations import NS_PER_SECOND, spoken_seconds

NEVER_NS = 1 << 63
_MAX_NAMED = 4


@dataclass(frozen=True, slots=True)
class LocatedFailure:
    """A failure of one or several processes."""

    failure: Failure
    around_ns: int
    """When it happened, or the last time logged before it; `NEVER_NS` if that is unknown."""
    is_timed: bool = False
    """Does the failure itself have a time?"""


def explain_run(
    located: Sequence[LocatedFailure], evidence: RankEvidence, silences: SilentRanks, paths: Mapping[int, str]
) -> tuple[Failure, ...]:
    """Return one incident, with the others that belong to it in its reason, then what is not part of it.

    Args:
        located: one of each kind.
        evidence: what all files reveal about the rank that failed first.
        silences: the ranks whose files end early or do not exist.
        paths: a file of each rank.
    """
    ordered = sorted(located, key=lambda one: one.around_ns)
    pool = [
        one for one in ordered if one.failure.severity is Severity.PAGE or one.failure.precedence is Precedence.STOP
    ]
    others = [one.failure for one in ordered if one not in pool]
    if pool:
        root = _root(pool, _blamed(evidence))
        consequences = [one for one in pool if one is not root]
        others.insert(0, _name_ranks(_with_consequences(root, consequences), evidence, silences, paths))
    return tuple(sorted(others, key=lambda one: -one.severity.rank))


def _root(pool: Sequence[LocatedFailure], blamed: int | None) -> LocatedFailure:
    """The failure that explains the others: a cause before its consequences, then the earliest.

    A stop explains what fails after it, but not a failure before it, nor one whose time is unknown.
    """
    stop = next((one for one in pool if one.failure.precedence is Precedence.STOP), None)
    if stop is not None:
        own = [
            one
            for one in pool
            if not one.failure.precedence.is_consequence and one.failure.precedence is not Precedence.STOP
        ]
        own = [one for one in own if not (stop.is_timed and one.around_ns >= stop.around_ns)]
        if not own:
            return stop
        pool = own
    return min(pool, key=lambda one: (_order(one.failure), blamed not in one.failure.ranks, one.around_ns))


def _order(failure: Failure) -> int:
    """An exception without its traceback still explains what other processes report of a lost peer."""
    precedence = failure.precedence
    return Precedence.WEAK if precedence is Precedence.BARE_EXCEPTION else precedence


def _blamed(evidence: RankEvidence) -> int | None:
    missing = evidence.missing_rank()
    return missing.ranks[0] if missing is not None and missing.ranks else evidence.named_rank()


def _with_consequences(root: LocatedFailure, consequences: Sequence[LocatedFailure]) -> Failure:
    failure = root.failure
    if not consequences:
        return failure
    named = "; ".join(
        f"{one.failure.title.rstrip('.')} ({name_labels(one.failure.ranks)})" for one in consequences[:_MAX_NAMED]
    )
    hidden = len(consequences) - _MAX_NAMED
    more = f"; and {hidden:,} more" if hidden > 0 else ""
    lead = min((one.around_ns for one in consequences if one.is_timed), default=NEVER_NS) - root.around_ns
    first = f" It came {spoken_seconds(lead / NS_PER_SECOND)} before them." if root.is_timed and _is_lead(lead) else ""
    times = [one.failure.last_ns for one in (root, *consequences) if one.failure.last_ns is not None]
    why = f"{failure.why} Also seen as a consequence in other files: {named}{more}.{first}"
    return replace(failure, why=why.strip(), last_ns=max(times, default=None))


def _is_lead(lead_ns: int) -> bool:
    return NS_PER_SECOND <= lead_ns < NEVER_NS // 2


def _name_ranks(failure: Failure, evidence: RankEvidence, silences: SilentRanks, paths: Mapping[int, str]) -> Failure:
    """Name the rank that the others waited for, if the failure is that they waited."""
    if failure.category not in WAITING_CATEGORIES and not failure.precedence.is_consequence:
        return failure
    missing = evidence.missing_rank() if failure.category in WAITING_CATEGORIES else None
    only = () if silences.only_rank is None else (silences.only_rank,)
    suspects = missing.ranks if missing is not None and missing.ranks else only
    reasons = [missing.sentence] if missing is not None and missing.sentence not in failure.why else []
    waited = [rank for rank in failure.ranks if rank not in suspects]
    ranks: tuple[Label, ...] = (*suspects, *waited)
    if suspects and waited and missing is None and failure.category in WAITING_CATEGORIES:
        reasons.insert(0, f"{name_labels(waited).capitalize()} waited.")
    if suspects and (path := paths.get(suspects[0])):
        reasons.append(f"Its log is {path}.")
    why = " ".join([failure.why, *reasons, *silences.sentences()]).strip()
    return replace(failure, ranks=ranks, why=why, hint=_hint_for(failure, ranks[:1]))


def _hint_for(failure: Failure, suspects: Sequence[Label]) -> str:
    """The hint, which one file filled with its own rank, for the rank to check."""
    if not suspects or not isinstance(failure.root_rank, int):
        return failure.hint
    return re.sub(rf"\brank {failure.root_rank}\b", f"rank {suspects[0]}", failure.hint)


def add_dumps(failures: tuple[Failure, ...], found: Failure | None) -> tuple[Failure, ...]:
    """Add what dumps reveal: it explains a hang or a lost connection in the logs, and follows from other causes."""
    if found is None:
        return failures
    page = next((one for one in failures if one.severity is Severity.PAGE), None)
    if page is None:
        return (found, *failures)
    if found.severity is Severity.INFO:
        return failures
    is_waiting = page.category in WAITING_CATEGORIES or page.precedence.is_consequence
    if not found.ranks and not is_waiting:
        return failures
    if found.ranks and is_waiting:
        why = f"{found.why} The logs show the consequence: {page.title.rstrip('.')}."
        found = replace(found, why=why, first_ns=page.first_ns, last_ns=page.last_ns, verdict=page.verdict)
        return tuple(found if one is page else one for one in failures)
    explained = replace(page, why=f"{page.why} {found.why}", ranks=page.ranks or found.ranks)
    return tuple(explained if one is page else one for one in failures)
