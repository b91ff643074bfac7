"""Conclude from the reports about a failed collective which rank the others waited for."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from bot.diagnosis.failures.collective_reports import CollectiveReports, GroupReports
from bot.diagnosis.reading.labels import name_labels

FEW = 8
"""One rank in this number may be absent and is suspect. If more are, the log does not tell which one failed."""
MIN_REPORTS, RANKS_PER_NODE = 3, 8
"""If at least three ranks report a timeout, the only other rank of their node is suspect. Nodes usually have eight."""
_CHECK = (
    "py-spy dump of each rank shows it, or dumps of the flight recorder (TORCH_FR_BUFFER_SIZE=2000, before PyTorch 2.9"
    " TORCH_NCCL_TRACE_BUFFER_SIZE): pass either to trainwatch scan."
)


@dataclass(frozen=True, slots=True)
class MissingRank:
    """Who is missing from a collective."""

    ranks: tuple[int, ...]
    """The ranks to check; empty if the log does not tell."""
    sentence: str


def find_missing_rank(reports: CollectiveReports) -> MissingRank | None:
    """Return which rank the others waited for, from the most to the least certain evidence; None without evidence."""
    if reports.has_mismatch:
        return _mismatch(reports)
    return _behind(reports) or _observer(reports) or _absent(reports)


def _mismatch(reports: CollectiveReports) -> MissingRank | None:
    """Find the ranks that ran another collective than most."""
    counts = Counter(reports.calls.values()).most_common(2)
    if not counts:
        return MissingRank((), f"The log does not tell which rank differs. {_CHECK}")
    if len(counts) < 2 or counts[0][1] == counts[1][1]:
        return None
    common = counts[0][0]
    usual = [int(rank) for rank, call in reports.calls.items() if call == common]
    odd = sorted(int(rank) for rank, call in reports.calls.items() if call != common)
    other = reports.calls[str(odd[0])]
    return MissingRank(tuple(odd), f"{_subject(usual)} ran {common}; {name_labels(odd)} ran {other}.")


def _behind(reports: CollectiveReports) -> MissingRank | None:
    """Find the ranks that never entered the collective in which the others timed out, or wait in an earlier one."""
    stuck = {int(rank) for group in reports.groups.values() for rank in group.stuck}
    found = [one for name, group in reports.groups.items() if (one := _behind_in(reports, name, group)) is not None]
    return min(found, key=lambda one: bool(stuck & set(one.ranks)), default=None)


def _behind_in(reports: CollectiveReports, name: str, group: GroupReports) -> MissingRank | None:
    if not group.stuck:
        return None
    first = min(group.stuck.values())
    behind = sorted(int(rank) for rank, count in group.entered.items() if count < first and rank not in group.stuck)
    if behind and len(behind) <= len(group.stuck):
        last = max(group.entered[str(rank)] for rank in behind)
        waited = f"{_waited(reports, group.stuck, first)}{_suffix(name, group)}"
        return MissingRank(tuple(behind), f"{waited}; {name_labels(behind)} never entered it (last entered: {last:,}).")
    early = sorted(int(rank) for rank, number in group.stuck.items() if number == first)
    later = {rank: number for rank, number in group.stuck.items() if number != first}
    if not later or len(early) > len(later):
        return None
    waited = f"{_waited(reports, later, min(later.values()))}{_suffix(name, group)}"
    at = _operation(reports, early, first)
    verb = "was" if len(early) == 1 else "were"
    reason = "the smallest sequence number" if len(early) == 1 else "the smallest sequence numbers"
    return MissingRank(tuple(early), f"{waited}; {name_labels(early)} {verb} still in {at}, {reason}.")


def _observer(reports: CollectiveReports) -> MissingRank | None:
    """Find the few ranks whose own collectives did not time out: they only saw the signal of those that did."""
    only = sorted(reports.observers - reports.waiting)
    if not only or len(reports.waiting) < 2 or not _is_few(len(only), len(only) + len(reports.waiting)):
        return None
    verb = "waits" if len(only) == 1 else "wait"
    return MissingRank(
        tuple(only),
        f"{_waiting(reports)}; {name_labels(only)} only observed their signal, so it {verb} in no collective itself."
        if len(only) == 1
        else f"{_waiting(reports)}; {name_labels(only)} only observed their signal, so they {verb} in none themselves.",
    )


def _absent(reports: CollectiveReports) -> MissingRank | None:
    """Find the ranks that report nothing, if the others do."""
    waiting = sorted(reports.waiting)
    if not waiting:
        return None
    alive = set() if reports.has_timeout else reports.stopped
    absent = sorted(reports.known - reports.waiting - alive) or _holes(waiting, has_table=bool(reports.known))
    if not absent:
        return None
    if _is_few(len(absent), len(absent) + len(waiting)):
        return MissingRank(tuple(absent), f"{_waiting(reports)}; only {name_labels(absent)} did not report that.")
    if not reports.known or len(waiting) < 2:
        return None
    total = len(absent) + len(waiting)
    sentence = f"{len(absent):,} of {total:,} ranks did not report, so the log does not tell which one is missing."
    return MissingRank((), f"{_waiting(reports)}; {sentence} {_CHECK}")


def _is_few(absent: int, total: int) -> bool:
    return total > 1 and absent <= max(1, total // FEW)


def _holes(ranks: list[int], *, has_table: bool) -> list[int]:
    """Return the only rank missing from a list: a hole, or the last of a node unless a table lists the ranks."""
    if len(ranks) < MIN_REPORTS:
        return []
    first, end = ranks[0] // RANKS_PER_NODE * RANKS_PER_NODE, -(-(ranks[-1] + 1) // RANKS_PER_NODE) * RANKS_PER_NODE
    holes = set(range(first, end)) - set(ranks)
    inner = {rank for rank in holes if rank < ranks[-1]}
    found = inner if inner or has_table else holes
    return list(found) if len(found) == 1 else []


def _waiting(reports: CollectiveReports) -> str:
    """`Ranks 0-6 waited in ALLREDUCE 8`, or that they lost a connection or timed out."""
    stuck = [group.stuck for group in reports.groups.values() if group.stuck]
    if len(stuck) == 1 and len(set(stuck[0].values())) == 1 and len(stuck[0]) == len(reports.waiting):
        return _waited(reports, stuck[0], next(iter(stuck[0].values())))
    return f"{_subject(reports.waiting)} timed out or lost a connection"


def _waited(reports: CollectiveReports, stuck: Collection[str], number: int) -> str:
    ranks = sorted(int(rank) for rank in stuck)
    return f"{_subject(ranks)} waited in {_operation(reports, ranks, number)}"


def _operation(reports: CollectiveReports, ranks: Collection[int], number: int) -> str:
    names = (reports.operations.get(f"{rank} {number}") for rank in ranks)
    return f"{next((name for name in names if name), 'collective')} {number}"


def _suffix(name: str, group: GroupReports) -> str:
    if name == "" or group.description == "default_pg" or (name == "0" and not group.description):
        return ""
    return f" of group {group.description or name}"


def _subject(ranks: Collection[int]) -> str:
    return name_labels(ranks).capitalize()
