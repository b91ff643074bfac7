"""Compare the flight recorders of the ranks: which rank never entered a collective, or entered another one.

Sequence numbers count per process group, so calls are only compared within one. Of several findings, the one whose
ranks do not themselves wait elsewhere is the cause; the others follow from it.
"""

from collections.abc import Collection, Mapping

from bot.diagnosis.dumps.divergence import find_divergence
from bot.diagnosis.dumps.flight_recorder import FlightTrace, GroupTrace
from bot.diagnosis.dumps.group_findings import GroupFinding, TracedGroup, named_call, subject
from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.labels import Label, name_labels
from bot.domain.alerts import Severity

MAX_ROWS = 12
"""Number of ranks whose calls are shown."""
MIN_DUMPS = 3
"""If the dumps do not state the ranks of their group, a missing number among at least this number of dumps counts."""
FEW = 8
"""Of this number of ranks, one may be missing and is suspect; if more are, the dumps do not tell which failed."""

_HINT = (
    "Take py-spy dump of {ranks} to see what {it} did instead: died, stuck in other code, or on another branch than its"
    " peers. https://docs.pytorch.org/tutorials/unstable/flight_recorder_tutorial.html"
)
_NETWORK_HINT = (
    "Check the network and the GPUs, with NCCL_DEBUG=INFO: every rank arrived, but the data did not."
    " https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html"
)
_ABSENT_HINT = (
    "Check whether the processes of {ranks} still run, and take py-spy dump of those that do."
    " https://docs.pytorch.org/tutorials/unstable/flight_recorder_tutorial.html"
)


def compare_traces(traces: Mapping[Label, FlightTrace], damaged: Collection[Label] = ()) -> Failure | None:
    """Return the missing or diverging collective; None if the ranks agree or did not get stuck.

    Args:
        traces: what each rank recorded.
        damaged: the ranks whose dumps cannot be read: what they did is unknown.
    """
    groups = _groups(traces, damaged)
    found = [one for group in groups if (one := find_divergence(group) or _missing(group)) is not None]
    found = found or [one for group in groups if (one := _absent(group) or _all_waiting(group)) is not None]
    if not found:
        return None
    waiting = {rank for one in found for rank in one.waiting}
    best = min(found, key=lambda one: (not one.odd or bool(waiting & set(one.odd)), one.created_ns, one.sequence))
    excerpt, root_index = _excerpt(best)
    return Failure(
        severity=Severity.PAGE, category="collective", signature=best.signature, title=best.title, hint=best.hint,
        line=0, ranks=best.odd, excerpt=excerpt, root_index=root_index, confidence=best.confidence,
        fingerprint=best.signature, why=best.sentence,
    )  # fmt: skip


def _groups(traces: Mapping[Label, FlightTrace], damaged: Collection[Label]) -> list[TracedGroup]:
    """The process groups over all ranks, with the members that did not take part."""
    by_name: dict[str, dict[Label, GroupTrace]] = {}
    for rank, trace in traces.items():
        for name, one in trace.groups.items():
            by_name.setdefault(name, {})[rank] = one
    return [_group(name, known, traces, damaged) for name, known in by_name.items()]


def _group(
    name: str, known: dict[Label, GroupTrace], traces: Mapping[Label, FlightTrace], damaged: Collection[Label]
) -> TracedGroup:
    first = next(iter(known.values()))
    members = {rank for one in known.values() for rank in one.members}
    ranks = [rank for rank in traces if isinstance(rank, int)]
    if not members and first.description == "default_pg" and len(ranks) == len(traces) >= MIN_DUMPS:
        members = set(range(max(ranks) + 1))
    idle = sorted(rank for rank in members & set(ranks) if rank not in known)
    absent = sorted(members.difference(ranks, damaged)) if len(ranks) == len(traces) else []
    return TracedGroup(name, first.description, known, tuple(idle), tuple(absent))


def _missing(group: TracedGroup) -> GroupFinding | None:
    """Find ranks that entered fewer collectives than the others, or one that entered more than all others."""
    entered: dict[Label, int] = dict.fromkeys(group.idle, 0)
    entered |= {rank: one.enqueued for rank, one in group.traces.items()}
    least = min(entered.values())
    behind = [rank for rank, count in entered.items() if count == least]
    ahead = [rank for rank, count in entered.items() if count > least]
    if not ahead or all(group.traces[rank].is_waiting is False for rank in ahead):
        return None
    call, place, created_ns = named_call(group, ahead, least + 1)
    if len(behind) > len(ahead):
        others = f"the other {len(behind)} ranks" if len(behind) > 1 else name_labels(behind)
        title = f"Only {name_labels(ahead)} entered {call}"
        sentence = f"Only {name_labels(ahead)} entered {call}{place}; {others} never did."
        return _finding(group, ahead, behind, title, sentence, least + 1, created_ns)
    title = f"{subject(behind)} never entered {call}"
    sentence = (
        f"{subject(ahead)} entered {call}{place}; {name_labels(behind)} never did.{_last_call(group, behind, least)}"
    )
    return _finding(group, behind, ahead, title, sentence, least + 1, created_ns)


