"""Rules that people write (`bot.domain.rule_expressions`), as rules whose name is their text.

A new attempt of the run starts without reports. What an alert says is kept as first notified: a number that changes
with every poll would edit the message each time.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from bot.domain.alerts import Clear, Evidence, Finding, Memory, Unknown, Verdict
from bot.domain.charts import ChartLevel, ChartLine, ChartMoment, ChartPoint, LineChart, thin
from bot.domain.durations import spoken_duration
from bot.domain.metrics import metric_title
from bot.domain.rule_expressions import RuleExpression, parse_expression
from bot.errors import UsageError
from bot.rules.metrics.readings import metric_named, read_series
from bot.rules.metrics.reports import Held, NumberPoint, add_reading, judge
from bot.rules.rule import INFINITE, Condition, Context, NumberReading, Parameter, Rule, Unit, load_state, with_state

KEEP_FIRING = timedelta(minutes=10)
METRICS_BEFORE = timedelta(minutes=30)
"""How far back metrics are read beyond the rule's own time, for the level before it."""
MAX_JUDGED = 500
"""Reports of one poll after which a rule is judged, evenly spread; a comparison without a time judges each."""
_CHART_POINTS = 40
_LEAST_BYTES = 1e6
_HIGHEST_PERCENT = 100


class OwnRuleState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What such a rule keeps between polls."""

    points: tuple[NumberPoint, ...] = ()
    """Of the current attempt, oldest first."""
    read_s: float = 0.0
    """Time of the newest report, in seconds since the epoch: the metrics of two polls overlap."""
    attempt_ns: int = 0
    """When the current attempt began; 0: it is the first."""
    held: Held | None = None


@lru_cache(maxsize=1024)
def own_rule(name: str) -> Rule | None:
    """Return the rule with this text as its name; None if it is not one that a person wrote."""
    try:
        expression = parse_expression(name)
    except UsageError:
        return None
    metric = metric_named(expression.key)
    window = Parameter("for", Unit.DURATION, (expression.span + METRICS_BEFORE).total_seconds(), "Time that is judged")
    return Rule(
        name=expression.text,
        title=describe(expression),
        help=f"{describe(expression)}.",
        severity=expression.severity,
        condition=_condition(expression, metric),
        keep_firing_for=KEEP_FIRING,
        follows=("failure", "loss", "hang"),
        is_own=True,
        log_key="" if metric else expression.key,
        parameters=(window,) if metric else (),
        window_parameters=("for",) if metric else (),
    )


def has_read(memory: Memory) -> bool:
    """Whether such a rule has found its number at least once."""
    return load_state(memory, OwnRuleState).read_s > 0


def check_unit(expression: RuleExpression) -> None:
    """Refuse a threshold that no sample of a platform's metric could be compared with.

    Raises:
        UsageError: names the unit to use.
    """
    metric, key, number = metric_named(expression.key), expression.key, expression.number
    if metric is None or expression.is_change or expression.is_percent:
        return
    if metric.endswith("_ratio") and number > 1:
        raise UsageError(f"`{key}` is a share. Use a percentage, such as `{key} {expression.sign} {number:.3g}%`.")
    if metric.endswith("_bytes") and number < _LEAST_BYTES:
        raise UsageError(f"`{key}` needs a unit, such as `{key} {expression.sign} {number:.3g}GiB`, or a percentage.")


def describe(expression: RuleExpression) -> str:
    """Say in plain words when a rule fires: `loss above 5`, `tokens_per_second fell by more than 7 %`."""
    key = expression.key
    if not expression.is_change:
        return f"{key} {_side(expression)} {_text(expression, expression.number)}"
    by = f" by more than {expression.number * 100:.4g} %" if expression.number else ""
    return f"{key} {'rose' if expression.is_upward else 'fell'}{by}"


def _condition(expression: RuleExpression, metric: str | None) -> Condition:
    @with_state(OwnRuleState)
    def condition(context: Context, state: OwnRuleState) -> tuple[Verdict, OwnRuleState]:
        job = context.observation.job
        has_ended = job is not None and (job.state.is_terminal or job.state.is_pending)
        readings = _readings(expression, metric, context, state.read_s)
        attempt_ns = (context.diagnosis.attempt_ns if context.diagnosis else None) or state.attempt_ns
        step = context.diagnosis.progress.step if context.diagnosis else None
        after, held = _read(expression, readings, state, attempt_ns, step)
        if held is not None:
            return Finding(_evidence(expression, held, after.points)), after
        if readings or has_ended:
            return Clear(), msgspec.structs.replace(after, held=None)
        is_blind = context.observation.metrics_error is not None if metric else context.diagnosis is None
        return (Unknown() if is_blind or after.held is not None else Clear()), after

    return condition


def _readings(
    expression: RuleExpression, metric: str | None, context: Context, after_s: float
) -> Sequence[NumberReading]:
    if metric is None:
        return [_comparable(expression, one) for one in context.readings.get(expression.key, ())]
    of_limit = expression.is_percent and metric.endswith("_bytes") and not expression.is_change
    found = read_series(context.observation.series, metric, is_upward=expression.is_upward, of_limit=of_limit)
    return [one for one in found if one.at_s > after_s]


def _comparable(expression: RuleExpression, reading: NumberReading) -> NumberReading:
    """The value in the unit of the threshold: `> 60` means 60 % if the log prints `62.3%`, `> 90%` means 90 of `93`."""
    if expression.is_change:
        return reading
    if reading.is_percent and not expression.is_percent and abs(expression.number) > 1:
        return reading._replace(value=reading.value * 100)
    if expression.is_percent and not reading.is_percent and 1 < abs(reading.value) <= _HIGHEST_PERCENT:
        return reading._replace(value=reading.value / 100)
    return reading


def _read(
    expression: RuleExpression,
    readings: Sequence[NumberReading],
    state: OwnRuleState,
    attempt_ns: int,
    step: int | None,
) -> tuple[OwnRuleState, Held | None]:
    """Read new reports; return the state after them, and what the rule held on at the last of them at which it did.

    `step` is the newest one of the run, for reports whose lines state none.
    """
    points, held, found = list(state.points), state.held, None
    starts_s = attempt_ns / 1e9 if attempt_ns > state.attempt_ns else 0.0
    span_s = expression.span.total_seconds()
    stride = len(readings) // MAX_JUDGED + 1 if span_s or expression.is_change else 1
    for number, reading in enumerate(readings, 1):
        if starts_s and reading.at_s >= starts_s:
            points, held, starts_s = [], None, 0.0
        is_new = add_reading(points, reading, span_s)
        if number == len(readings) or (is_new and number % stride == 0):
            before, held = held, judge(expression, points, reading, held)
            if held is not None and held is not before and held.step is None:
                held = msgspec.structs.replace(held, step=step)
            found = held or found
    if starts_s:
        points, held = [one for one in points if one.at_s >= starts_s], None
    read_s = max(state.read_s, readings[-1].at_s) if readings else state.read_s
    return OwnRuleState(tuple(points), read_s, attempt_ns, held), found


def _evidence(expression: RuleExpression, held: Held, points: Sequence[NumberPoint]) -> Evidence:
    facts = [("Rule", expression.text), ("Now", _text(expression, held.value))]
    facts += [("Before", _text(expression, held.level))] if held.level is not None else []
    facts += [("Limit", _text(expression, held.limit))]
    facts += [("Since", f"step {held.since_step:,}")] if held.since_step is not None else []
    return Evidence(
        summary=_summary(expression, held),
        title=describe(expression),
        facts=tuple(facts),
        first_at=_time(held.since_s),
        last_at=_time(held.at_s),
        chart=_chart(expression, held, points),
    )


def _summary(expression: RuleExpression, held: Held) -> str:
    at = f" at step {held.step:,}" if held.step is not None else ""
    now = f"{expression.key} is {_text(expression, held.value)}{at}"
    lasted = f" for {spoken_duration(expression.span)}" if expression.span else ""
    if held.level is None:
        return f"{now}, {_side(expression)} {_text(expression, held.limit)}{lasted}."
    change = abs(held.value - held.level) / abs(held.level) if held.level else math.inf
    by = f"{change:.0%}".replace("%", " % ") if math.isfinite(change) else ""
    earlier = "its earlier" if expression.number else "its best"
    return f"{now}, {by}{_side(expression)} {earlier} {_text(expression, held.level)}{lasted}."


def _chart(expression: RuleExpression, held: Held, points: Sequence[NumberPoint]) -> LineChart | None:
    """The number until now, with the limit and the beginning."""
    scale, unit = _unit(expression)
    line = [ChartPoint(one.at_s, one.value / scale) for one in points if abs(one.value) < INFINITE / len(points)]
    if len(line) < 2:
        return None
    metric = metric_named(expression.key)
    return LineChart(
        metric_title(metric) if metric else expression.key,
        unit,
        (ChartLine(expression.key, thin(line, _CHART_POINTS)),),
        (ChartLevel("limit" if expression.is_change else "threshold", held.limit / scale),),
        (ChartMoment("alert", held.since_s),),
    )


def _side(expression: RuleExpression) -> str:
    return "above" if expression.is_upward else "below"


def _unit(expression: RuleExpression) -> tuple[float, str]:
    """What one unit of a chart is, and its name."""
    metric = metric_named(expression.key) or ""
    if metric.endswith("_ratio") or (expression.is_percent and not expression.is_change):
        return 0.01, "%"
    return (2.0**30, "GiB") if metric.endswith("_bytes") else (1.0, "")


def _text(expression: RuleExpression, value: float) -> str:
    """Write a value of the key for people: `5`, `12,345`, `93 %`, `70 GiB`."""
    if abs(value) >= INFINITE:
        return "infinite"
    scale, unit = _unit(expression)
    shown = value / scale
    number = f"{shown:,.0f}" if 1000 <= abs(shown) < 1e12 else f"{shown:.4g}"
    return f"{number} {unit}".rstrip()


def _time(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
