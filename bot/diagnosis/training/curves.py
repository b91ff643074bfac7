"""The loss and the throughput of a run over the lines of its log, as metric series."""

from dataclasses import dataclass, field

from bot.diagnosis.training.progress import Sample
from bot.domain.durations import datetime_from_ns
from bot.domain.metrics import MetricPoint, MetricSeries

LOSS, TOKENS, SAMPLES = "loss", "tokens_per_second", "samples_per_second"


@dataclass(slots=True)
class TrainingCurves:
    """Collects what progress lines state, at the times of the lines. Evaluation and final averages do not count."""

    points: dict[str, list[MetricPoint]] = field(default_factory=dict)

    def feed(self, sample: Sample, time_ns: int) -> None:
        """Read the numbers of one line."""
        if sample.is_evaluation or sample.is_summary:
            return
        stated = (LOSS, sample.loss), (TOKENS, sample.tokens_per_s), (SAMPLES, sample.samples_per_s)
        for name, value in stated:
            if value is not None:
                self.points.setdefault(name, []).append(MetricPoint(value, datetime_from_ns(time_ns), sample.step))

    def series(self) -> tuple[MetricSeries, ...]:
        """One series for each number of which there are at least two values."""
        named = ((name, self.points.get(name, [])) for name in (LOSS, TOKENS, SAMPLES))
        return tuple(MetricSeries(name, tuple(points)) for name, points in named if len(points) > 1)
