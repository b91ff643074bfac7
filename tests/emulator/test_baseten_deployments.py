"""Baseten's deployments: their list, status and logs with every filter of the document."""

from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from emulator.quirks import BasetenQuirks
from emulator.world import Status
from tests.emulator import documents
from tests.fakes.cloud import NOON, NOON_MS, Cloud, line, messages

DEPLOYMENT = "/baseten/v1/models/m/deployments/d"
LOGS = DEPLOYMENT + "/logs"
LINES = [
    line(-5, "loss 1.0", replica="aaaaa", level="INFO", request_id="r1"),
    line(-4, "loss 2.0 nan", replica="bbbbb", level="ERROR", request_id="r2"),
    line(-3, "Loss three", replica="aaaaa"),
    line(-2, "done loss 4", replica="aaaaa", level="WARNING"),
]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["loss 1.0", "loss 2.0 nan", "Loss three", "done loss 4"]),
        ({"replica": "aaaaa"}, ["loss 1.0", "Loss three", "done loss 4"]),
        ({"request_id": "r2"}, ["loss 2.0 nan"]),
        ({"min_level": "WARNING"}, ["loss 2.0 nan", "done loss 4"]),
        ({"search_pattern": r"^loss \d"}, ["loss 1.0", "loss 2.0 nan"]),
        ({"includes": ["loss", "nan"]}, ["loss 2.0 nan"]),
        ({"includes": "loss"}, ["loss 1.0", "loss 2.0 nan", "done loss 4"]),
        ({"excludes": ["nan", "done"]}, ["loss 1.0", "Loss three"]),
        ({"includes": ["loss"], "excludes": ["nan"], "replica": "aaaaa", "min_level": "WARNING"}, ["done loss 4"]),
    ],
)
async def test_filters_narrow_on_the_server(cloud: Cloud, filters: dict[str, Any], expected: list[str]) -> None:
    cloud.world.add_deployment("m", "d", lines=LINES)
    assert messages(await cloud.get(LOGS, direction="asc", **filters)) == expected


async def test_the_limit_counts_lines_that_match(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", lines=LINES)
    assert messages(await cloud.get(LOGS, direction="asc", limit=2, includes="loss")) == ["loss 1.0", "loss 2.0 nan"]


@pytest.mark.parametrize(
    "filters",
    [
        {"includes": ["x"] * 9},
        {"excludes": ["x"] * 9},
        {"search_pattern": "("},
        {"search_pattern": r"(a)\1"},
        {"search_pattern": "x" * 257},
        {"replica": "x" * 257},
        {"request_id": "x" * 257},
        {"direction": "up"},
        {"start_epoch_millis": NOON_MS, "end_epoch_millis": NOON_MS - 1},
    ],
)
async def test_what_the_document_forbids_is_refused(cloud: Cloud, filters: dict[str, Any]) -> None:
    cloud.world.add_deployment("m", "d", lines=LINES)
    assert (await cloud.get(LOGS, 400, **filters))["code"] == "VALIDATION_ERROR"


async def test_a_new_deployment_has_no_logs_for_some_seconds(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", lines=LINES, statuses=[Status(NOON, "DEPLOYING")])
    cloud.quirks.baseten = BasetenQuirks(deployment_warmup=timedelta(seconds=5))
    await cloud.get(LOGS, 404)
    cloud.clock.advance(timedelta(seconds=5))
    assert len(messages(await cloud.get(LOGS))) == 4


async def test_lines_have_every_field_of_the_document(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d", lines=LINES)
    assert list(Draft202012Validator(documents.LOGS).iter_errors(await cloud.get(LOGS))) == []


async def test_models_and_deployments_are_listed(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d")
    cloud.world.add_deployment("m", "e", statuses=[Status(NOON, "UNHEALTHY")])
    models = (await cloud.get("/baseten/v1/models"))["models"]
    assert [(model["id"], model["deployments_count"]) for model in models] == [("m", 2)]
    listed = (await cloud.get("/baseten/v1/models/m/deployments"))["deployments"]
    assert [(item["id"], item["status"]) for item in listed] == [("d", "ACTIVE"), ("e", "UNHEALTHY")]
    assert await cloud.get(DEPLOYMENT) == listed[0]


async def test_unknown_models_and_deployments_are_not_found(cloud: Cloud) -> None:
    cloud.world.add_deployment("m", "d")
    for path in ("/baseten/v1/models/x/deployments", DEPLOYMENT + "x", DEPLOYMENT + "x/logs"):
        await cloud.get(path, 404)
