"""Everything the diagnosis of one log keeps between two pages: plain, bounded values, stored as JSON.

`VERSION` changes with every field or its meaning. `Diagnoser.load` starts again from an empty state if a stored one
has another version: the log is then diagnosed from its next line on.
"""

from dataclasses import dataclass, field

from bot.diagnosis.failures.quotations import Quotation
from bot.diagnosis.failures.root_cause import RootCauseTracker
from bot.diagnosis.failures.tracebacks import Tracebacks
from bot.diagnosis.reading.origins import OriginRun
from bot.diagnosis.training.checkpoints import Checkpoints
from bot.diagnosis.training.loss import LossMonitor
from bot.diagnosis.training.newest_lines import NewestLines
from bot.diagnosis.training.pace import TrainingPace
from bot.diagnosis.training.step_pace import StepPace
from bot.diagnosis.training.throughput import Throughput

VERSION = 21


@dataclass(slots=True)
class DiagnoserState:
    """The state after any page; another process can continue from it."""

    version: int = VERSION
    lines: int = 0
    offset: int = 0
    """Number of bytes read."""
    rest: str = ""
    """An unfinished line, as Latin-1, which preserves any bytes."""
    tail: str = ""
    """The end of the log, as Latin-1."""
    tail_origins: list[OriginRun] = field(default_factory=list)
    """The ranks and replicas of its last lines, if the provider states them."""
    tracebacks: Tracebacks = field(default_factory=Tracebacks)
    root_cause: RootCauseTracker = field(default_factory=RootCauseTracker)
    quotation: Quotation = field(default_factory=Quotation)
    loss: LossMonitor = field(default_factory=LossMonitor)
    pace: TrainingPace = field(default_factory=TrainingPace)
    throughput: Throughput = field(default_factory=Throughput)
    newest: NewestLines = field(default_factory=NewestLines)
    step_pace: StepPace = field(default_factory=StepPace)
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    step: int | None = None
    """The newest step read."""
    epoch: float | None = None
    """The newest epoch read."""
    samples: int = 0
    """Number of progress lines read."""
    sampled_at: int = 0
    """Offset of the end of the newest progress line read."""
    sampled_ns: int | None = None
    skipped: int = 0
    """Number of progress lines found and skipped."""
    dense_until: int = 0
    """Offset up to which no progress line is skipped."""
    skipped_raw: str = ""
    """The newest progress line if it was skipped, as Latin-1."""
    skipped_line: int = 0
    progress_end: int = 0
    """Offset of the end of the newest progress line, read or skipped."""
    clock_ns: int | None = None
    """The newest time that the provider stated."""
    newest_ns: dict[str, int] = field(default_factory=dict)
    """When each replica or rank logged last, if the provider states both."""
