"""Events become incidents: the root, not the cascade.

One failing run prints hundreds of error lines. They belong to one *episode*: everything between the first sign of
trouble and the run going on (or the end). Within it, candidates are ranked by role, then by who came first; what is
below the root is folded into it. What follows the run's own end is teardown noise.

Events and candidates are in `candidates`, whether the run went on in `recovery`.
"""

import re
from dataclasses import dataclass, field

from bot.diagnosis.catalogue import Severity, Signature
from bot.diagnosis.failures.candidates import (
    MAX_RANKS,
    ORDER,
    Candidate,
    Sight,
    cleanup,
    incident_of,
    known,
    labels,
    make_room,
    speak,
    unknown,
)
from bot.diagnosis.failures.exceptions import read_exception
from bot.diagnosis.failures.recovery import LIVE_SAMPLES, Advance, Recovery, contradicted
from bot.diagnosis.failures.tracebacks import Raised
from bot.diagnosis.findings import Failure

MAX_CANDIDATES = 16
MAX_CLOSED = 6

MIN_REPORTS, NODE = 3, 8
"""Ranks that report a time-out before the one that does not is suspect; ranks of a node, as they usually are."""

MESSAGE_LINES = 8
"""Lines that an exception's message may take."""
STALLS = 2
"""Times that ranks are said to wait for each other before it is more than a moment."""
LAST_WORDS = 20
"""Lines from the log's end within which a bare exception is what ended it."""

_SEQUENCE = re.compile(r"SeqNum=(\d+)|watchdog at work: (\d+)")
_TABLE = re.compile(
    r"^\s*(?P<key>rank|exitcode)\s+: (?P<value>-?\d+)|^-- Process (?P<spawned>\d+) terminated with the following error"
)
_LOCAL_RANK = re.compile(r"\blocal_rank: (\d+)")


