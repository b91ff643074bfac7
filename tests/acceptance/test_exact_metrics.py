"""`trainwatch metrics`: every number of every series, calculated again from the emulator's samples."""

from __future__ import annotations

import random
import re
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from emulator.hardware_metrics import Metrics, Node, Sample, Series, Storage
from emulator.quirks import BasetenQuirks
from emulator.world import Status, TrainingJob
from tests.acceptance.program import ANCHOR, ANCHOR_NS, Machine, Row

REF = "baseten:proj/job1"
ANCHOR_MS = ANCHOR_NS // 10**6
WINDOW_MS = 40 * 60 * 1000
MIB = 2**20
NAMES = {
    "gpu_utilization": "gpu_utilization_ratio",
    "gpu_memory_usage_bytes": "gpu_memory_used_bytes",
    "cpu_usage": "cpu_usage_cores",
    "cpu_memory_usage_bytes": "memory_used_bytes",
    "ephemeral_storage/usage_bytes": "ephemeral_storage_used_bytes",
    "ephemeral_storage/utilization": "ephemeral_storage_utilization_ratio",
    "cache/usage_bytes": "cache_used_bytes",
    "cache/utilization": "cache_utilization_ratio",
}
"""Baseten's field → name of the series."""


def ordered(seed: int, scale: float) -> list[Sample]:
    """Irregular samples with gaps, from before the window to its very bounds."""
    dice = random.Random(seed)
    at_ms, found = ANCHOR_MS - 2 * WINDOW_MS, [(ANCHOR_MS - WINDOW_MS, 0.0), (ANCHOR_MS, scale)]
    while at_ms < ANCHOR_MS:
        found.append((at_ms, dice.random() * scale))
        at_ms += dice.choice((5_000, 15_000, 15_001, 31_337, 400_000))
    return sorted(found)


def node(seed: int, gpus: int) -> Node:
    """A machine with a series for every metric."""
    return Node(
        gpu_utilization={str(gpu): ordered(seed + gpu, 1.0) for gpu in range(gpus)},
        gpu_memory_usage_bytes={str(gpu): ordered(seed + 20 + gpu, 8e10) for gpu in range(gpus)},
        cpu_usage=ordered(seed + 40, 208.0),
        cpu_memory_usage_bytes=ordered(seed + 41, 1.8e12),
        ephemeral_storage=Storage(ordered(seed + 42, 4e11), ordered(seed + 43, 1.0)),
    )


METRICS = Metrics(
    {"node-a": node(100, 12), "node-b": node(200, 12)}, cache=Storage(ordered(300, 9e11), ordered(301, 1.0))
)


def run_with(machine: Machine, metrics: Metrics, *, ended: bool = False) -> TrainingJob:
    statuses = [Status(ANCHOR - timedelta(hours=6), "TRAINING_JOB_RUNNING")]
    statuses += [Status(ANCHOR, "TRAINING_JOB_COMPLETED")] if ended else []
    job = machine.world.add_training_job("proj", "job1", metrics=metrics, statuses=statuses)
    job.node_count = len(metrics.nodes)
    return job


def window() -> list[str]:
    start = ANCHOR - timedelta(milliseconds=WINDOW_MS)
    return ["--start", start.isoformat(), "--end", ANCHOR.isoformat()]


def held(metrics: Metrics) -> Iterator[tuple[str, str | None, int | None, Series]]:
    """(name, node, GPU, samples) of all series of the emulator."""
    for name, one in metrics.nodes.items():
        for field, by_gpu in (
            ("gpu_utilization", one.gpu_utilization),
            ("gpu_memory_usage_bytes", one.gpu_memory_usage_bytes),
        ):
            yield from ((NAMES[field], name, int(gpu), series) for gpu, series in by_gpu.items())
        yield NAMES["cpu_usage"], name, None, one.cpu_usage
        yield NAMES["cpu_memory_usage_bytes"], name, None, one.cpu_memory_usage_bytes
        yield NAMES["ephemeral_storage/usage_bytes"], name, None, one.ephemeral_storage.usage_bytes
        yield NAMES["ephemeral_storage/utilization"], name, None, one.ephemeral_storage.utilization
    if metrics.cache is not None:
        yield NAMES["cache/usage_bytes"], None, None, metrics.cache.usage_bytes
        yield NAMES["cache/utilization"], None, None, metrics.cache.utilization


def figures(series: Series) -> Row:
    """The expected figures of a series in the window."""
    assert not callable(series)
    inside = [(at_ms, value) for at_ms, value in series if ANCHOR_MS - WINDOW_MS <= at_ms <= ANCHOR_MS]
    values = [value for _, value in inside]
    twentieths = statistics.quantiles(values, n=20, method="inclusive")
    steps = [after[0] - before[0] for before, after in pairwise(inside)]
    return {
        "count": len(values),
        "last": values[-1],
        "last_at": format_ms(inside[-1][0]),
        "mean": pytest.approx(statistics.fmean(values), rel=1e-12),
        "min": min(values),
        "max": max(values),
        "p5": pytest.approx(twentieths[0], rel=1e-12),
        "p95": pytest.approx(twentieths[-1], rel=1e-12),
        "longest_gap_seconds": max(steps) / 1000,
        "points": [{"at": format_ms(at_ms), "step": None, "value": value} for at_ms, value in inside],
    }


