"""Find the first collective of a process group that its ranks do not enter alike: another operation, size or order."""

from collections import Counter
from collections.abc import Sequence

from bot.diagnosis.dumps.flight_recorder import Call
from bot.diagnosis.dumps.group_findings import GroupFinding, TracedGroup, named_call, subject
from bot.diagnosis.reading.labels import Label, name_labels

MAX_COMPARED = 16
"""Number of calls after the first difference that are compared to tell a skipped one from a different one."""

_HINT = (
    "Find the condition around {place} that {ranks} decided{otherwise}: it depends on the rank, or on uneven data."
    " https://docs.pytorch.org/docs/stable/distributed.html"
)
_SIZE_HINT = (
    "Compare the tensor that {ranks} passed at {place}: a last, smaller batch, or other code or configuration, gives it"
    " another shape. https://docs.pytorch.org/docs/stable/distributed.html"
)

_Key = tuple[str, str]
"""What ranks must agree on in a call: operation and size."""


def find_divergence(group: TracedGroup) -> GroupFinding | None:
    """Return the first call on which the ranks disagree."""
    for sequence in sorted({number for one in group.traces.values() for number in one.calls}):
        calls = {rank: one.calls[sequence] for rank, one in group.traces.items() if sequence in one.calls}
        counts = Counter(_key(call) for call in calls.values())
        if len(counts) > 1:
            return _finding(group, sequence, calls, counts)
    return None


def _finding(group: TracedGroup, sequence: int, calls: dict[Label, Call], counts: Counter[_Key]) -> GroupFinding:
    (common, count), (_, next_count) = counts.most_common(2)
    usual = [rank for rank, call in calls.items() if _key(call) == common]
    odd = [rank for rank, call in calls.items() if _key(call) != common]
    is_decided = count > next_count
    name, place, created_ns = named_call(group, usual, sequence)
    other = calls[odd[0]]
    is_size = all(calls[rank].operation == common[0] for rank in odd)
    if is_size:
        title = f"{subject(odd)} sent another size to {name}"
        sentence = (
            f"{subject(usual)} entered {name} with {common[1]}{place};"
            f" {name_labels(odd)} entered it with {other.size}{_at(other, place)}."
        )
    else:
        title, instead = _order(group, odd, usual, sequence, name)
        sentence = (
            f"{subject(usual)} entered {name}{place}; {name_labels(odd)} entered"
            f" {other.operation} {sequence}{_at(other, '')}{instead}."
        )
    if not is_decided:
        title, sentence = f"Ranks disagree on {name}", f"{sentence} No majority shows which side is wrong."
    where = (other.place or place.removeprefix(" in ")) or "the call"
    template = _SIZE_HINT if is_size else _HINT
    hint = template.format(place=where, ranks=name_labels(odd), otherwise=" otherwise" if is_decided else "")
    return GroupFinding(
        group, "collective_mismatch", tuple(odd), frozenset(usual), title, sentence, hint, sequence, created_ns,
        0.95 if is_decided else 0.7,
    )  # fmt: skip


def _order(
    group: TracedGroup, odd: Sequence[Label], usual: Sequence[Label], sequence: int, name: str
) -> tuple[str, str]:
    """Return the title, and the end of the sentence: whether a call was skipped, added, swapped or is another one."""
    mine, theirs = _keys(group, odd[0], sequence), _keys(group, usual[0], sequence)
    who = subject(odd)
    if mine[:2] == theirs[1::-1] and len(mine) > 1:
        return f"{who} entered two collectives in another order", " first: the order of two calls is swapped"
    if _agree(mine, theirs[1:]):
        return f"{who} skipped {name}", f" instead, as if {name_labels(odd)} had skipped one"
    if _agree(mine[1:], theirs):
        return f"{who} entered an extra collective before {name}", " first, which the others did not"
    return f"{who} entered another collective than {name}", " instead"


def _agree(first: Sequence[_Key], second: Sequence[_Key]) -> bool:
    return bool(first and second) and all(one == other for one, other in zip(first, second, strict=False))


def _keys(group: TracedGroup, rank: Label, start: int) -> list[_Key]:
    calls = group.traces[rank].calls
    return [_key(calls[number]) for number in range(start, start + MAX_COMPARED) if number in calls]


def _key(call: Call) -> _Key:
    return call.operation, call.size


def _at(call: Call, place: str) -> str:
    return f" in {call.place}" if call.place and f" in {call.place}" != place else ""
