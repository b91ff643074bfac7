"""Generated metrics of a training run, and a watcher that polls them, for the tests of the metric rules.

Unlike the emulator's gauges, these runs have every feature of a healthy run (warm-up, checkpoints, evaluations,
uneven ranks, holes), to find rules that fire falsely.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.alerts import Evidence, Finding, Memory, Verdict
from bot.domain.metrics import (
    CACHE,
    CACHE_UTILIZATION,
    CPU_USAGE,
    EPHEMERAL_STORAGE_UTILIZATION,
    GPU_MEMORY,
    GPU_UTILIZATION,
    MEMORY,
    MetricPoint,
    MetricSeries,
)
from bot.domain.observations import Observation
from bot.domain.subscriptions import Setting
from bot.rules.catalog import rule_named
from tests.unit.rules.observing import MINUTE, REF, START, context, job

GPU_LIMIT = 80e9
HOST_LIMIT = 1e12
CPU_LIMIT = 96.0
OVERLAP = timedelta(minutes=3)

Gauge = Callable[[float], float | None]
"""Minutes since the start to a value; None: not measured."""


@dataclass(slots=True)
class Run:
    """One job's series as functions of time, sampled every `step`."""

    nodes: int = 2
    gpus: int = 8
    step: timedelta = MINUTE
    gauges: dict[tuple[str, int, int | None], Gauge] = field(default_factory=dict)

    def set(self, metric: str, gauge: Gauge, *, node: int = 0, gpu: int | None = None) -> None:
        self.gauges[metric, node, gpu] = gauge

    def series(self, since: float, until: float) -> tuple[MetricSeries, ...]:
        """All series from minute to minute."""
        step = self.step / MINUTE
        indexes = range(round(since / step), round(until / step) + 1)
        found = []
        for (metric, node, gpu), gauge in self.gauges.items():
            values = ((gauge(index * step), START + index * self.step) for index in indexes if index >= 0)
            points = tuple(MetricPoint(value, at) for value, at in values if value is not None)
            name = f"node-{node}" if self.nodes > 1 else None
            if points:
                found.append(MetricSeries(metric, points, name, gpu, _limit(metric)))
        return tuple(found)


def _limit(metric: str) -> float | None:
    limits = {GPU_MEMORY: GPU_LIMIT, MEMORY: HOST_LIMIT, CPU_USAGE: CPU_LIMIT}
    return limits.get(metric, None if metric == CACHE else 1.0)


@dataclass(frozen=True, slots=True)
class RuleRun:
    """The verdicts of a rule over a run."""

    polls: tuple[tuple[float, Verdict], ...]
    memory_bytes: int
    memory: Memory
    """Of the last poll."""

    @property
    def found_at(self) -> float | None:
        """Minute of the first finding."""
        return next((minute for minute, verdict in self.polls if isinstance(verdict, Finding)), None)

    @property
    def evidence(self) -> list[Evidence]:
        """Distinct evidence, in order: one per edit of the message."""
        distinct: list[Evidence] = []
        for _, verdict in self.polls:
            if isinstance(verdict, Finding) and (not distinct or verdict.evidence != distinct[-1]):
                distinct.append(verdict.evidence)
        return distinct


def watch(
    run: Run,
    rule: str,
    *,
    minutes: float,
    begin: float = 5,
    every: float = 5,
    settings: dict[str, Setting] | None = None,
) -> RuleRun:
    """Poll a run as the watcher does: a first long window, then overlapping ones; memory goes through JSON."""
    found = rule_named(rule)
    assert found is not None
    filled = found.fill(settings or {})
    window = found.metrics_window(filled)
    assert window is not None
    memory: Memory = {}
    polls = []
    largest = 0
    since = begin - (window + OVERLAP) / MINUTE
    for now in _minutes(begin, minutes, every):
        observation = Observation(REF, START + now * MINUTE, job(), series=run.series(since, now))
        verdict, memory = found.condition(context(rule, observation, settings, memory))
        text = json.dumps(memory)
        memory, largest = json.loads(text), max(largest, len(text))
        polls.append((now, verdict))
        since = now - OVERLAP / MINUTE
    return RuleRun(tuple(polls), largest, memory)


def _minutes(begin: float, end: float, every: float) -> Iterator[float]:
    now = begin
    while now <= end:
        yield now
        now += every


