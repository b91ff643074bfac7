"""A job's metrics over a long window, read piece by piece and handed out as a watcher would have seen them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.gaps import Gap, Part, gap_of
from bot.domain.jobs import JobRef
from bot.domain.metrics import MetricPoint, MetricQuery, MetricSeries
from bot.errors import ProviderError
from bot.providers.base import Provider

PIECE = timedelta(hours=2)
"""Asked of a platform at once."""
LATE = timedelta(minutes=3)
"""How far back each look reads again, for samples that came late: as in the watcher."""

_Key = tuple[str, str | None, int | None]


@dataclass(slots=True)
class MetricHistory:
    """The metrics of one job between two moments. What cannot be read is a gap, and nothing more is asked."""

    provider: Provider
    job: JobRef
    start: datetime
    end: datetime
    window: timedelta | None
    """How far back the first look reads; None: no rule wants metrics."""
    gaps: list[Gap] = field(default_factory=list)
    _known: dict[_Key, MetricSeries] = field(default_factory=dict)
    _fetched_to: datetime | None = None
    _looked_at: datetime | None = None

    async def until(self, at: datetime) -> tuple[MetricSeries, ...]:
        """What a look at this moment would have got; each moment is later than the one before."""
        if self.window is None:
            return ()
        since = (self._looked_at or self.start - self.window) - LATE
        await self._fetch(since, at)
        self._looked_at = at
        seen = (_between(one, since, at) for one in self._known.values())
        return tuple(one for one in seen if one.points)

    async def _fetch(self, since: datetime, at: datetime) -> None:
        begin = self._fetched_to or since
        while begin < at and not self.gaps:
            end = min(max(begin + PIECE, at) if self._fetched_to is None else begin + PIECE, self.end)
            try:
                pieces = await self.provider.query_metrics(MetricQuery(self.job, start=begin, end=end))
            except ProviderError as problem:
                self.gaps.append(gap_of(problem, Part.METRICS))
                return
            self._keep(pieces, since)
            begin = self._fetched_to = end

    def _keep(self, pieces: Sequence[MetricSeries], since: datetime) -> None:
        """Add new samples, forget what no look reads again; both ends of a query are inclusive."""
        for piece in pieces:
            key = (piece.name, piece.node, piece.gpu)
            known = self._known.get(key)
            last = known.points[-1].at if known is not None and known.points else None
            old = () if known is None else tuple(one for one in known.points if one.at is not None and one.at >= since)
            new = tuple(one for one in piece.points if one.at is not None and (last is None or one.at > last))
            self._known[key] = replace(piece, points=(*old, *new))


def _between(series: MetricSeries, since: datetime, at: datetime) -> MetricSeries:
    points = series.points
    first = bisect_left(points, since, key=_moment)
    return replace(series, points=points[first : bisect_right(points, at, lo=first, key=_moment)])


def _moment(point: MetricPoint) -> datetime:
    assert point.at is not None  # `_keep` takes only samples with a time
    return point.at
