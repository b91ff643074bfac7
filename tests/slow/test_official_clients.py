"""The vendors' official clients read the emulator: each body fits their models, each line is the one trainwatch prints.

The clients run in a separate environment (`official_environment.py`), which is made from PyPI once and cached.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.fireworks_tuning import COLLECTIONS, DPO, REINFORCEMENT, SUPERVISED
from emulator.hardware_metrics import Metrics, steady_node
from emulator.logs import Line
from emulator.server import running, vendors
from emulator.serving_metrics import steady_serving
from emulator.world import Checkpoint, Status, World, to_ns
from tests.acceptance.program import Machine, Row, expected_rows, machine_at, stamp
from tests.fakes.cloud import some_lines
from tests.slow.official_environment import OfficialClients, official_clients

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
BEGAN = NOW - timedelta(hours=3)
DENSE = some_lines(3_500, end_ns=to_ns(NOW - timedelta(minutes=40)))
"""Several lines in each millisecond, some of them equal."""
SPREAD = [
    Line(to_ns(NOW) - (1_500 - number) * 3 * 10**9, f"step {number} loss 0.25", f"node{number % 2}", "INFO")
    for number in range(1_500)
]
"""One line every three seconds: what a client without a seam in its paging reads completely."""
METRIC_ROWS = [(NOW, {"step": step, "train/loss": 1 / step, "score": 0.5}) for step in (1, 2, 3)]


@dataclass
class Requests:
    """Routes of the requests that reached the emulator, by whether trainwatch or an official client sent them."""

    app: ASGIApp
    own: set[str] = field(default_factory=set)
    official: set[str] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        await self.app(scope, receive, send)
        if path:
            agent = dict(scope["headers"]).get(b"user-agent", b"")
            for name, value in scope.get("path_params", {}).items():
                path = path.replace(f"/{value}", f"/{{{name}}}")
            (self.own if agent.startswith(b"trainwatch") else self.official).add(f"{scope['method']} {path}")


@dataclass
class Lab:
    """The emulator, the official clients and trainwatch, all on the same world."""

    machine: Machine
    clients: OfficialClients
    requests: Requests
    url: str

    @property
    def world(self) -> World:
        return self.machine.world

    async def use_trainwatch(self, *refs: str) -> None:
        """Run each command that asks a platform."""
        for ref in refs:
            for command in ("status", "metrics", "diagnose"):
                ended = await self.machine.call(command, ref, "--json")
                assert ended.code in (0, 1), (command, ref, ended.err)
        assert (await self.machine.call("jobs", "--json")).code in (0, 1)

    async def printed(self, ref: str) -> list[Row]:
        """What `trainwatch logs REF --all --json` prints."""
        ended = await self.machine.call("logs", ref, "--all", "--json", "--start", BEGAN.isoformat())
        assert ended.code == 0, ended.err
        return ended.rows


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    clients = await official_clients()
    async with machine_at(tmp_path) as machine:
        fill(machine.world)
        requests = Requests(vendors(machine.world, quirks=machine.on.quirks, keys=machine.on.keys))
        async with running(requests) as url:
            machine.environment |= {f"{name}_BASE_URL": f"{url}/{name.lower()}" for name in ("BASETEN", "FIREWORKS")}
            yield Lab(machine, clients, requests, url)


def fill(world: World) -> None:
    """Put in two training jobs, a model with two deployments in one environment, and a chain."""
    began = [Status(BEGAN, "TRAINING_JOB_RUNNING")]
    metrics = Metrics({"n0": steady_node(2), "n1": steady_node(2)})
    dense = world.add_training_job("prj1", "dense", lines=DENSE, statuses=began, metrics=metrics)
    dense.node_count = 2
    dense.checkpoints = [Checkpoint("checkpoint-100", NOW), Checkpoint("checkpoint-200", NOW)]
    world.add_training_job("prj1", "spread", lines=SPREAD, statuses=began, metrics=metrics)
    active = [Status(BEGAN, "ACTIVE")]
    world.add_deployment("mod1", "dep1", lines=DENSE, statuses=active, metrics=steady_serving(("k2v9x", "m4t7c")))
    older = [Status(BEGAN - timedelta(days=1), "INACTIVE")]
    world.add_deployment("mod1", "dep0", lines=SPREAD, statuses=older)
    for collection in COLLECTIONS:
        began = [Status(BEGAN, "JOB_STATE_RUNNING")]
        world.add_fine_tuning_job("acme", collection, "tune", lines=DENSE, statuses=began, metric_rows=METRIC_ROWS)
    world.add_batch_job("acme", "batch-1", lines=DENSE, statuses=[Status(BEGAN, "RUNNING")], num_ranks=1)
    world.add_chainlet("chn1", "cdp1", "let1", "Transcribe", lines=DENSE, statuses=active)


async def test_baseten_validates_every_body_and_reads_the_lines_that_trainwatch_prints(lab: Lab) -> None:
    found = await lab.clients.run("run_baseten", f"{lab.url}/baseten", lab.machine.on.keys.baseten, *window())
    both = sorted([*DENSE, *SPREAD], key=lambda line: line.timestamp_ns)
    expected = {
        "baseten:prj1/dense": (found["training"]["logs"]["prj1/dense"], DENSE),
        "baseten:prj1/spread": (found["training"]["logs"]["prj1/spread"], SPREAD),
        "baseten-model:mod1/dep1": (found["serving"]["logs"]["mod1/dep1"], DENSE),
        "baseten-model:mod1/dep0": (found["serving"]["logs"]["mod1/dep0"], SPREAD),
    }
    for ref, (by_client, truth) in expected.items():
        rows = expected_rows(truth, "baseten")
        assert rows == [as_row(row) for row in by_client], ref
        assert rows == await lab.printed(ref), ref
    merged = expected_rows(both, "baseten")
    assert merged == [as_row(row) for row in found["serving"]["logs"]["mod1/environments/production"]]
    assert expected_rows(DENSE, "baseten") == [as_row(row) for row in found["chains"]["logs"]["chains/chn1/cdp1/let1"]]
    assert found["training"]["checkpoints"]["prj1/dense"] == ["checkpoint-100", "checkpoint-200"]
    await lab.use_trainwatch("dense", *expected)
    assert {route for route in lab.requests.own - lab.requests.official if "/baseten/" in route} == set()


async def test_truss_reads_the_lines_that_trainwatch_prints(lab: Lab) -> None:
    key = lab.machine.on.keys.baseten
    found = await lab.clients.run("run_truss", f"{lab.url}/baseten", key, "prj1/spread", "mod1/dep1")
    rows = expected_rows(SPREAD, "baseten")
    assert rows == [as_row(row) for row in found["paged"]] == await lab.printed("baseten:prj1/spread")
    newest = [[line.timestamp_ns, line.message, line.replica] for line in SPREAD[-500:]]
    assert newest == found["watched"]
    assert found["served"] == found["filtered"] == []  # its lines are older than the half hour that truss asks for
    assert found["nodes"] == ["n0", "n1"]
    assert found["checkpoints"] == []


async def test_fireworks_validates_every_body_and_reads_the_lines_that_trainwatch_prints(lab: Lab) -> None:
    found = await lab.clients.run("run_fireworks", f"{lab.url}/fireworks", lab.machine.on.keys.fireworks)
    refs = [f"fireworks:acme/{collection}/tune" for collection in COLLECTIONS]
    for ref, collection in zip(refs, COLLECTIONS, strict=True):
        rows = await lab.printed(ref)
        assert found[collection]["tune"]["log"].split("\n")[:-1] == [row["message"] for row in rows], ref
        shown = (await lab.machine.call("metrics", ref, "--json")).json
        expected = {"Score"} if collection == REINFORCEMENT else {"train/loss", "score"}
        assert expected == {one["name"] for one in shown["series"]}
    assert [json.loads(row)["step"] for row in found[SUPERVISED]["tune"]["metrics"].splitlines()] == [1, 2, 3]
    assert found[SUPERVISED]["tune"]["metrics"] == found[DPO]["tune"]["metrics"]
    batch = await lab.printed("fireworks:acme/batch-1")
    assert [[row["source"], row["message"]] for row in batch] == [
        [f"rank {rank}", message] for _, rank, message in found["batchJobs"]["batch-1"]
    ]
    await lab.use_trainwatch(*refs, "fireworks:acme/batch-1")
    unread = {route for route in lab.requests.own - lab.requests.official if "/fireworks/" in route}
    assert unread == set()


def window() -> tuple[str, str]:
    """The window that the clients read, in milliseconds."""
    return str(to_ns(BEGAN - timedelta(minutes=1)) // 10**6), str(to_ns(NOW + timedelta(minutes=1)) // 10**6)


def as_row(row: list[Any]) -> Row:
    """A client's line as `logs --json` prints it."""
    timestamp_ns, message, replica, level, request_id = row
    return {
        "timestamp": stamp(timestamp_ns),
        "level": level,
        "source": replica,
        "message": message,
        "request_id": request_id,
    }
