"""The result of one poll of a job."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogCursor, LogLine
from bot.domain.metrics import MetricSeries
from bot.domain.runs import QueuePosition

POLL_INTERVAL = timedelta(seconds=15)
"""Time between two polls of a running job, unless configured."""
LOG_LOOKBACK = timedelta(minutes=15)
"""How much log from before its start a subscription reads, unless configured."""


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
    cursor: LogCursor | None = None
    """Where the next poll resumes the log."""
    more: bool = False
    """Whether the log has lines that this poll did not read."""
    log_failed: bool = False
    """Whether a request for the log failed; gaps of pages that were read are not failures."""
    retry_after: timedelta | None = None
    """The longest wait that the platform asked for."""
    queue: QueuePosition | None = None
    """Why the job waits, if it was asked for and the platform tells this key."""

    def gap(self, part: Part) -> Gap | None:
        """Return the first gap in this part, or None."""
        return next((gap for gap in self.gaps if gap.part is part), None)

    @property
    def log_error(self) -> Gap | None:
        """Why reading the log failed; unreachable and mistimed lines are not a failure."""
        gaps = (gap for gap in self.gaps if gap.part is Part.LOGS)
        return next((gap for gap in gaps if not gap.is_partial), None)

    @property
    def metrics_error(self) -> Gap | None:
        """Why there are no metrics; single samples that cannot be true are not a failure."""
        gaps = (gap for gap in self.gaps if gap.part is Part.METRICS)
        return next((gap for gap in gaps if gap.reason is not GapReason.INVALID_SAMPLES), None)

    @property
    def is_empty(self) -> bool:
        """Whether neither the status nor the log could be read."""
        return self.job is None and self.log_error is not None and not self.lines