@dataclass(slots=True)
class RootCauseTracker:
    """The trouble of a run since it last went on."""

    candidates: dict[str, Candidate] = field(default_factory=dict)
    notes: dict[str, Candidate] = field(default_factory=dict)
    closed: list[Candidate] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)
    """Rank to the smallest sequence number at which its collective timed out."""
    in_table: bool = False
    table_rank: int | None = None
    blamed: int | None = None
    """The rank that the text holds responsible."""
    local_rank: int | None = None
    """The first that a launcher names by its place on the node: better than nothing."""
    success: str = ""
    success_samples: int = 0
    recovery: Recovery = field(default_factory=Recovery)

    def reads(self, text: str) -> bool:
        """Does a line say something here though no signature knows it: a row of a failure table?"""
        return bool(_TABLE.match(text))

    def observe(self, sight: Sight, signature: Signature | None, raised: Raised | None) -> Candidate | None:
        """Take one event; return the candidate where it is new, so that the caller can give it an excerpt."""
        if self._table(sight.text):
            return None
        match signature.role if signature else None:
            case "advice":
                return None
            case "success":
                self.success = (signature.strength if signature else "") or "soft"
                self.success_samples = sight.position[0]
                return None
            case "start":
                self.success = ""
                return None
            case "note":
                return self._add(self.notes, sight, known(sight, signature, raised)) if signature else None
        if raised is not None and raised.cleanup:
            return self._add(self.notes, sight, cleanup(sight, raised))
        candidate = self._candidate(sight, signature, raised)
        if candidate is None:
            return None
        if self.blamed is None:
            self.blamed = sight.blamed
        if self.local_rank is None and (found := _LOCAL_RANK.search(sight.text)):
            self.local_rank = int(found.group(1))
        root, anew = self.root(), _key(candidate) not in self.candidates and candidate.order < ORDER["bare"]
        if root is not None and anew and candidate.order <= ORDER["weak"] and self._is_resumed(root):
            self._close(root)
        self.recovery.strike(sight, anew=anew)
        return self._add(self.candidates, sight, candidate)

    def retries(self, line: int) -> None:
        """The run said at this line that it retries, skips or ignores something."""
        self.recovery.words = line

    def _candidate(self, sight: Sight, signature: Signature | None, raised: Raised | None) -> Candidate | None:
        if signature is not None:
            if signature.name == "nccl_timeout":
                self._sequence(sight)
            return known(sight, signature, raised)
        if raised is None:
            return None
        reading = read_exception(raised)
        return None if reading.role == "silent" else unknown(sight, raised, reading)

    def _add(self, group: dict[str, Candidate], sight: Sight, candidate: Candidate) -> Candidate | None:
        key = _key(candidate)
        seen = group.get(key)
        label = sight.label
        if seen is None:
            if len(group) >= MAX_CANDIDATES and not make_room(group, candidate.order):
                return None
            candidate.success = self.success_at(sight.position[0])
            group[key] = candidate
            speak(candidate, label, sight.moment_ns)
            return candidate
        seen.count += 1
        speak(seen, label, sight.moment_ns)
        return None

    def success_at(self, samples: int) -> str:
        """Success speaks for what follows, until training is clearly going again."""
        return self.success if samples - self.success_samples < LIVE_SAMPLES else ""

    def _table(self, text: str) -> bool:
        """A torchrun failure table: the rank under "Root Cause" is the first that failed."""
        if "Root Cause (first observed failure)" in text:
            self.in_table = True
            return False
        found = _TABLE.match(text)
        if found is None:
            return False
        if found.group("spawned"):
            self.table_rank = int(found.group("spawned"))
            return True
        if self.in_table and found.group("key") == "rank":
            self.table_rank, self.in_table = int(found.group("value")), False
        return found.group("key") == "rank"

    def _sequence(self, sight: Sight) -> None:
        found = _SEQUENCE.search(sight.text)
        if found is None or not isinstance(sight.label, int) or len(self.sequences) >= MAX_RANKS:
            return
        number, key = int(found.group(1) or found.group(2)), str(sight.label)
        self.sequences[key] = min(number, self.sequences.get(key, number))

    def progressed(self, told: Advance) -> None:
        """The run told its place; close the episode once that is more than buffered output."""
        root = self.root()
        if root is None:
            return
        self.recovery.advance(told, root)
        if self.recovery.is_over(told, root):
            self._close(root)

    def outlived(self, spoken_ns: int | None) -> None:
        """A log without training steps had its newest line at `spoken_ns`; close what is long over."""
        if self.recovery.outlived(spoken_ns):
            self._close(self.root())

    def _close(self, root: Candidate | None) -> None:
        if root is not None and root.order <= ORDER["bare"]:
            root.handled = self.recovery.speaks_of(root)
            self.closed = [*self.closed[-(MAX_CLOSED - 1) :], root]
        self.candidates, self.sequences = {}, {}
        self.table_rank = self.blamed = self.local_rank = None
        self.recovery = Recovery(words=self.recovery.words)

    def _is_resumed(self, root: Candidate) -> bool:
        return self.recovery.seems_over(root) and not contradicted(root, list(self.candidates.values()))

    def root(self) -> Candidate | None:
        """The candidate that explains the others."""
        if not self.candidates:
            return None
        root = min(self.candidates.values(), key=lambda candidate: (candidate.order, candidate.line))
        return next((one for one in self.candidates.values() if _continues(root, one)), root)

    def incidents(self, end: int | None = None) -> list[Failure]:
        """What happened, each thing once.

        Args:
            end: number of the log's last line, where nothing more is to be expected after it; else None.
        """
        found = [self._closed(candidate) for candidate in self.closed]
        root = self.root()
        if root is not None:
            resumed = self._is_resumed(root) and (self.recovery.moves_since > 0 or end is None)
            found.append(self._closed(root) if resumed else self._open(root, end))
        ended = root is not None and root.order < ORDER["bare"]
        found += [_note(note, folded=ended and note.line >= (root.line if root else 0)) for note in self.notes.values()]
        return found

    def _open(self, root: Candidate, end: int | None) -> Failure:
        severity, why = self._severity(root, end)
        suspect = self._suspect(root)
        ranks = labels(root)
        if suspect is not None:
            ranks = [suspect[0], *(rank for rank in ranks if rank != suspect[0])]
            why += f" {suspect[1]}"
        elif not ranks:
            named = (self.table_rank, self.blamed, self.local_rank)
            ranks += [rank for rank in named if rank is not None][:1]
        others = [c.title for c in self.candidates.values() if c is not root and c.order > root.order][:3]
        if others:
            why += f" Folded into it: {'; '.join(others).lower()}."
        last = max((c.last_ns for c in self.candidates.values() if c.last_ns is not None), default=root.last_ns)
        return incident_of(root, severity, ranks, why, last)

    def _severity(self, root: Candidate, end: int | None) -> tuple[Severity, str]:
        if root.success == "hard" or (root.success and root.order > ORDER["weak"]):
            loud: Severity = "warn" if root.order in (0, 1, 3) else "info"
            return loud, "It came after the run had told its success."
        if self.success == "hard" and root.line and not root.success:
            return "info", "The run reached its end nevertheless."
        if end is None and self.recovery.speaks_of(root) and not contradicted(root, list(self.candidates.values())):
            return "info", "The run says that it tries again or goes on without."
        if root.name == "stopped_by_signal" and "cancelled" in self.notes:
            return "warn", "It was cancelled."
        if root.order == ORDER["trace"]:
            return "info", "An exit code alone, with no failure beside it."
        if root.order == ORDER["bare"]:
            if any(c.order in (ORDER["teardown"], ORDER["trace"]) for c in self.candidates.values()):
                return "page", "An exception was printed, and processes ended with error codes."
            if end is not None and end - root.line <= LAST_WORDS and not self.recovery.steps_since:
                return "page", "An exception was the last that the run said."
            return "warn", "An exception was printed without a traceback."
        if root.name == "horovod_stall" and root.count < STALLS and end is None:
            return "warn", "Ranks may wait for each other for a moment; it was said only now."
        return root.severity, _WHY[root.order]

    def _closed(self, candidate: Candidate) -> Failure:
        handled = candidate.handled or self.recovery.speaks_of(candidate)
        harmless = handled or candidate.order >= ORDER["cascade"] or candidate.category == "launch"
        harmless = harmless or self.success == "hard"
        severity: Severity = "info" if harmless else candidate.severity if candidate.severity != "page" else "warn"
        return incident_of(candidate, severity, labels(candidate), "The run went on after it.", candidate.last_ns)

    def _suspect(self, root: Candidate) -> tuple[int, str] | None:
        """The rank that the others of a collective waited for, and how that is known."""
        if root.name != "nccl_timeout":
            return None
        if self.blamed is not None:
            return self.blamed, f"Rank {self.blamed} is said to be the one that the others waited for."
        if len(self.sequences) < 2:
            return None
        ordered = sorted(self.sequences.items(), key=lambda item: item[1])
        behind, next_one = ordered[0], ordered[1]
        if behind[1] < next_one[1]:
            return int(behind[0]), f"Rank {behind[0]} is behind the others."
        absent = _absent(sorted(int(rank) for rank in self.sequences))
        if absent is None or ordered[-1][1] != behind[1]:
            return None
        return absent, f"Rank {absent} alone did not report the time-out."


