"""Events become incidents: the root, not the cascade.

One failing run prints hundreds of error lines. They belong to one *episode*: everything between the first sign of
trouble and the run going on (or the end). Within it, candidates are ranked by role, then by who came first; what is
below the root is folded into it. `severity_of` holds the rule about success: what follows the run's own end is
teardown noise.
"""

import re
from dataclasses import dataclass, field

from bot.diagnosis.findings import Label, LogIncident
from bot.diagnosis.fingerprints import fingerprint
from bot.diagnosis.python_errors import Reading, read_exception
from bot.diagnosis.signatures import Category, Severity, Signature
from bot.diagnosis.tracebacks import Raised

MAX_CANDIDATES = 16
MAX_RANKS = 4096
MAX_CLOSED = 6
EXCERPT_LINE = 240
AFTER = 2
"""Lines of excerpt after the root line."""

LIVE_SAMPLES, LIVE_BYTES = 40, 8192
"""Progress after a failure that shows, without a clock, that the run went on; flushed buffers hold less."""
LIVE_SAMPLES_ALONE = 200
"""The same where lines are so short that their bytes say little."""
LIVE_SAMPLES_TIMED = 5
LIVE_NS = 120 * 1_000_000_000
OVER_NS = 720 * 1_000_000_000
"""Without training steps to judge by, trouble is over when lines have come for this long with nothing new in them.

More than the ten minutes after which NCCL's watchdog echoes a rank's silent death."""

LAST_WORDS = 20
"""Lines from the log's end within which a bare exception is what ended it."""

_ORDER = {"root": 0, "weak": 1, "cascade": 2, "abort": 3, "teardown": 4, "bare": 5, "trace": 6}
_RANK_IN_TEXT = re.compile(r"\[?\b[Rr]ank[ :=]+(\d+)\b")
_SEQUENCE = re.compile(r"SeqNum=(\d+)|watchdog at work: (\d+)")
_TABLE = re.compile(r"^\s*(?P<key>rank|exitcode)\s+: (?P<value>-?\d+)")
_EXIT = re.compile(r"(?:exitcode[ :]+|exit code |return code = )(-?\d+)")


@dataclass(slots=True)
class Candidate:
    """One possible root, with all lines that said the same."""

    name: str
    order: int
    category: Category
    severity: Severity
    title: str
    hint: str
    line: int
    confidence: float
    fingerprint: str
    count: int = 1
    first_ns: int | None = None
    last_ns: int | None = None
    ranks: dict[str, int] = field(default_factory=dict)
    """Labels in the order they were seen; 1 for a rank, 0 for a name."""
    excerpt: list[str] = field(default_factory=list)
    root_at: int = 0
    """Place of the root line in `excerpt`."""
    after: int = AFTER
    """Excerpt lines still to come."""
    awaits_from: int = 0
    """Byte of the log from which on they come."""
    success: str = ""
    """The kind of success the run had told before: none, soft or hard."""


