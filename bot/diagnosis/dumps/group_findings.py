"""One process group over the flight recorders of its ranks, and what it reveals."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bot.diagnosis.dumps.flight_recorder import GroupTrace
from bot.diagnosis.reading.labels import Label, name_labels


@dataclass(frozen=True, slots=True)
class TracedGroup:
    """A process group and what each of its ranks recorded."""

    name: str
    description: str
    traces: Mapping[Label, GroupTrace]
    idle: tuple[int, ...]
    """Members whose dump does not mention the group: they entered none of its collectives."""
    absent: tuple[int, ...]
    """Members whose dump is missing."""

    @property
    def suffix(self) -> str:
        """Names the group in a sentence, unless it is the default one."""
        if self.description == "default_pg" or (self.name == "0" and not self.description):
            return ""
        return f" of group {self.name if self.description in ('', 'undefined') else self.description}"


@dataclass(frozen=True, slots=True)
class GroupFinding:
    """A missing or diverging collective of one process group."""

    group: TracedGroup
    signature: str
    odd: tuple[Label, ...]
    """The ranks to check; empty if the dumps do not tell them apart."""
    waiting: frozenset[Label]
    """The ranks that wait for them."""
    title: str
    sentence: str
    hint: str
    sequence: int
    created_ns: int
    confidence: float


def named_call(group: TracedGroup, ranks: Iterable[Label], sequence: int) -> tuple[str, str, int]:
    """Return a collective's name, ` in` its most common place, and when it was first entered.

    `("all_reduce 8 of group tp", " in synchronize (train.py:20)", 1700000000000000000)`; without a record of the call,
    `("collective 8", "", 0)`.
    """
    known = [one.calls[sequence] for rank in ranks if (one := group.traces[rank]) and sequence in one.calls]
    if not known:
        return f"collective {sequence}{group.suffix}", "", 0
    operation = Counter(one.operation for one in known).most_common(1)[0][0]
    places = Counter(one.place for one in known if one.place).most_common(1)
    place = places[0][0] if places else ""
    created_ns = min(one.created_ns for one in known)
    return f"{operation} {sequence}{group.suffix}", f" in {place}" if place else "", created_ns


def subject(ranks: Collection[Label]) -> str:
    """Ranks at the start of a sentence: `Ranks 0-2`."""
    text = name_labels(ranks)
    return text if text[:4] != "rank" else text.capitalize()
