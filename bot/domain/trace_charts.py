"""Charts of a run's trace for alerts and summaries: steps, loss, throughput, GPU utilization. Pure."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from bot.domain.charts import ChartLevel, ChartLine, ChartMoment, ChartPoint, LineChart
from bot.domain.metrics import GPU_UTILIZATION, metric_title
from bot.domain.traces import Trace, TraceSample

_POINTS = 20
_COMPARABLE = 4.0
"""Two curves share an axis if their highest values differ by no more than this factor."""
_SHOWN_BEFORE = 3.0
"""How many times longer than a problem the time before it is shown."""
_LEAST_SHOWN = timedelta(minutes=20)
_SPREAD = ("lowest GPU", "median", "highest GPU")


def steps_chart(trace: Trace, stopped_at: datetime, now: datetime) -> LineChart | None:
    """Chart the steps of a run that stopped: they rise, then stay. None if no rise was seen."""
    window = _window(trace, stopped_at, now)
    steps = [one.step for one in window if one.step is not None]
    if len(set(steps)) < 2:
        return None
    first = steps[0]
    line = ChartLine("steps", tuple(_points(window, lambda one: None if one.step is None else one.step - first)))
    since = datetime.fromtimestamp(window[0].at_s, UTC)
    return _chart(f"Steps since {since:%H:%M} UTC", "", (line,), (), (ChartMoment("stopped", stopped_at.timestamp()),))


def loss_chart(trace: Trace, bad_at: datetime | None = None) -> LineChart | None:
    """Chart the loss, and the gradient norm where it fits on the same axis; gaps where they are not finite."""
    loss = ChartLine("loss", tuple(_points(trace, lambda one: one.loss)))
    norm = ChartLine("grad norm", tuple(_points(trace, lambda one: one.grad_norm)))
    if not loss.points:
        return None
    highest, highest_norm = (max((abs(point.y) for point in line.points), default=0.0) for line in (loss, norm))
    is_comparable = 0 < highest_norm <= _COMPARABLE * highest and {x for x, *_ in norm.points} >= {
        x for x, *_ in loss.points
    }
    lines = (loss, norm) if is_comparable else (loss,)
    last = loss.points[-1].x
    moments = () if bad_at is None else (ChartMoment("alert", min(bad_at.timestamp(), last)),)
    return _chart("Loss and gradient norm" if is_comparable else "Loss", "", lines, (), moments)


def throughput_chart(trace: Trace, since: datetime | None = None) -> LineChart | None:
    """Chart tokens per second as the log states them, else steps per minute."""
    moments = () if since is None else (ChartMoment("alert", since.timestamp()),)
    tokens = tuple(_points(trace, lambda one: one.tokens_per_s))
    if len(tokens) > 1:
        return _chart("Throughput", "tokens/s", (ChartLine("tokens/s", tokens),), (), moments)
    even = [(time_s, one) for time_s, one in _evenly(trace) if one.step is not None]
    paces = [
        ChartPoint(time_s, 60 * max(0, (after.step or 0) - (before.step or 0)) / (after.at_s - before.at_s))
        for (_, before), (time_s, after) in pairwise(even)
        if after.at_s > before.at_s
    ]
    return _chart("Throughput", "steps/min", (ChartLine("steps/min", tuple(paces)),), (), moments)


def utilization_chart(trace: Trace, since: datetime, now: datetime, threshold: float | None = None) -> LineChart | None:
    """Chart the lowest, median and highest GPU; one line for one GPU."""
    window = _window(trace, since, now)
    lines = [ChartLine(name, tuple(_points(window, _share(at)))) for at, name in enumerate(_SPREAD)]
    if all(one.points == lines[0].points for one in lines):
        lines = [ChartLine("GPUs", lines[0].points)]
    levels = () if threshold is None else (ChartLevel("threshold", 100 * threshold),)
    return _chart(metric_title(GPU_UTILIZATION), "%", tuple(lines), levels, (ChartMoment("low", since.timestamp()),))


def _share(at: int) -> Callable[[TraceSample], float | None]:
    """Read the utilization in percent of the lowest, median or highest GPU."""
    return lambda one: None if one.utilization is None else 100 * one.utilization[at]


def _chart(
    title: str,
    unit: str,
    lines: tuple[ChartLine, ...],
    levels: tuple[ChartLevel, ...],
    moments: tuple[ChartMoment, ...],
) -> LineChart | None:
    """The chart, unless it has fewer than two points."""
    if not lines or min(len(line.points) for line in lines) < 2:
        return None
    return LineChart(title, unit, lines, levels, moments)


def _window(trace: Trace, since: datetime, now: datetime) -> Trace:
    """The samples of a problem, and of some time before it."""
    before = max(_SHOWN_BEFORE * (now - since), _LEAST_SHOWN)
    start_s = (since - before).timestamp()
    return tuple(one for one in trace if one.at_s >= start_s)


def _points(trace: Trace, read: Callable[[TraceSample], float | None]) -> Iterator[ChartPoint]:
    for time_s, sample in _evenly(trace):
        value = read(sample)
        if value is not None:
            yield ChartPoint(time_s, float(value))


def _evenly(trace: Trace) -> Iterator[tuple[float, TraceSample]]:
    """Even times, each with the newest sample until then; samples get sparser with their age, an axis does not."""
    if not trace:
        return
    count = min(_POINTS, len(trace))
    first_s, last_s = trace[0].at_s, trace[-1].at_s
    at = 0
    for number in range(count):
        time_s = last_s if number == count - 1 else first_s + (last_s - first_s) * number / (count - 1)
        while at + 1 < len(trace) and trace[at + 1].at_s <= time_s:
            at += 1
        yield time_s, trace[at]