def _absent(ranks: list[int]) -> int | None:
    """The one rank that is missing from a list, where it is one: a hole, or the last of a node of eight."""
    if len(ranks) < MIN_REPORTS:
        return None
    holes = set(range(ranks[0] // NODE * NODE, -(-(ranks[-1] + 1) // NODE) * NODE)) - set(ranks)
    inner = {rank for rank in holes if rank < ranks[-1]}
    return next(iter(inner or holes)) if len(inner or holes) == 1 else None


_WHY = {
    0: "The earliest failure that is not the echo of another.",
    1: "Nothing else in the log explains it better.",
    2: "Usually an echo of another rank's failure, but none is in this log.",
    3: "The process stopped itself; nothing else in the log says why.",
    4: "Only the launcher's words are in this log.",
}


def _continues(root: Candidate, other: Candidate) -> bool:
    """Is `other` what an exception says in its further lines: a known failure in words of many lines?"""
    near = 0 < other.line - root.line <= MESSAGE_LINES
    return (
        near
        and root.name == "python_exception"
        and other.order == 0
        and other.name != root.name
        and _speaker(root) == _speaker(other)
    )


def _speaker(candidate: Candidate) -> str:
    return next(iter(candidate.ranks), "")


def _key(candidate: Candidate) -> str:
    return candidate.name if candidate.name != "python_exception" else candidate.fingerprint


def _note(note: Candidate, *, folded: bool) -> Failure:
    severity: Severity = "info" if folded or note.success else note.severity
    return incident_of(note, severity, labels(note), "Worth knowing; the run goes on.", note.last_ns)