def format_ms(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}000Z"


def named(series: Row) -> tuple[str, str | None, int | None]:
    return series["name"], series["node"], series["gpu"]


def without_names(series: Row) -> Row:
    return {key: value for key, value in series.items() if key not in ("name", "node", "gpu", "limit")}


@pytest.mark.parametrize(
    "quirks",
    [
        BasetenQuirks(),
        BasetenQuirks(shuffle_samples=True, extra_fields=True),
        BasetenQuirks(training_methods="post", refused_status=404),
        BasetenQuirks(training_methods="get"),
    ],
    ids=["as documented", "samples shuffled", "only POST", "only GET"],
)
async def test_every_figure_of_every_gpu_and_node_is_exact(machine: Machine, quirks: BasetenQuirks) -> None:
    machine.on.quirks.baseten = quirks
    run_with(machine, METRICS)
    ended = await machine.call("metrics", REF, *window(), "--json")
    assert (0, "") == (ended.code, ended.err)
    found = {named(series): without_names(series) for series in ended.json["series"]}
    expected = {(name, node, gpu): figures(series) for name, node, gpu, series in held(METRICS)}
    assert list(expected) == [key for key in expected if key in found]
    assert expected == found
    assert len(found) == len(ended.json["series"])


async def test_limits_are_in_the_units_of_their_series(machine: Machine) -> None:
    instance = run_with(machine, METRICS).instance_type
    assert instance.gpu_memory_limit_mib is not None
    ended = await machine.call("metrics", REF, *window(), "--json")
    limits = {(series["name"], series["limit"]) for series in ended.json["series"]}
    assert limits == {
        ("gpu_utilization_ratio", 1.0),
        ("gpu_memory_used_bytes", float(instance.gpu_memory_limit_mib * MIB)),
        ("cpu_usage_cores", instance.millicpu_limit / 1000),
        ("memory_used_bytes", float(instance.memory_limit_mib * MIB)),
        ("ephemeral_storage_used_bytes", None),
        ("ephemeral_storage_utilization_ratio", 1.0),
        ("cache_used_bytes", None),
        ("cache_utilization_ratio", 1.0),
    }


async def test_the_table_shows_the_same_figures_in_readable_units(machine: Machine) -> None:
    run_with(machine, METRICS)
    ended = await machine.run("metrics", REF, *window(), "--gpus")
    tables = [block.splitlines() for block in ended.text.split("\n\n")]
    scales = {"ratio": (100.0, "%"), "bytes": (1 / 2**30, "GiB"), "cores": (1.0, "cores")}
    for name, owner, gpu, series in held(METRICS):
        words, _, unit = name.rpartition("_")
        label = [*([owner] if owner else []), *(["gpu", str(gpu)] if gpu is not None else [])] or ["all"]
        table = next(rows for rows in tables if rows[0].startswith(words.replace("_", " ")))
        row = next(row for row in map(str.split, table[1:]) if row[: len(label)] == label)
        scale, symbol = scales[unit]
        expected = [figures(series)[key] for key in ("last", "mean", "p5", "p95", "max")]
        shown = [float(word) for word in row[len(label) : len(label) + 5]]
        exact = [one.expected if hasattr(one, "expected") else one for one in expected]
        assert [value * scale for value in exact] == pytest.approx(shown, abs=0.051), label
        assert symbol in row[len(label) + 5 :]


async def test_a_node_has_one_line_with_the_range_of_its_gpus(machine: Machine) -> None:
    run_with(machine, METRICS)
    rows = (await machine.run("metrics", REF, *window())).text.splitlines()
    for node in METRICS.nodes:
        row = next(row for row in rows if row.startswith(node))
        own = [figures(series) for name, owner, _, series in held(METRICS)
               if owner == node and name == NAMES["gpu_utilization"]]  # fmt: skip
        lowest, highest = min(float(one["min"]) for one in own), max(float(one["max"]) for one in own)
        assert re.search(rf" {100 * lowest:.0f}/\d+/{100 * highest:.0f} %", row), row


@pytest.mark.parametrize("field", NAMES)
async def test_a_series_without_samples_is_reported_as_missing(machine: Machine, field: str) -> None:
    machine.on.quirks.baseten = BasetenQuirks(missing_series=frozenset({field}))
    run_with(machine, METRICS)
    output = (await machine.call("metrics", REF, *window(), "--json")).json
    assert [NAMES[field]] == output["missing"]
    assert NAMES[field] not in {series["name"] for series in output["series"]}
    shown = await machine.call("metrics", REF, *window())
    label = NAMES[field].rpartition("_")[0].replace("_", " ")
    assert f"No samples of {label}" in shown.text


