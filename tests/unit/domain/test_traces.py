"""The trace of a run: bounded, dense at its end, and charted as what led to an alert."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.charts import LineChart
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.domain.progress import RunProgress
from bot.domain.trace_charts import loss_chart, steps_chart, throughput_chart, utilization_chart
from bot.domain.traces import MOST_SAMPLES, Trace, TraceSample, add_sample, take_sample
from bot.rules.rule import dump_state, load_state
from bot.store.codec import from_json, to_json
from bot.watcher.decide import WatchState

START = datetime(2026, 3, 13, 10, tzinfo=UTC)
POLL_S = 15.0


def at(index: int) -> datetime:
    return START + timedelta(seconds=POLL_S * index)


def trace_of(count: int, **fields: object) -> Trace:
    """A trace of this many polls; each field is a function of the poll's number."""
    trace: Trace = ()
    for index in range(count):
        values = {name: value(index) if callable(value) else value for name, value in fields.items()}
        trace = add_sample(trace, TraceSample(at(index).timestamp())._replace(**values))  # type: ignore[arg-type]
    return trace


def values(chart: LineChart | None, name: str) -> list[float]:
    assert chart is not None
    (line,) = (one for one in chart.lines if one.name == name)
    return [point.y for point in line.points]


def test_a_week_and_the_last_minutes_fit() -> None:
    trace = trace_of(40_000, step=lambda index: index)
    assert MOST_SAMPLES >= len(trace)
    assert (0, 39_999) == (trace[0].step, trace[-1].step)
    assert [39_999 - index for index in reversed(range(16))] == [one.step for one in trace[-16:]]


def test_a_poll_sees_the_lowest_the_median_and_the_highest_gpu() -> None:
    series = [MetricSeries(GPU_UTILIZATION, (MetricPoint(gpu / 10, START),), None, gpu) for gpu in range(8)]
    progress = RunProgress(step=5, loss=math.nan, grad_norm=1.5)
    assert TraceSample(1.0, 5, None, 1.5, None, (0.0, 0.4, 0.7)) == take_sample(1.0, progress, series)


def test_a_hang_is_steps_that_rise_and_stay() -> None:
    trace = trace_of(120, step=lambda index: 2000 + min(index, 100))
    steps = values(steps_chart(trace, at(100), at(119)), "steps")
    assert steps_chart(trace[-1:], at(100), at(119)) is None, "no step was seen to rise"
    assert sorted(steps) == steps
    assert 0 == steps[0] < steps[-1] == steps[-2] == steps[-3]


def test_a_loss_that_is_not_finite_ends_the_line() -> None:
    trace = trace_of(40, loss=lambda index: 2.5 if index < 30 else None, grad_norm=lambda index: 1.0 + index / 10)
    chart = loss_chart(trace, at(30))
    assert chart is not None
    assert ("Loss and gradient norm", ["loss", "grad norm"]) == (chart.title, [line.name for line in chart.lines])
    assert chart.lines[0].points[-1].x == chart.moments[0].x < chart.lines[1].points[-1].x


def test_a_gradient_norm_that_would_hide_the_loss_is_left_out() -> None:
    chart = loss_chart(trace_of(40, loss=2.5, grad_norm=300.0))
    assert chart is not None
    assert ["loss"] == [line.name for line in chart.lines]


def test_throughput_is_in_steps_where_the_log_states_no_tokens() -> None:
    chart = throughput_chart(trace_of(41, step=lambda index: index * 2))
    assert chart is not None
    assert "steps/min" == chart.unit
    assert {8.0} == {round(value) for value in values(chart, "steps/min")}
    assert "tokens/s" == getattr(throughput_chart(trace_of(41, tokens_per_s=900.0)), "unit", None)


def test_idle_gpus_are_charted_with_the_threshold() -> None:
    trace = trace_of(100, utilization=lambda index: (0.9, 0.95, 1.0) if index < 60 else (0.0, 0.02, 0.98))
    chart = utilization_chart(trace, at(60), at(99), 0.2)
    assert chart is not None
    assert [("threshold", 20.0)] == [(one.name, one.value) for one in chart.levels]
    assert (90.0, 0.0) == (values(chart, "lowest GPU")[0], values(chart, "lowest GPU")[-1])


numbers = st.one_of(st.none(), st.floats(-1e300, 1e300))
samples = st.builds(
    TraceSample, st.floats(0, 4e9), st.one_of(st.none(), st.integers(0, 10**9)), numbers, numbers, numbers,
    st.one_of(st.none(), st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))),
)  # fmt: skip


@given(st.lists(samples, max_size=100))
def test_any_trace_is_stored_and_charted(several: list[TraceSample]) -> None:
    trace: Trace = ()
    for one in several:
        trace = add_sample(trace, one)
    assert MOST_SAMPLES >= len(trace)
    stored = from_json(to_json(dump_state(WatchState(trace=trace))), dict)
    assert trace == load_state(stored, WatchState).trace
    for chart in (loss_chart(trace), throughput_chart(trace), steps_chart(trace, START, at(9)),
                  utilization_chart(trace, START, at(9))):  # fmt: skip
        assert chart is None or all(2 <= len(line.points) <= 20 for line in chart.lines)
