# ruff: noqa: E501 - tables
"""Numbers that rules name, read from lines of any framework and from a platform's metrics."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from bot.domain.logs import LogLine
from bot.domain.metrics import GPU_MEMORY, MetricPoint, MetricSeries
from bot.rules.metrics.readings import metric_named, read_log, read_series
from bot.rules.rule import INFINITE
from tests.unit.rules.observing import START, line


def read(key: str, *texts: str) -> list[float]:
    return [one.value for one in read_log([line(text) for text in texts], [key])[key]]


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("loss", "step 5 loss: 0.3", 0.3),
        ("loss", "{'eval_loss': 0.5, 'epoch': 1.0}", None),
        ("train_loss", "iteration 7/ 100 | lm loss: 2.5E+00 | grad norm: 1.0 |", 2.5),
        ("grad_norm", "{'loss': 1.2, 'grad_norm': 120.0, 'learning_rate': 1e-5, 'epoch': 0.1}", 120.0),
        ("lr", "step 3 loss 2.0 lr 3e-4", 3e-4),
        ("tokens_per_second", "step 3 | 12,345.6 tokens/s | loss 3", 12345.6),
        ("step_time", "step 10 12.3s/it loss 2", 12.3),
        ("eval/accuracy", "{'eval_loss': 0.5, 'eval_accuracy': 0.88, 'epoch': 1.0}", 0.88),
        ("eval/accuracy", '{"step": 3, "eval": {"accuracy": 0.9}}', 0.9),
        ("eval.accuracy", "Eval Accuracy = 0.75 after epoch 3", 0.75),
        ("accuracy", "{'eval_accuracy': 0.88}", None),
        ("accuracy", "accuracy: 93.5% (best 94.0%)", 0.935),
        ("ep_rew_mean", "|    ep_rew_mean          | -22.3     |", -22.3),
        ("reward", "reward=1.5k step=3", 1500.0),
        ("ppl", "| epoch 001 | loss 3.2 | ppl 9.1 | num_updates 5", 9.1),
        ("queue.depth", "queue depth = 17 items", 17.0),
        ("rewards/margins", "{'loss': 0.6, 'rewards/margins': '0.25', 'epoch': 0.1}", 0.25),
        ("kl", "step 3 kl nan", None),
        ("kl", "step 3 kl: -inf", -INFINITE),
        ("kl", "step 3 kl: 0.1 kl: 0.2", 0.2),
        ("kl", "the kl of this run is fine", None),
        ("fid", "FID: tensor(12.5, device='cuda:0')", 12.5),
    ],
)
def test_a_number_is_read(key: str, text: str, expected: float | None) -> None:
    assert read(key, text) == ([] if expected is None else [pytest.approx(expected)])


def test_the_states_of_a_bar_in_one_message_count_each_with_its_step() -> None:
    bar = "\r".join(f"Train: {n}%|##| {n}/100 [00:0{n}<01:00, 1.00it/s, loss={n}.5]" for n in range(1, 4))

    found = read_log([LogLine(10**18, bar)], ["loss"])["loss"]

    assert [(one.value, one.step) for one in found] == [(1.5, 1), (2.5, 2), (3.5, 3)]


def test_a_metric_of_many_gpus_is_its_extreme_at_each_time() -> None:
    series = [
        MetricSeries(GPU_MEMORY, tuple(MetricPoint(value, START + n * timedelta(minutes=1)) for n, value in enumerate(values)), gpu=gpu, limit=80.0)
        for gpu, values in enumerate(((40.0, 60.0), (20.0, math.nan)))
    ]  # fmt: skip
    high = read_series(series, GPU_MEMORY, is_upward=True, of_limit=True)
    low = read_series(series, GPU_MEMORY, is_upward=False, of_limit=False)

    assert [one.value for one in high] == [0.5, 0.75]
    assert [one.value for one in low] == [20.0, 60.0]


@pytest.mark.parametrize(
    ("key", "metric"),
    [("gpu_memory", GPU_MEMORY), (GPU_MEMORY, GPU_MEMORY), ("GPU_Utilization", "gpu_utilization_ratio"),
     ("cpu", "cpu_usage_cores"), ("response_time_p95", "response_time_p95_seconds"), ("loss", None)],
)  # fmt: skip
def test_metrics_have_short_names(key: str, metric: str | None) -> None:
    assert metric_named(key) == metric