def healthy(seed: int, *, nodes: int = 2, gpus: int = 8, minutes: int = 24 * 60) -> Run:
    """Eight GPUs on each node: warm-up, then steps, a checkpoint now and then, an evaluation in between."""
    chance = random.Random(seed)
    run = Run(nodes, gpus)
    warm_up = chance.uniform(1, 9)
    checkpoints = _phases(chance, minutes, every=chance.uniform(30, 90), lasts=(1, 4))
    evaluations = _phases(chance, minutes, every=chance.uniform(100, 200), lasts=(3, 12))
    level, noise = chance.uniform(0.6, 0.97), chance.uniform(0.01, 0.05)
    held, memory_noise = chance.uniform(0.5, 0.97), chance.uniform(0.0, 0.004)
    for node in range(nodes):
        for gpu in range(gpus):
            offset = chance.gauss(0, 0.015)
            first = node == 0 and gpu == 0
            used = _busy(chance, level + offset, noise, warm_up, checkpoints, evaluations, writes=first)
            run.set(GPU_UTILIZATION, used, node=node, gpu=gpu)
            own = min(0.985, held + chance.gauss(0, 0.01))
            run.set(GPU_MEMORY, _filled(chance, own, memory_noise, warm_up, evaluations), node=node, gpu=gpu)
        run.set(CPU_USAGE, _noisy(chance, 30.0, 6.0), node=node)
        run.set(MEMORY, _host(chance, chance.uniform(0.3, 0.8), checkpoints), node=node)
        run.set(EPHEMERAL_STORAGE_UTILIZATION, _rotating(chance, checkpoints), node=node)
    run.set(CACHE_UTILIZATION, _noisy(chance, 0.4, 0.002))
    run.set(CACHE, _noisy(chance, 4e11, 1e9))
    return run


def _phases(
    chance: random.Random, minutes: int, *, every: float, lasts: tuple[float, float]
) -> list[tuple[float, float]]:
    found = []
    at = every * chance.uniform(0.5, 1.5)
    while at < minutes:
        found.append((at, at + chance.uniform(*lasts)))
        at += every * chance.uniform(0.9, 1.1)
    return found


def _during(phases: list[tuple[float, float]], minute: float) -> bool:
    return any(begin <= minute < end for begin, end in phases)


def _memo(chance: random.Random, gauge: Callable[[float], float]) -> Gauge:
    """The same value for each time, as a platform answers; occasionally none."""
    values: dict[float, float | None] = {}

    def at(minute: float) -> float | None:
        if minute not in values:
            values[minute] = None if chance.random() < 0.01 else gauge(minute)
        return values[minute]

    return at


def _busy(
    chance: random.Random,
    level: float,
    noise: float,
    warm_up: float,
    checkpoints: list[tuple[float, float]],
    evaluations: list[tuple[float, float]],
    *,
    writes: bool,
) -> Gauge:
    def value(minute: float) -> float:
        if minute < warm_up:
            return chance.choice((0.0, 0.0, chance.random()))
        if _during(checkpoints, minute):
            return 0.0 if writes else chance.choice((0.0, 1.0))
        if _during(evaluations, minute):
            return min(1.0, max(0.0, chance.gauss(0.35, 0.2)))
        return min(1.0, max(0.0, chance.gauss(level, noise)))

    return _memo(chance, value)


def _filled(
    chance: random.Random, held: float, noise: float, warm_up: float, evaluations: list[tuple[float, float]]
) -> Gauge:
    """Fills while warming up, creeps towards its level for an hour, is lower while it evaluates."""

    def value(minute: float) -> float:
        grown = min(1.0, minute / warm_up) * (0.9 + 0.1 * (1 - 2 ** (-minute / 20)))
        level = held * (0.8 if _during(evaluations, minute) else 1.0)
        return GPU_LIMIT * min(0.995, max(0.0, level * grown + chance.gauss(0, noise)))

    return _memo(chance, value)


def _host(chance: random.Random, level: float, checkpoints: list[tuple[float, float]]) -> Gauge:
    def value(minute: float) -> float:
        loaded = min(1.0, 0.2 + minute / 15)
        return HOST_LIMIT * (level * loaded + (0.1 if _during(checkpoints, minute) else 0) + chance.gauss(0, 0.005))

    return _memo(chance, value)


def _rotating(chance: random.Random, checkpoints: list[tuple[float, float]], keep: int = 4) -> Gauge:
    """Each checkpoint takes 8 %, the oldest of four goes when a new one is there."""
    base = chance.uniform(0.1, 0.35)

    def value(minute: float) -> float:
        written = sum(1 for begin, _ in checkpoints if begin <= minute)
        extra = 0.08 if written > keep and _during(checkpoints, minute) else 0.0
        return base + 0.08 * min(keep, written) + extra + chance.gauss(0, 0.001)

    return _memo(chance, value)


def _noisy(chance: random.Random, level: float, noise: float) -> Gauge:
    return _memo(chance, lambda minute: max(0.0, chance.gauss(level, noise)))


def change(
    run: Run, metric: str, by: Callable[[float, float], float | None], *, node: int = 0, gpu: int | None = None
) -> None:
    """Replace a series by what `by` makes of a minute and its value."""
    before = run.gauges[metric, node, gpu]

    def gauge(minute: float) -> float | None:
        value = before(minute)
        return None if value is None else by(minute, value)

    run.set(metric, gauge, node=node, gpu=gpu)