@dataclass(slots=True)
class Episode:
    """The trouble of a run since it last went on."""

    candidates: dict[str, Candidate] = field(default_factory=dict)
    notes: dict[str, Candidate] = field(default_factory=dict)
    closed: list[Candidate] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)
    """Rank to the smallest sequence number at which its collective timed out."""
    in_table: bool = False
    table_rank: int | None = None
    success: str = ""
    success_samples: int = 0
    trouble: tuple[int, int] = (0, 0)
    """Samples and bytes read when the latest trouble came."""
    trouble_ns: int | None = None

    def reads(self, text: str) -> bool:
        """Does a line say something here though no signature knows it: a row of a failure table?"""
        return bool(_TABLE.match(text))

    def observe(self, sight: "Sight", signature: Signature | None, raised: Raised | None) -> Candidate | None:
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
                return self._add(self.notes, sight, _known(sight, signature, raised)) if signature else None
        if raised is not None and raised.cleanup:
            return self._add(self.notes, sight, _cleanup(sight, raised))
        candidate = self._candidate(sight, signature, raised)
        if candidate is None:
            return None
        self.trouble, self.trouble_ns = sight.position, sight.moment_ns if sight.told else self.trouble_ns
        return self._add(self.candidates, sight, candidate)

    def _candidate(self, sight: "Sight", signature: Signature | None, raised: Raised | None) -> Candidate | None:
        if signature is not None:
            if signature.name == "nccl_timeout":
                self._sequence(sight)
            return _known(sight, signature, raised)
        if raised is None:
            return None
        reading = read_exception(raised)
        return None if reading.role == "silent" else _unknown(sight, raised, reading)

    def _add(self, group: dict[str, Candidate], sight: "Sight", candidate: Candidate) -> Candidate | None:
        key = candidate.name if candidate.name != "python_exception" else candidate.fingerprint
        seen = group.get(key)
        label = sight.label
        if seen is None:
            if len(group) >= MAX_CANDIDATES and not _make_room(group, candidate.order):
                return None
            candidate.success = self.success_at(sight.position[0])
            group[key] = candidate
            _speak(candidate, label, sight.moment_ns)
            return candidate
        seen.count += 1
        _speak(seen, label, sight.moment_ns)
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
        if self.in_table and found.group("key") == "rank":
            self.table_rank, self.in_table = int(found.group("value")), False
        return found.group("key") == "rank"

    def _sequence(self, sight: "Sight") -> None:
        found = _SEQUENCE.search(sight.text)
        if found is None or not isinstance(sight.label, int) or len(self.sequences) >= MAX_RANKS:
            return
        number, key = int(found.group(1) or found.group(2)), str(sight.label)
        self.sequences[key] = min(number, self.sequences.get(key, number))

    def progressed(self, samples: int, position: int, moment_ns: int | None) -> None:
        """The run told a new step; close the episode once that is more than buffered output."""
        if not self.candidates:
            return
        since = samples - self.trouble[0]
        root = self.root()
        before_start = root is not None and root.category == "launch" and self.trouble[0] == 0
        lives = since >= LIVE_SAMPLES and position - self.trouble[1] >= LIVE_BYTES
        lives = lives or since >= LIVE_SAMPLES_ALONE
        lives = lives or (before_start and since >= LIVE_SAMPLES_TIMED)
        if moment_ns is not None and self.trouble_ns is not None:
            lives = since >= LIVE_SAMPLES_TIMED and (before_start or moment_ns - self.trouble_ns > LIVE_NS)
        if lives:
            self._close(root)

    def outlived(self, spoken_ns: int | None) -> None:
        """A log without training steps had its newest line at `spoken_ns`; close what is long over."""
        if self.trouble_ns is not None and spoken_ns is not None and spoken_ns - self.trouble_ns > OVER_NS:
            self._close(self.root())

    def _close(self, root: Candidate | None) -> None:
        if root is not None and root.order <= _ORDER["bare"]:
            self.closed = [*self.closed[-(MAX_CLOSED - 1) :], root]
        self.candidates, self.sequences, self.table_rank, self.trouble_ns = {}, {}, None, None

    def root(self) -> Candidate | None:
        """The candidate that explains the others."""
        if not self.candidates:
            return None
        return min(self.candidates.values(), key=lambda candidate: (candidate.order, candidate.line))

    def incidents(self, end: int | None = None) -> list[LogIncident]:
        """What happened, each thing once.

        Args:
            end: number of the log's last line, where nothing more is to be expected after it; else None.
        """
        found = [self._closed(candidate) for candidate in self.closed]
        root = self.root()
        if root is not None:
            found.append(self._open(root, end))
        ended = root is not None and root.order < _ORDER["bare"]
        found += [_note(note, folded=ended and note.line >= (root.line if root else 0)) for note in self.notes.values()]
        return found

    def _open(self, root: Candidate, end: int | None) -> LogIncident:
        severity, why = self._severity(root, end)
        suspect = self._suspect(root)
        ranks = _labels(root)
        if suspect is not None:
            ranks = [suspect, *(rank for rank in ranks if rank != suspect)]
            why += f" Rank {suspect} is behind the others."
        elif not ranks and self.table_rank is not None:
            ranks = [self.table_rank]
        others = [c.title for c in self.candidates.values() if c is not root and c.order > root.order][:3]
        if others:
            why += f" Folded into it: {'; '.join(others).lower()}."
        last = max((c.last_ns for c in self.candidates.values() if c.last_ns is not None), default=root.last_ns)
        return _incident(root, severity, ranks, why, last)

    def _severity(self, root: Candidate, end: int | None) -> tuple[Severity, str]:
        if root.success == "hard" or (root.success and root.order > _ORDER["weak"]):
            loud: Severity = "warn" if root.order in (0, 1, 3) else "info"
            return loud, "It came after the run had told its success."
        if self.success == "hard" and root.line and not root.success:
            return "info", "The run reached its end nevertheless."
        if root.order == _ORDER["trace"]:
            return "info", "An exit code alone, with no failure beside it."
        if root.order == _ORDER["bare"]:
            if any(c.order in (_ORDER["teardown"], _ORDER["trace"]) for c in self.candidates.values()):
                return "page", "An exception was printed, and processes ended with error codes."
            if end is not None and end - root.line <= LAST_WORDS:
                return "page", "An exception was the last that the run said."
            return "warn", "An exception was printed without a traceback."
        return root.severity, _WHY[root.order]

    def _closed(self, candidate: Candidate) -> LogIncident:
        harmless = candidate.order >= _ORDER["cascade"] or candidate.category == "launch" or self.success == "hard"
        severity: Severity = "info" if harmless else candidate.severity if candidate.severity != "page" else "warn"
        return _incident(candidate, severity, _labels(candidate), "The run went on after it.", candidate.last_ns)

    def _suspect(self, root: Candidate) -> int | None:
        if root.name != "nccl_timeout" or len(self.sequences) < 2:
            return None
        ordered = sorted(self.sequences.items(), key=lambda item: item[1])
        behind, next_one = ordered[0], ordered[1]
        return int(behind[0]) if behind[1] < next_one[1] else None


