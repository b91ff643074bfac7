"""Judge the reports of one number by a rule that a person wrote. Pure and bounded.

The newest reports are dense and older ones ever sparser, so that a run of a week fits into `MAX_POINTS`.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import msgspec

from bot.domain.rule_expressions import MAX_REPORTS, RuleExpression
from bot.rules.rule import NumberReading

PARTS = 60
"""Reports within this part of a span become one, their mean."""
DENSE, MAX_POINTS = 2 * max(PARTS, MAX_REPORTS), 240
"""Of the reports older than the newest `DENSE`, every second one goes when there are `MAX_POINTS`."""
SHARE, SHARE_TO_CONTINUE = 0.9, 0.5
"""Share of the reports in the span that must match, so that a checkpoint or one good report does not interrupt."""
MIN_EARLIER, MIN_EARLIER_REPORTS = 5, 3
"""Reports that an earlier level needs: before a span, and before a number of reports."""
NOISE, LEAST_CHANGE = 3.0, 0.01
"""A change without a percentage exceeds this many times the run's spread, and this share of its level."""


class NumberPoint(msgspec.Struct, frozen=True, array_like=True):
    """One report, or the mean of several."""

    at_s: float
    """Of the first."""
    value: float
    step: int | None = None
    count: int = 1


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """When and on what a rule began to hold."""

    since_s: float
    at_s: float
    value: float
    limit: float
    """What the value is beyond."""
    step: int | None = None
    since_step: int | None = None
    level: float | None = None
    """The run's earlier level, for a change."""


def add_reading(points: list[NumberPoint], reading: NumberReading, span_s: float) -> bool:
    """Add a report to the points; return whether it is a separate point."""
    last = points[-1] if points else None
    if last is not None and reading.at_s - last.at_s < span_s / PARTS:
        mean = last.value + (reading.value - last.value) / (last.count + 1)
        points[-1] = NumberPoint(last.at_s, mean, last.step, last.count + 1)
        return False
    if len(points) >= MAX_POINTS:
        points[:-DENSE] = points[:-DENSE:2]
    points.append(NumberPoint(reading.at_s, reading.value, reading.step))
    return True


def judge(
    expression: RuleExpression, points: Sequence[NumberPoint], newest: NumberReading, before: Held | None
) -> Held | None:
    """Return what a rule holds on after the newest report, which is in the points; None if it does not hold.

    Args:
        expression: the rule.
        points: the reports of the current attempt.
        newest: the newest report as it was.
        before: what the rule held on before; it then continues on the same level, with fewer matching reports.
    """
    span_s = expression.span.total_seconds()
    if span_s:
        first = next((at for at, one in enumerate(points) if one.at_s > newest.at_s - span_s), len(points))
        if not first:
            return None  # the attempt is younger than the span
        recent, earlier = points[first - 1 :], points[:first]
    else:
        count = expression.reports if expression.is_change else 1
        recent, earlier = points[-count:], points[:-count]
        if len(recent) < count:
            return None
    level = before.level if before is not None else _level(expression, earlier)
    if expression.is_change and level is None:
        return None
    limit = before.limit if before is not None else _limit(expression, level, earlier)
    matching = [one for one in recent if expression.exceeds(one.value, limit)]
    needed = SHARE_TO_CONTINUE if before is not None else SHARE if span_s else 1.0
    if len(matching) < needed * len(recent) or not matching:
        return None
    if before is not None:
        return before
    if not expression.exceeds(newest.value, limit) or (span_s and matching[0] is not recent[0]):
        return None
    since = matching[0]
    return Held(since.at_s, newest.at_s, newest.value, limit, newest.step, since.step, level)


def _level(expression: RuleExpression, earlier: Sequence[NumberPoint]) -> float | None:
    """The run's earlier level: for a percentage the median, else the best; None if there are too few reports."""
    needed = MIN_EARLIER if expression.span else MIN_EARLIER_REPORTS
    if not expression.is_change or len(earlier) < needed:
        return None
    values = [one.value for one in earlier]
    if expression.number:
        return median(values)
    smooth = [_middle(*three) for three in zip(values, values[1:], values[2:], strict=False)]
    return min(smooth) if expression.is_upward else max(smooth)


def _middle(first: float, second: float, third: float) -> float:
    """The median of three reports: one lucky report is not the best level."""
    return max(min(first, second), min(max(first, second), third))


def _limit(expression: RuleExpression, level: float | None, earlier: Sequence[NumberPoint]) -> float:
    if level is None:
        return expression.number
    if expression.number:
        change = expression.number * abs(level)
    else:
        change = max(NOISE * _spread(earlier), LEAST_CHANGE * abs(level))
    return level + change if expression.is_upward else level - change


def _spread(points: Sequence[NumberPoint]) -> float:
    """How much reports differ from the one before, beyond the usual change: a steady rise has none."""
    changes = [after.value - one.value for one, after in pairwise(points)]
    usual = median(changes)
    return median(abs(change - usual) for change in changes)
