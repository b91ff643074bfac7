"""What one poll learned of one job. What it could not learn is a Gap (`bot.domain.gaps`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.gaps import Gap, Part
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogLine
from bot.domain.metrics import MetricSeries


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one poll learned about one job."""

    ref: JobRef
    at: datetime
    job: Job | None = None
    """None when the status could not be read; then `gaps` says why."""
    lines: tuple[LogLine, ...] = ()
    """New since the last poll, oldest first, each line once."""
    series: tuple[MetricSeries, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def gap(self, part: Part) -> Gap | None:
        """Why this part is missing, None when it is not."""
        return next((gap for gap in self.gaps if gap.part is part), None)
