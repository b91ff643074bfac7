"""All that is remembered of a log: plain values, bounded, JSON-able. Who changes it: `reading`."""

from dataclasses import dataclass, field

from bot.diagnosis.failures.quotations import Quotes
from bot.diagnosis.failures.root_cause import RootCauseTracker
from bot.diagnosis.failures.tracebacks import Tracebacks
from bot.diagnosis.training.loss import Numerics
from bot.diagnosis.training.throughput import TrainingPace

VERSION = 1


@dataclass(slots=True)
class DiagnoserState:
    """The state between two pages; a dump of it goes on in another process as if nothing had happened."""

    version: int = VERSION
    lines: int = 0
    offset: int = 0
    """Bytes read."""
    rest: str = ""
    """An unfinished line, as Latin-1, which keeps any bytes."""
    tail: str = ""
    """The end of the log, as Latin-1."""
    tracebacks: Tracebacks = field(default_factory=Tracebacks)
    episode: RootCauseTracker = field(default_factory=RootCauseTracker)
    numerics: Numerics = field(default_factory=Numerics)
    pace: TrainingPace = field(default_factory=TrainingPace)
    quotes: Quotes = field(default_factory=Quotes)
    latest: dict[str, float | int | None] = field(default_factory=dict)
    """The newest value of each number of `RunProgress`."""
    samples: int = 0
    """Progress lines read."""
    sampled_at: int = 0
    """Byte at which the newest of them ended."""
    sampled_ns: int | None = None
    attentive_until: int = 0
    """Byte up to which progress lines are read one by one."""
    last_raw: str = ""
    """The newest progress line where skimming passed over it, as Latin-1."""
    last_line: int = 0
    last_end: int = 0
    """Byte at which the newest progress line ended."""
    clock_ns: int | None = None
    """The newest time a provider gave."""
