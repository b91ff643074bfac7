"""Deployments, environments and chainlets of Baseten as a person sees them in the terminal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from emulator.hardware_metrics import flat
from emulator.logs import Line
from emulator.serving_metrics import steady_serving
from emulator.world import Status
from tests.acceptance.program import ANCHOR, ANCHOR_NS, Machine


async def test_a_deployment_s_requests_and_gpus_are_shown(machine: Machine) -> None:
    metrics = steady_serving(("k2v9x", "m4t7c"), failures=flat(0.5), requests=flat(4.0))
    machine.world.add_deployment("mod1", "dep1", metrics=metrics)
    status = await machine.call("status", "baseten-model:mod1/dep1")
    assert "2 replicas, 4.6 requests/s, 11% failed, 3 in flight, response time 0.42 s (p99 2.4 s)" in status.text
    ended = await machine.call("metrics", "baseten-model:mod1/dep1", "--json")
    by_name = {one["name"]: one["last"] for one in ended.json["series"]}
    assert (4.6, 0.5, 0.71) == pytest.approx(
        (by_name["requests_per_second"], by_name["requests_failed_per_second"], by_name["gpu_utilization_ratio"])
    )
    assert [] == ended.json["missing"] == ended.json["gaps"]
    shown = await machine.call("metrics", "baseten-model:mod1/dep1")
    assert all(word in shown.text for word in ("k2v9x", "m4t7c", "requests failed", "0.5 /s", "2.4 s"))


async def test_a_component_is_applied_by_the_platform_or_refused(machine: Machine) -> None:
    lines = [Line(ANCHOR_NS - 2, "routed", component="router"), Line(ANCHOR_NS - 1, "worked", component="worker")]
    machine.world.add_deployment("mod1", "dep1", lines=lines, statuses=[Status(ANCHOR - timedelta(hours=1), "ACTIVE")])
    machine.world.add_training_job("prj1", "job1", lines=lines)
    found = await machine.call("logs", "baseten-model:mod1/dep1", "--component", "worker", "--json")
    assert ["worked"] == [row["message"] for row in found.rows]
    for options in ((), ("--all",), ("--follow",), ("--around", ANCHOR.isoformat())):
        refused = await machine.call("logs", "baseten:prj1/job1", "--component", "worker", *options)
        assert (True, "cannot filter by component" in refused.err) == (refused.code != 0, True), options


async def test_an_environment_and_a_chainlet_have_a_reference(machine: Machine) -> None:
    lines, active = [Line(ANCHOR_NS, "step 1")], [Status(ANCHOR - timedelta(hours=1), "ACTIVE")]
    machine.world.add_deployment("mod1", "dep1", lines=lines, statuses=active, metrics=steady_serving())
    machine.world.add_chainlet("chn1", "cdp1", "let1", "Transcribe", lines=lines, statuses=active)
    for ref in ("baseten-model:mod1/environments/production", "baseten-model:chains/chn1/cdp1/Transcribe"):
        assert ["step 1"] == [row["message"] for row in (await machine.call("logs", ref, "--json")).rows]
        status = await machine.call("status", ref)
        assert (0, True) == (status.code, "running" in status.text)
