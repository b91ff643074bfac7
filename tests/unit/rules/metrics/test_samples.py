"""Histories of metric series: each bucket is taken once and complete, and holes are kept."""

from __future__ import annotations

import json
import math
import random
from datetime import timedelta

from bot.domain.metrics import MetricPoint
from bot.rules.metrics.growth import steady_growth
from bot.rules.metrics.samples import Buckets, History, HistoryState, extend, extend_all, name_list
from bot.rules.rule import dump_state, load_state
from tests.unit.rules.observing import MINUTE, START

MINUTES = Buckets(MINUTE, 5)
FIRST = MINUTES.index(START)


def points(*values: float | None, begin: float = 0, step: float = 0.5) -> list[MetricPoint]:
    times = (START + (begin + index * step) * MINUTE for index in range(len(values)))
    return [MetricPoint(value, at) for value, at in zip(values, times, strict=True) if value is not None]


def test_a_bucket_is_the_mean_of_its_samples_once_it_is_complete() -> None:
    assert History(FIRST + 1, (0.3, 0.6)) == extend(None, points(0.2, 0.4, 0.5, 0.7, 0.9), MINUTES)


def test_repeated_and_late_samples_change_nothing() -> None:
    history = extend(None, points(0.2, 0.4, 0.5, 0.7, 0.9), MINUTES)

    assert history == extend(history, points(0.0, 0.0, 0.0, 0.0, 0.9), MINUTES)


def test_a_bucket_is_taken_when_a_later_one_begins() -> None:
    history = extend(None, points(0.2, 0.4, 0.5, step=0.5), MINUTES)

    assert history is extend(history, points(0.2, 0.4, 0.5, 0.7, math.nan, step=0.5), MINUTES)
    assert extend(None, points(0.2, 0.4, step=0.4), MINUTES) is None


def test_a_level_is_a_share_of_its_limit() -> None:
    assert History(FIRST, (0.375,)) == extend(None, points(20, 40, 50), MINUTES, limit=80)


def test_holes_are_not_zero() -> None:
    assert History(FIRST + 3, (0.2, None, None, 0.4)) == extend(None, points(0.2, None, None, 0.4, 1, step=1), MINUTES)


def test_only_the_last_buckets_are_kept() -> None:
    history = extend(None, points(*(index / 10 for index in range(9)), step=1), MINUTES)

    assert History(FIRST + 7, (0.3, 0.4, 0.5, 0.6, 0.7)) == history


def test_old_buckets_are_dropped_after_a_long_absence() -> None:
    history = History(FIRST, (0.1, 0.2, 0.3))

    assert History(FIRST + 21, (None, None, None, 0.5, 0.6)) == extend(
        history, points(0.5, 0.6, 0.7, begin=20, step=1), MINUTES
    )


def test_overlapping_polls_give_the_same_history() -> None:
    chance = random.Random(5)
    values = [chance.random() for _ in range(240)]
    whole = extend(None, points(*values, step=0.25), MINUTES)
    history, now = None, 0
    while now < 240:
        now = min(240, now + chance.randint(1, 9))
        begin = max(0, now - 9 - 12)
        history = extend(history, points(*values[begin:now], begin=begin / 4, step=0.25), MINUTES)

    assert whole == history


def test_samples_without_a_finite_value_or_a_time_are_ignored() -> None:
    assert extend(None, [MetricPoint(math.nan, START), MetricPoint(0.5)], MINUTES) is None


def test_histories_survive_json_and_are_dropped_when_buckets_change() -> None:
    state = HistoryState(START, 60.0, {"GPU 0": History(FIRST, (0.1, None, 0.3))})
    stored = load_state(json.loads(json.dumps(dump_state(state))), HistoryState)

    assert stored == state
    assert extend_all(stored, {}, MINUTES, START) == state.histories
    assert extend_all(stored, {}, Buckets(2 * MINUTE, 5), START) == {}


def test_series_not_seen_for_long_are_forgotten() -> None:
    histories = {"GPU 0": History(FIRST, (0.1,)), "GPU 1": History(FIRST + 80, (0.1,))}

    assert list(extend_all(HistoryState(START, 60.0, histories), {}, MINUTES, START + 90 * MINUTE)) == ["GPU 1"]


def test_names_are_in_counting_order_and_cuts_are_announced() -> None:
    assert "GPU 2, GPU 10" == name_list(["GPU 10", "GPU 2"])
    assert "GPU 0, GPU 1, GPU 2, GPU 3, GPU 4, GPU 5, GPU 6, GPU 7 and 2 more" == name_list(
        f"GPU {index}" for index in range(10)
    )


def test_buckets_have_a_minimum_length() -> None:
    assert Buckets(timedelta(seconds=1), 20) == Buckets.of(timedelta(0), 20, keep=20)
    assert Buckets(MINUTE, 12) == Buckets.of(10 * MINUTE, 10, keep=12)


def test_a_bucket_lasts_its_span() -> None:
    buckets = Buckets(timedelta(seconds=90), 3)

    assert timedelta(seconds=90) == buckets.start(8) - buckets.start(7)
    assert 7 == buckets.index(buckets.start(7))


def test_steady_growth_has_the_values_left() -> None:
    growth = steady_growth([0.5 + 0.01 * index for index in range(20)])

    assert growth is not None
    assert (0.69, 0.01, 31) == (round(growth.level, 6), round(growth.rate, 6), round(growth.values_left))


def test_growth_tolerates_some_holes() -> None:
    assert steady_growth([None if index % 4 == 0 else 0.5 + 0.01 * index for index in range(20)]) is not None
    assert steady_growth([None if index % 2 == 0 else 0.5 + 0.01 * index for index in range(20)]) is None
    assert steady_growth([0.1, 0.2, 0.3]) is None


def test_falling_and_constant_levels_do_not_grow() -> None:
    assert steady_growth([0.9 - 0.01 * index for index in range(20)]) is None
    assert steady_growth([0.97] * 20) is None