def _finding(
    group: TracedGroup, odd: list[Label], others: list[Label], title: str, sentence: str, sequence: int, created_ns: int
) -> GroupFinding:
    hint = _HINT.format(ranks=name_labels(odd), it="it" if len(odd) == 1 else "they")
    odd = sorted(odd, key=str) if any(isinstance(one, str) for one in odd) else sorted(odd)
    waiting = frozenset(others if len(odd) <= len(others) else odd)
    return GroupFinding(
        group, "missing_collective", tuple(odd), waiting, title, sentence, hint, sequence, created_ns, 0.95
    )


def _last_call(group: TracedGroup, ranks: list[Label], sequence: int) -> str:
    """The sentence on the last collective that one rank did enter."""
    if len(ranks) != 1 or ranks[0] not in group.traces or sequence not in group.traces[ranks[0]].calls:
        return ""
    call, place, _ = named_call(group, ranks, sequence)
    return f" Its last collective was {call}{place}."


def _absent(group: TracedGroup) -> GroupFinding | None:
    """Find members without a dump while the others wait."""
    if not group.absent or all(one.is_waiting is False for one in group.traces.values()):
        return None
    ranks, absent = list(group.traces), list(group.absent)
    last = max(one.enqueued for one in group.traces.values())
    call, place, created_ns = named_call(group, ranks, last)
    is_few = len(absent) <= max(1, (len(ranks) + len(absent)) // FEW)
    reason = "they died, or never got there" if is_few else "the dumps do not show which of them failed"
    sentence = f"{subject(ranks)} entered {call}{place}; {name_labels(absent)} wrote no dump: {reason}."
    title = f"{subject(absent)} wrote no dump while the others wait" if is_few else f"Ranks are missing from {call}"
    return GroupFinding(
        group, "missing_collective", tuple(absent) if is_few else (), frozenset(ranks), title, sentence,
        _ABSENT_HINT.format(ranks=name_labels(absent)), last, created_ns, 0.7 if is_few else 0.4,
    )  # fmt: skip


def _all_waiting(group: TracedGroup) -> GroupFinding | None:
    """Report a collective that every rank entered and none completed."""
    if group.idle or len(group.traces) < 2 or not all(one.is_waiting for one in group.traces.values()):
        return None
    ranks, last = list(group.traces), max(one.enqueued for one in group.traces.values())
    call, place, created_ns = named_call(group, ranks, last)
    sentence = f"All {len(ranks)} ranks entered {call}{place} and wait in it; none is missing."
    title = f"All ranks wait in {call}"
    waiting = frozenset(ranks)
    return GroupFinding(group, "collective_stuck", (), waiting, title, sentence, _NETWORK_HINT, last, created_ns, 0.6)


def _excerpt(finding: GroupFinding) -> tuple[tuple[str, ...], int | None]:
    """One row for each rank: its calls around the one that matters; ranks to check first if there are many."""
    group = finding.group
    order = sorted(group.traces, key=lambda rank: (rank not in finding.odd, isinstance(rank, str), rank))
    shown = sorted(order[:MAX_ROWS], key=lambda rank: (isinstance(rank, str), rank))
    rows = [_row(group, rank, finding.sequence) for rank in shown]
    rows += [f"rank {rank}: no collective of this group" for rank in group.idle[:MAX_ROWS]]
    rows += [f"rank {rank}: no dump" for rank in group.absent[:MAX_ROWS]]
    hidden = len(order) - len(shown)
    rows += [f"\u2026 {hidden:,} more ranks not shown \u2026"] if hidden else []
    odd = {f"rank {rank}" if isinstance(rank, int) else rank for rank in finding.odd}
    root = next((index for index, row in enumerate(rows) if row.split(":")[0] in odd), None)
    return tuple(rows), root


def _row(group: TracedGroup, rank: Label, sequence: int) -> str:
    trace = group.traces[rank]
    at = sequence if sequence in trace.calls else max(trace.calls)
    call = trace.calls[at]
    state = "" if at == sequence else "last: "
    place = f" in {call.place}" if call.place else ""
    name = f"rank {rank}" if isinstance(rank, int) else rank
    return " ".join(f"{name}: {state}{call.operation} {at} {call.size}{place}".split())
