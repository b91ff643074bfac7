"""Baseten's log pages: windows, bounds, order, limits, methods, and what lies open in the documents."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emulator.quirks import BasetenQuirks
from tests.fakes.cloud import NOON_MS, NOON_NS, Cloud, line, messages

LOGS = "/baseten/v1/training_projects/p/jobs/j/logs"
MINUTE_MS = 60_000


async def test_get_and_post_return_the_same_lines(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-2, "a"), line(-1, "b")])
    window: dict[str, Any] = {"start_epoch_millis": NOON_MS - 10, "end_epoch_millis": NOON_MS, "direction": "asc"}
    assert await cloud.get(LOGS, **window) == await cloud.post(LOGS, window)
    assert messages(await cloud.post(LOGS, window)) == ["a", "b"]


async def test_a_line_carries_nanoseconds_as_a_string_and_nulls_where_nothing_is_known(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-1.000001, "x", replica="abcde")])
    expected = {
        "timestamp": str(NOON_NS - 1_000_001),
        "message": "x",
        "replica": "abcde",
        "request_id": None,
        "level": None,
    }
    assert await cloud.get(LOGS) == {"logs": [expected]}


async def test_without_a_direction_the_newest_comes_first(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-2, "older"), line(-1, "newer")])
    assert messages(await cloud.get(LOGS)) == ["newer", "older"]
    assert messages(await cloud.get(LOGS, direction="asc")) == ["older", "newer"]


async def test_without_a_start_the_window_begins_30_minutes_before_the_end(cloud: Cloud) -> None:
    lines = [line(-31 * MINUTE_MS, "too old"), line(-29 * MINUTE_MS, "in"), line(+1000, "future")]
    cloud.world.add_training_job("p", "j", lines=lines)
    assert messages(await cloud.get(LOGS)) == ["in"]
    assert messages(await cloud.get(LOGS, end_epoch_millis=NOON_MS - 10 * MINUTE_MS)) == ["in", "too old"]


async def test_a_window_over_seven_days_is_refused(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j")
    week_ms = 7 * 24 * 60 * MINUTE_MS
    await cloud.get(LOGS, start_epoch_millis=NOON_MS - week_ms, end_epoch_millis=NOON_MS)
    refused = await cloud.get(LOGS, 400, start_epoch_millis=NOON_MS - week_ms - 1, end_epoch_millis=NOON_MS)
    assert refused == {"code": "VALIDATION_ERROR", "message": "The window from start to end must not exceed 7 days"}
    cloud.quirks.baseten = BasetenQuirks(max_window=timedelta(hours=2))
    await cloud.get(LOGS, 400, start_epoch_millis=NOON_MS - 121 * MINUTE_MS)


@pytest.mark.parametrize("limit", ["0", "1001", "many"])
async def test_a_limit_outside_1_to_1000_is_refused(cloud: Cloud, limit: str) -> None:
    cloud.world.add_training_job("p", "j")
    assert (await cloud.get(LOGS, 400, limit=limit))["code"] == "VALIDATION_ERROR"


async def test_the_default_limit_is_500(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-n, str(n)) for n in range(1, 1200)])
    assert len(messages(await cloud.get(LOGS))) == 500
    assert len(messages(await cloud.get(LOGS, limit=1000))) == 1000
    assert len(messages(await cloud.post(LOGS, {"limit": None, "start_epoch_millis": None}))) == 500


@pytest.mark.parametrize(
    ("start_inclusive", "end_inclusive", "expected"),
    [
        (True, False, ["start", "start+", "inside"]),
        (True, True, ["start", "start+", "inside", "end", "end+"]),
        (False, False, ["inside"]),
        (False, True, ["inside", "end", "end+"]),
    ],
)
async def test_bounds_count_whole_milliseconds(
    cloud: Cloud, start_inclusive: bool, end_inclusive: bool, expected: list[str]
) -> None:
    stamps = {"before": -10.5, "start": -10, "start+": -9.5, "inside": -9, "end": -5, "end+": -4.5, "after": -4}
    cloud.world.add_training_job("p", "j", lines=[line(at, name) for name, at in stamps.items()])
    cloud.quirks.baseten = BasetenQuirks(start_inclusive=start_inclusive, end_inclusive=end_inclusive)
    window = {"start_epoch_millis": NOON_MS - 10, "end_epoch_millis": NOON_MS - 5}
    assert messages(await cloud.get(LOGS, direction="asc", **window)) == expected


async def test_a_page_cap_is_applied_in_silence(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-n, str(n)) for n in range(1, 50)])
    cloud.quirks.baseten = BasetenQuirks(page_cap=7)
    assert messages(await cloud.get(LOGS, limit=20)) == [str(n) for n in range(1, 8)]


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("served", ["get", "post"])
async def test_a_deployment_of_the_api_may_serve_one_method_only(cloud: Cloud, served: str, status: int) -> None:
    cloud.world.add_training_job("p", "j")
    cloud.quirks.baseten = BasetenQuirks(training_methods=served, refused_status=status)  # type: ignore[arg-type]
    for path in (LOGS, LOGS.replace("logs", "metrics")):
        await cloud.get(path, 200 if served == "get" else status)
        await cloud.post(path, {}, 200 if served == "post" else status)


async def test_lines_of_one_millisecond_may_come_in_any_order(cloud: Cloud) -> None:
    lines = [line(-5 + n / 100, f"a{n}") for n in range(30)] + [line(-3 + n / 100, f"b{n}") for n in range(30)]
    cloud.world.add_training_job("p", "j", lines=lines)
    cloud.quirks.baseten = BasetenQuirks(shuffle_within_ms=True)
    pages = [messages(await cloud.get(LOGS, direction="asc", limit=40)) for _ in range(2)]
    assert pages[0] != pages[1]
    for page in pages:
        assert sorted(page[:30]) == sorted(f"a{n}" for n in range(30))
        assert all(text.startswith("b") for text in page[30:])


async def test_a_late_line_appears_behind_lines_already_shown(cloud: Cloud) -> None:
    late = line(-20, "late", visible_at_ns=NOON_NS + 10**9)
    cloud.world.add_training_job("p", "j", lines=[line(-30, "a"), late, line(-10, "b")])
    assert messages(await cloud.get(LOGS, direction="asc")) == ["a", "b"]
    cloud.clock.advance(timedelta(seconds=1))
    assert messages(await cloud.get(LOGS, direction="asc")) == ["a", "late", "b"]


async def test_lines_can_be_appended_while_it_runs(cloud: Cloud) -> None:
    job = cloud.world.add_training_job("p", "j", lines=[line(-3, "a")])
    job.log.append(line(-1, "c"), line(-2, "b"))
    assert messages(await cloud.get(LOGS, direction="asc")) == ["a", "b", "c"]


async def test_min_level_drops_lines_without_a_level(cloud: Cloud) -> None:
    lines = [
        line(-4, "d", level="DEBUG"),
        line(-3, "none"),
        line(-2, "w", level="WARNING"),
        line(-1, "f", level="FATAL"),
    ]
    cloud.world.add_training_job("p", "j", lines=lines)
    assert messages(await cloud.get(LOGS, direction="asc", min_level="DEBUG")) == ["d", "w", "f"]
    assert messages(await cloud.get(LOGS, direction="asc", min_level="WARNING")) == ["w", "f"]
    await cloud.get(LOGS, 400, min_level="LOUD")


async def test_the_older_document_has_three_fields(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-1, "x", level="INFO")])
    cloud.quirks.baseten = BasetenQuirks(oldest_fields_only=True)
    assert await cloud.get(LOGS) == {"logs": [{"timestamp": str(NOON_NS - 10**6), "message": "x", "replica": None}]}


async def test_unknown_parameters_are_passed_over(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-1, "x", replica="abcde")])
    assert messages(await cloud.get(LOGS, replica="other", page="3")) == ["x"]


async def test_objects_may_carry_unknown_fields(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j", lines=[line(-1, "x")])
    cloud.quirks.baseten = replace(cloud.quirks.baseten, extra_fields=True)
    assert "x_unannounced" in (await cloud.get(LOGS))["logs"][0]


async def test_a_body_that_is_not_json_is_refused(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j")
    key = {"authorization": "Api-Key demo-baseten-key"}
    answer = await cloud.client.post(LOGS, content=b"{", headers=key)
    assert answer.status_code == 400


async def test_an_unknown_job_is_not_found(cloud: Cloud) -> None:
    cloud.world.add_training_job("p", "j")
    await cloud.get(LOGS.replace("/j/", "/other/"), 404)
    await cloud.get(LOGS.replace("/p/", "/other/"), 404)
    assert (await cloud.get("/baseten/v1/nowhere", 404))["message"] == "Not found"
