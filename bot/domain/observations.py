"""The result of one poll of a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.gaps import Gap, Part
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogLine
from bot.domain.metrics import MetricSeries


@dataclass(frozen=True, slots=True)
class Observation:
    """Status, log lines and metrics from one poll of a job, and the gaps in them."""

    ref: JobRef
    at: datetime
    job: Job | None = None
    """None if the status could not be read; `gaps` then has the reason."""
    lines: tuple[LogLine, ...] = ()
    """New lines since the previous poll, oldest first, each line once."""
    series: tuple[MetricSeries, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def gap(self, part: Part) -> Gap | None:
        """Return the first gap in this part, or None."""
        return next((gap for gap in self.gaps if gap.part is part), None)