async def test_a_gpu_without_samples_is_left_out(machine: Machine) -> None:
    machine.on.quirks.baseten = BasetenQuirks(missing_series=frozenset({"gpu_utilization/3"}))
    run_with(machine, METRICS)
    output = (await machine.call("metrics", REF, *window(), "--json")).json
    present = [
        series["gpu"] for series in output["series"] if named(series)[:2] == (NAMES["gpu_utilization"], "node-b")
    ]
    assert [gpu for gpu in range(12) if gpu != 3] == present


async def test_without_figures_by_node_those_of_the_leader_are_shown(machine: Machine) -> None:
    machine.on.quirks.baseten = BasetenQuirks(no_node_metrics=True)
    run_with(machine, METRICS)
    output = (await machine.call("metrics", REF, *window(), "--json")).json
    leader = replace(METRICS, nodes={"node-a": METRICS.nodes["node-a"]})
    expected = {(name, None, gpu): figures(series) for name, _, gpu, series in held(leader)}
    assert expected == {named(series): without_names(series) for series in output["series"]}


async def test_the_last_hour_of_an_ended_job_is_shown(machine: Machine) -> None:
    run_with(machine, METRICS, ended=True)
    output = (await machine.call("metrics", REF, "--json")).json
    assert (format_ms(ANCHOR_MS - 3_600_000), format_ms(ANCHOR_MS)) == (output["start"], output["end"])


async def test_missing_metrics_are_reported(machine: Machine) -> None:
    run_with(machine, Metrics())
    ended = await machine.call("metrics", REF)
    assert 0 == ended.code
    assert "No samples in this time range" in ended.text


async def test_metrics_of_a_rivergen_run_are_by_epoch(machine: Machine) -> None:
    curves: Mapping[str, tuple[float, float]] = {"loss": (2.5, -0.04), "accuracy": (0.1, 0.017)}
    statuses = [Status(ANCHOR - timedelta(minutes=50), "running"), Status(ANCHOR, "completed")]
    metrics = {name: lambda epoch, a=a, b=b: a + b * epoch for name, (a, b) in curves.items()}
    machine.world.add_rivergen_run("mdl-1", "run-1", statuses=statuses, metrics=metrics)
    ended = await machine.call("metrics", "rivergen:mdl-1/run-1", "--json")
    assert 0 == ended.code
    for series in ended.json["series"]:
        values = [metrics[series["name"]](epoch) for epoch in range(1, 51)]
        assert [{"at": None, "step": n, "value": value} for n, value in enumerate(values, 1)] == series["points"]
        assert (values[-1], min(values), max(values)) == (series["last"], series["min"], series["max"])
        twentieths = statistics.quantiles(values, n=20, method="inclusive")
        assert pytest.approx([statistics.fmean(values), twentieths[0], twentieths[-1]]) == [
            series["mean"], series["p5"], series["p95"]
        ]  # fmt: skip
    assert {"loss", "accuracy"} == {series["name"] for series in ended.json["series"]}


@pytest.mark.parametrize("ref", ["baseten-model:chains/chn1/cdp1/let1", "fireworks:acme/batch-1"])
async def test_a_platform_without_metrics_is_reported(machine: Machine, ref: str) -> None:
    machine.world.add_chainlet("chn1", "cdp1", "let1", "Transcribe")
    machine.world.add_batch_job("acme", "batch-1")
    ended = await machine.call("metrics", ref)
    assert 0 == ended.code
    assert "metrics" in ended.text


async def test_metrics_are_drawn_as_pictures(machine: Machine) -> None:
    run_with(machine, METRICS)
    drawn = await machine.run("metrics", REF, *window(), "--png", "m.png", "--svg", "m.svg")
    assert (0, "Wrote m.png.\nWrote m.svg.\n") == (drawn.code, drawn.err)
    assert (machine.folder / "m.png").read_bytes().startswith(b"\x89PNG")
    svg = (machine.folder / "m.svg").read_text()
    titles = ("GPU utilisation", "GPU memory", "CPU", "Memory", "Cache")
    assert [] == [title for title in titles if f">{title}<" not in svg]
    kept = await machine.run("metrics", REF, *window(), "--png", "m.png")
    assert 2 == kept.code
    assert "m.png exists" in kept.err
    replaced = await machine.run("metrics", REF, *window(), "--png", "m.png", "--force")
    assert (0, "Wrote m.png.\n") == (replaced.code, replaced.err)


async def test_no_picture_is_drawn_without_samples(machine: Machine) -> None:
    run_with(machine, Metrics())
    ended = await machine.call("metrics", REF, "--png", "m.png")
    assert (0, "No samples, so no chart was drawn.\n") == (ended.code, ended.err)
    assert not (machine.folder / "m.png").exists()
