"""Did the run go on after its trouble? Judged by the steps that it tells afterwards.

Steps may be older than the failure that they follow in the log: standard output is flushed late, other ranks take a
moment to notice. So one step proves little; how many do, depends on who tells them and how. Whose trouble it was, and
how loud it is told then, is in `incidents`.
"""

from dataclasses import dataclass

from bot.diagnosis.failures.candidates import ORDER, Candidate, Sight
from bot.diagnosis.findings import Label

LIVE_SAMPLES, LIVE_BYTES = 40, 8192
"""Progress after a failure that shows, without a clock, that the run went on; flushed buffers hold less."""
LIVE_SAMPLES_ALONE = 200
"""The same where lines are so short that their bytes say little."""
LIVE_SAMPLES_TIMED = 5
LIVE_NS = 120 * 1_000_000_000
OVER_NS = 720 * 1_000_000_000
"""Without training steps to judge by, trouble is over when lines have come for this long with nothing new in them.

More than the ten minutes after which NCCL's watchdog echoes a rank's silent death."""
MOVES = 3
"""New steps, told at once by the process that was in trouble, that show that it lives."""
BESIDE = 15
"""Lines around a failure within which words of a retry or a skip speak of it."""


@dataclass(frozen=True, slots=True)
class Advance:
    """One progress line, as far as it tells that the run lives."""

    position: tuple[int, int]
    """Progress samples and bytes read."""
    moment_ns: int | None
    """The provider's time."""
    label: Label | None
    step: float | None
    at_once: bool
    """Is it a progress bar's, which is written when it happens?"""


@dataclass(slots=True)
class Recovery:
    """What the run told since it was in trouble."""

    trouble: tuple[int, int] = (0, 0)
    """Samples and bytes read when the latest trouble came."""
    trouble_ns: int | None = None
    step: float | None = None
    moves: int = 0
    """New steps since a failure of another kind came."""
    moves_since: int = 0
    """The same since the latest event."""
    steps_since: int = 0
    """New steps since the latest event, whoever told them and however late."""
    words: int = 0
    """Number of the line that last spoke of a retry or a skip; 0 when none did."""

    def strike(self, sight: Sight, *, anew: bool) -> None:
        """Take an event; `anew` where it is a failure that was not there before."""
        self.trouble = sight.position
        self.trouble_ns = sight.moment_ns if sight.told else self.trouble_ns
        self.step, self.moves_since, self.steps_since = sight.step, 0, 0
        if anew:
            self.moves = 0

    def speaks_of(self, root: Candidate) -> bool:
        """Did the run say that it handles this failure?"""
        return self.words > 0 and abs(root.line - self.words) <= BESIDE

    def advance(self, told: Advance, root: Candidate) -> None:
        """Take a progress line."""
        if told.step is None or told.step == self.step:
            return
        self.step = told.step
        self.steps_since += 1
        own = (not root.ranks and told.label is None) or str(told.label) in root.ranks
        if root.category == "hang" or self.speaks_of(root) or (told.at_once and own):
            self.moves += 1
            self.moves_since += 1

    def seems_over(self, root: Candidate) -> bool:
        """Are there steps enough to say so for now? A launcher's last words may still tell otherwise."""
        return self.moves >= (1 if root.category == "hang" or self.speaks_of(root) else MOVES)

    def is_over(self, told: Advance, root: Candidate) -> bool:
        """Is that more than buffered output, so that the next trouble is another one?"""
        samples, position = told.position
        since = samples - self.trouble[0]
        before_start = root.category == "launch" and self.trouble[0] == 0
        if told.moment_ns is not None and self.trouble_ns is not None:
            return since >= LIVE_SAMPLES_TIMED and (before_start or told.moment_ns - self.trouble_ns > LIVE_NS)
        return (
            (since >= LIVE_SAMPLES and position - self.trouble[1] >= LIVE_BYTES)
            or since >= LIVE_SAMPLES_ALONE
            or (before_start and since >= LIVE_SAMPLES_TIMED)
        )

    def outlived(self, spoken_ns: int | None) -> bool:
        """Has a log without training steps gone on for long since?"""
        return self.trouble_ns is not None and spoken_ns is not None and spoken_ns - self.trouble_ns > OVER_NS


def contradicted(root: Candidate, others: list[Candidate]) -> bool:
    """Do echoes, aborts or a launcher say that the failure was the end after all?"""
    return any(ORDER["cascade"] <= other.order <= ORDER["teardown"] for other in others if other is not root)