_WHY = {
    0: "The earliest failure that is not the echo of another.",
    1: "Nothing else in the log explains it better.",
    2: "Usually an echo of another rank's failure, but none is in this log.",
    3: "The process stopped itself; nothing else in the log says why.",
    4: "Only the launcher's words are in this log.",
}


@dataclass(frozen=True, slots=True)
class Sight:
    """One event, as the reader saw it."""

    text: str
    line: int
    label: Label | None
    moment_ns: int | None
    position: tuple[int, int]
    """Progress samples and bytes read before it."""
    told: bool = False
    """Is the time the provider's, rather than read in the line?"""

    @classmethod
    def of(
        cls, text: str, line: int, label: Label | None, moment: tuple[int, str] | None, position: tuple[int, int]
    ) -> "Sight":
        """A sight; where no prefix names the rank, the text may."""
        if not isinstance(label, int):
            found = _RANK_IN_TEXT.search(text)
            label = int(found.group(1)) if found else label
        moment_ns, clock = moment or (None, "")
        return cls(text, line, label, moment_ns, position, clock == "provider")


def _make_room(group: dict[str, Candidate], order: int) -> bool:
    """Forget the least likely root, if it is less likely than one of `order`."""
    key, worst = max(group.items(), key=lambda item: (item[1].order, item[1].line))
    if worst.order <= order:
        return False
    del group[key]
    return True


def _known(sight: Sight, signature: Signature, raised: Raised | None) -> Candidate:
    indecisive = signature.role == "teardown" and not signature.decisive
    order = _ORDER["trace" if indecisive else "root" if signature.role == "note" else signature.role]
    exit_code = _EXIT.search(sight.text) if signature.role == "teardown" else None
    return Candidate(
        name=signature.name,
        order=order,
        category=signature.category,
        severity=signature.severity,
        title=f"{signature.title} (exit code {exit_code.group(1)})" if exit_code else signature.title,
        hint=signature.hint,
        line=sight.line,
        confidence=(0.95, 0.75, 0.6, 0.6, 0.5, 0.3, 0.3)[order],
        fingerprint=fingerprint(
            raised.kind if raised else signature.name,
            raised.frame if raised else "",
            raised.message if raised else sight.text,
        ),
    )


def _unknown(sight: Sight, raised: Raised, reading: Reading) -> Candidate:
    where = f" in {raised.frame}" if raised.frame else ""
    message = f": {raised.message[:140]}" if raised.message else ""
    order = _ORDER[reading.role if raised.traced or reading.role != "root" else "bare"]
    return Candidate(
        name="python_exception",
        order=order,
        category=reading.category,
        severity=reading.severity,
        title=f"{raised.kind.rsplit('.', 1)[-1]}{message}{where}",
        hint=reading.hint,
        line=sight.line,
        confidence=0.9 if order == 0 else 0.4,
        fingerprint=fingerprint(raised.kind, raised.frame, raised.message),
    )


def _cleanup(sight: Sight, raised: Raised) -> Candidate:
    hint = "It came from a finalizer as the process ended; nothing to do. https://docs.python.org/3/library/atexit.html"
    title = f"{raised.kind} while cleaning up"
    return Candidate("cleanup", 0, "code", "info", title, hint, sight.line, 0.8, "cleanup")


def _speak(candidate: Candidate, label: Label | None, moment_ns: int | None) -> None:
    if moment_ns is not None:
        candidate.first_ns = moment_ns if candidate.first_ns is None else candidate.first_ns
        candidate.last_ns = moment_ns
    if label is not None and len(candidate.ranks) < MAX_RANKS:
        candidate.ranks.setdefault(str(label), int(isinstance(label, int)))


def _labels(candidate: Candidate) -> list[Label]:
    labels: list[Label] = [int(text) if number else text for text, number in candidate.ranks.items()]
    return labels[:1] + sorted(labels[1:], key=lambda label: (isinstance(label, str), label))


def _note(note: Candidate, *, folded: bool) -> LogIncident:
    severity: Severity = "info" if folded or note.success else note.severity
    return _incident(note, severity, _labels(note), "Worth knowing; the run goes on.", note.last_ns)


def _incident(
    candidate: Candidate, severity: Severity, ranks: list[Label], why: str, last_ns: int | None
) -> LogIncident:
    return LogIncident(
        severity, candidate.category, candidate.name, candidate.title, candidate.hint, candidate.line, tuple(ranks),
        candidate.count, candidate.first_ns, last_ns, tuple(candidate.excerpt), candidate.confidence,
        candidate.fingerprint, why, candidate.root_at if candidate.excerpt else None,
    )  # fmt: skip
