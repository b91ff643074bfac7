"""The vendors' official clients read the emulator: each body fits their models, each line is the one trainwatch prints.

The clients run in a separate environment (`official_environment.py`), which is made from PyPI once and cached.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.fireworks_tuning import COLLECTIONS, DPO, REINFORCEMENT, SUPERVISED
from emulator.hardware_metrics import Metrics, steady_node
from emulator.logs import Line
from emulator.server import running, vendors
from emulator.serving_metrics import steady_serving
from emulator.timeline import busy
from emulator.world import Checkpoint, Status, World, to_ns
from tests.acceptance.program import Machine, Row, expected_rows, machine_at, stamp
from tests.fakes.cloud import some_lines
from tests.slow.official_environment import OfficialClients, official_clients

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOW = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
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
    parameters: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The query parameters that trainwatch sent, by route."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        await self.app(scope, receive, send)
        if path:
            agent = dict(scope["headers"]).get(b"user-agent", b"")
            for name, value in scope.get("path_params", {}).items():
                path = path.replace(f"/{value}", f"/{{{name}}}")
            route = f"{scope['method']} {path}"
            if agent.startswith(b"trainwatch"):
                self.own.add(route)
                self.parameters[route].update(name for name, _ in parse_qsl(scope["query_string"].decode()))
            else:
                self.official.add(route)


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

    async def use_every_filter(self, ref: str) -> None:
        """Read a log with each option that the platform can apply."""
        words = "--replica r0abc --request-id r --component c --grep x --include y --exclude z"
        assert (await self.machine.call("logs", ref, *words.split())).code == 0

    async def measured(self, ref: str) -> dict[tuple[str | None, int | None], dict[str, float]]:
        """The GPU utilization that `trainwatch metrics --json` prints, by node and GPU and by time."""
        bounds = (
            "--start",
            (BEGAN - timedelta(minutes=1)).isoformat(),
            "--end",
            (NOW + timedelta(minutes=1)).isoformat(),
        )
        ended = await self.machine.call("metrics", ref, "--json", *bounds)
        assert ended.code == 0, ended.err
        return {
            (one["node"], one["gpu"]): {point["at"]: point["value"] for point in one["points"]}
            for one in ended.json["series"]
            if one["name"] == "gpu_utilization_ratio"
        }

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
    metrics_of_dep1 = steady_serving(("k2v9x", "m4t7c"), gpus=2, utilization=busy(5, 0.6, 0.3))
    world.add_deployment("mod1", "dep1", lines=DENSE, statuses=active, metrics=metrics_of_dep1)
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
        "baseten-model:mod1/environments/production": (found["serving"]["logs"]["mod1/environments/production"], both),
        "baseten-model:chains/chn1/cdp1/let1": (found["chains"]["logs"]["chains/chn1/cdp1/let1"], DENSE),
    }
    for ref, (by_client, truth) in expected.items():
        rows = expected_rows(truth, "baseten")
        assert rows == [as_row(row) for row in by_client], ref
        assert rows == await lab.printed(ref), ref
    for ref in ("mod1/dep1", "mod1/environments/production"):
        assert_same_gpus(found["serving"]["metrics"][ref], await lab.measured(f"baseten-model:{ref}"))
    assert_same_nodes(found["training"]["metrics"]["prj1/dense"], await lab.measured("baseten:prj1/dense"))
    assert found["training"]["checkpoints"]["prj1/dense"] == ["checkpoint-100", "checkpoint-200"]
    await lab.use_trainwatch("dense", *expected)
    await lab.use_every_filter("baseten-model:mod1/dep1")
    assert {route for route in lab.requests.own - lab.requests.official if "/baseten/" in route} == set()
    documented = {f"GET /baseten{path}": set(names) for path, names in found["parameters"].items()}
    asked = {route: names for route, names in lab.requests.parameters.items() if "/baseten/" in route and names}
    assert {route: names - documented[route] for route, names in asked.items() if names - documented[route]} == {}
    unused = documented["GET /baseten/v1/models/{model_id}/deployments/{deployment_id}/logs"] - {"min_level"}
    assert unused <= asked["GET /baseten/v1/models/{model_id}/deployments/{deployment_id}/logs"]


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


def assert_same_gpus(by_client: dict[str, Any], printed: dict[tuple[str | None, int | None], dict[str, float]]) -> None:
    """Each sample that trainwatch prints of a deployment is the client's."""
    names = [one["name"] for one in by_client["metric_descriptors"]]
    metric = names.index("baseten_gpu_utilization")
    labels = by_client["metric_descriptors"][metric]["label_sets"]
    for index, one in enumerate(labels):
        samples = {
            at_text(row["start_epoch_millis"]): row["values"][metric][index] for row in by_client["metric_values"]
        }
        own = printed[one["replica"], int(one["gpu"])]
        assert own
        assert own == {at: samples[at] for at in own}
    assert len(labels) == len(printed)


def assert_same_nodes(
    by_client: list[dict[str, Any]], printed: dict[tuple[str | None, int | None], dict[str, float]]
) -> None:
    """Each sample that trainwatch prints of a training job at a time that the client asked for is the client's."""
    for node in by_client:
        for gpu, points in node["metrics"]["gpu_utilization"].items():
            samples = {
                at_text(datetime.fromisoformat(one["timestamp"]).timestamp() * 1000): one["value"] for one in points
            }
            own = printed[node["node_id"], int(gpu)]
            shared = own.keys() & samples.keys()
            assert len(shared) > 100
            assert {at: own[at] for at in shared} == {at: samples[at] for at in shared}


def at_text(epoch_ms: float) -> str:
    """A time as `metrics --json` prints it."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


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
