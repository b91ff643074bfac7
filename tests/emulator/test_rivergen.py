"""RiverGen's runs: pages of the log, the streamed download, metrics, details, and every error of the documents."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from emulator.quirks import RivergenQuirks
from emulator.world import Status, World
from tests.fakes.cloud import NOON, Body, Cloud, line

MODEL = "/rivergen/api/v1/models/mdl-1"
LOGS = MODEL + "/training-metrics/logs"
DOWNLOAD = LOGS + "/download"
LINES = [
    line(-4000, "debugging", level="debug"),
    line(-3000, "Größe: 5 µm — 日本語"),
    line(-2000, "clipped", level="warning"),
    line(-1000, 'Traceback:\n  File "a.py"', level="error"),
]
TXT = (
    "2026-11-20T11:59:56.000Z [DEBUG] debugging\n"
    "2026-11-20T11:59:57.000Z [INFO] Größe: 5 µm — 日本語\n"
    "2026-11-20T11:59:58.000Z [WARN] clipped\n"
    '2026-11-20T11:59:59.000Z [ERROR] Traceback:\n  File "a.py"\n'
)


def two_runs(world: World) -> None:
    hour = timedelta(hours=1)
    ended = [Status(NOON - 3 * hour, "running"), Status(NOON - 2 * hour, "completed")]
    world.add_rivergen_run("mdl-1", "run-old", lines=[line(-9e6, "old")], statuses=ended)
    world.add_rivergen_run("mdl-1", "run-new", lines=LINES, statuses=[Status(NOON - hour, "running")])


def numbers(body: Body) -> list[int]:
    return [item["line"] for item in body["lines"]]


async def test_a_page_of_the_log_is_enveloped_and_numbered(cloud: Cloud) -> None:
    two_runs(cloud.world)
    body = await cloud.get(LOGS, run_id="run-new", level="debug", limit=1, offset=1)
    assert body == {
        "model_id": "mdl-1",
        "run_id": "run-new",
        "total_lines": 4,
        "lines": [
            {"line": 2, "level": "info", "message": "Größe: 5 µm — 日本語", "timestamp": "2026-11-20T11:59:57.000Z"}
        ],
    }


async def test_the_default_level_is_info(cloud: Cloud) -> None:
    two_runs(cloud.world)
    assert numbers(await cloud.get(LOGS)) == [2, 3, 4]
    assert numbers(await cloud.get(LOGS, level="warning")) == [3, 4]
    assert numbers(await cloud.get(LOGS, level="debug")) == [1, 2, 3, 4]


async def test_tail_takes_the_last_lines_and_ignores_the_offset(cloud: Cloud) -> None:
    two_runs(cloud.world)
    assert numbers(await cloud.get(LOGS, tail="true", limit=2, offset=3)) == [3, 4]


async def test_totals_count_after_the_level_filter_or_before_it(cloud: Cloud) -> None:
    two_runs(cloud.world)
    assert (await cloud.get(LOGS, level="warning"))["total_lines"] == 2
    cloud.quirks.rivergen = RivergenQuirks(total_after_filter=False)
    body = await cloud.get(LOGS, level="warning", limit=3)
    assert (body["total_lines"], numbers(body)) == (4, [3])


async def test_a_running_run_returns_the_lines_so_far(cloud: Cloud) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=[line(-1, "now"), line(+1000, "later")])
    assert numbers(await cloud.get(LOGS)) == [1]
    cloud.clock.advance(timedelta(seconds=1))
    assert numbers(await cloud.get(LOGS)) == [1, 2]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 5001}, {"offset": -1}, {"level": "loud"}, {"tail": "x"}])
async def test_a_bad_parameter_is_refused_with_its_field(cloud: Cloud, query: dict[str, Any]) -> None:
    two_runs(cloud.world)
    error = (await cloud.get(LOGS, 400, **query))["error"]
    assert (error["code"], error["details"]["field"]) == ("VALIDATION_ERROR", next(iter(query)))


async def test_the_defaults_differ_newest_run_for_pages_latest_completed_for_the_download(cloud: Cloud) -> None:
    two_runs(cloud.world)
    assert (await cloud.get(LOGS))["run_id"] == "run-new"
    assert "run-old" in (await cloud.raw(DOWNLOAD)).headers["content-disposition"]


async def test_aliases_answer_the_same(cloud: Cloud) -> None:
    two_runs(cloud.world)
    for path in (MODEL + "/training-metrics", LOGS, DOWNLOAD):
        alias = path.replace("/training-metrics", "/training/metrics")
        assert (await cloud.raw(alias, run_id="run-new")).content == (await cloud.raw(path, run_id="run-new")).content


async def test_a_txt_download_is_a_streamed_attachment(cloud: Cloud) -> None:
    two_runs(cloud.world)
    answer = await cloud.raw(DOWNLOAD, run_id="run-new")
    assert answer.text == TXT
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"] == 'attachment; filename="training-log-run-new.txt"'
    assert "content-length" not in answer.headers


async def test_a_json_download_is_an_array_of_objects(cloud: Cloud) -> None:
    two_runs(cloud.world)
    answer = await cloud.raw(DOWNLOAD, run_id="run-new", format="json")
    assert [(item["line"], item["message"]) for item in answer.json()] == [
        (number + 1, line.message) for number, line in enumerate(LINES)
    ]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"].endswith('run-new.json"')


async def test_an_empty_log_downloads_as_nothing_or_an_empty_array(cloud: Cloud) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1")
    assert (await cloud.raw(DOWNLOAD, run_id="run-1")).content == b""
    assert (await cloud.raw(DOWNLOAD, run_id="run-1", format="json")).json() == []


async def test_chunks_may_end_inside_a_line_and_inside_a_character(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.quirks.rivergen = RivergenQuirks(chunk_bytes=7)
    key = {"authorization": "Bearer demo-rivergen-key"}
    async with cloud.client.stream("GET", DOWNLOAD, params={"run_id": "run-new"}, headers=key) as answer:
        body = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert body == TXT.encode()
    with pytest.raises(UnicodeDecodeError):
        [body[first : first + 7].decode() for first in range(0, len(body), 7)]


async def test_a_download_may_break_off(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.quirks.rivergen = RivergenQuirks(cut_download_at=50)
    with pytest.raises(httpx.RemoteProtocolError):
        await cloud.raw(DOWNLOAD, run_id="run-new")


async def test_a_download_may_end_early_and_look_complete(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.quirks.rivergen = RivergenQuirks(cut_download_at=50, cut_looks_complete=True)
    assert (await cloud.raw(DOWNLOAD, run_id="run-new")).content == TXT.encode()[:50]


async def test_a_download_may_be_continued_by_range(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.quirks.rivergen = RivergenQuirks(offers_ranges=True)
    whole = await cloud.raw(DOWNLOAD, run_id="run-new")
    key = {"authorization": "Bearer demo-rivergen-key", "range": "bytes=50-", "if-range": whole.headers["etag"]}
    part = await cloud.client.get(DOWNLOAD, params={"run_id": "run-new"}, headers=key)
    assert (206, TXT.encode()[50:]) == (part.status_code, part.content)
    changed = await cloud.client.get(DOWNLOAD, params={"run_id": "run-new"}, headers={**key, "if-range": '"other"'})
    assert (200, TXT.encode()) == (changed.status_code, changed.content)


async def test_a_download_may_differ_from_the_log(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.quirks.rivergen = RivergenQuirks(artifact=b"anything")
    assert b"anything" == (await cloud.raw(DOWNLOAD, run_id="run-new")).content


async def test_the_attachment_may_have_a_hostile_name(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.quirks.rivergen = RivergenQuirks(file_name="../../etc/cron.d/evil")
    disposition = (await cloud.raw(DOWNLOAD)).headers["content-disposition"]
    assert disposition == 'attachment; filename="../../etc/cron.d/evil"'


async def test_an_unknown_format_is_a_bad_request(cloud: Cloud) -> None:
    two_runs(cloud.world)
    assert (await cloud.get(DOWNLOAD, 400, format="xml"))["error"]["code"] == "VALIDATION_ERROR"


async def test_a_purged_log_is_not_found(cloud: Cloud) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1").purged = True
    assert "retention" in (await cloud.get(DOWNLOAD, 404, run_id="run-1"))["error"]["message"]


async def test_unknown_models_and_runs_are_not_found(cloud: Cloud) -> None:
    two_runs(cloud.world)
    assert (await cloud.get(LOGS, 404, run_id="run-none"))["error"]["code"] == "RESOURCE_NOT_FOUND"
    await cloud.get(LOGS.replace("mdl-1", "mdl-2"), 404)


async def test_each_way_to_be_unauthorized_has_its_code(cloud: Cloud) -> None:
    two_runs(cloud.world)
    missing = await cloud.client.get(DOWNLOAD)
    wrong = await cloud.client.get(DOWNLOAD, headers={"authorization": "Bearer wrong"})
    cloud.quirks.rivergen = RivergenQuirks(token_expired=True)
    expired = await cloud.raw(DOWNLOAD)
    answers = [(answer.status_code, answer.json()["error"]["code"]) for answer in (missing, wrong, expired)]
    assert answers == [(401, "AUTH_REQUIRED"), (401, "AUTH_INVALID"), (401, "AUTH_EXPIRED")]


async def test_a_missing_permission_is_forbidden(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.quirks.rivergen = RivergenQuirks(forbidden=True)
    assert (await cloud.get(DOWNLOAD, 403))["error"]["code"] == "PERMISSION_DENIED"


async def test_metrics_hold_a_value_an_epoch_thinned_to_the_resolution(cloud: Cloud) -> None:
    run = cloud.world.add_rivergen_run("mdl-1", "run-1", metrics={"loss": lambda epoch: 1 / epoch, "acc": float})
    run.epoch_length, run.total_epochs = timedelta(seconds=10), 500
    body = await cloud.get(MODEL + "/training-metrics", metric="loss", resolution=4)
    assert body == {
        "model_id": "mdl-1",
        "run_id": "run-1",
        "status": "running",
        "metrics": {"loss": [1 / 90, 1 / 180, 1 / 270, 1 / 360]},
        "epochs_completed": 360,
        "total_epochs": 500,
    }
    assert len((await cloud.get(MODEL + "/training-metrics"))["metrics"]["acc"]) == 50
    await cloud.get(MODEL + "/training-metrics", 404, metric="none")


async def test_details_tell_when_and_how_long(cloud: Cloud) -> None:
    two_runs(cloud.world)
    body = await cloud.get(MODEL + "/training-metrics/details", run_id="run-old")
    assert (body["status"], body["started_at"], body["completed_at"], body["duration_seconds"]) == (
        "completed",
        "2026-11-20T09:00:00.000Z",
        "2026-11-20T10:00:00.000Z",
        3600,
    )
    assert set(body["resource_usage"]) == {"peak_cpu_percent", "peak_memory_mb", "worker_type"}


async def test_runs_are_listed_sorted_filtered_and_paged(cloud: Cloud) -> None:
    two_runs(cloud.world)
    runs = MODEL + "/registry/training-runs"
    assert [run["run_id"] for run in (await cloud.get(runs))["results"]] == ["run-new", "run-old"]
    completed = await cloud.get(runs, status="completed")
    assert (completed["total"], [run["run_id"] for run in completed["results"]]) == (1, ["run-old"])
    second = await cloud.get(runs, page=2, page_size=1, sort_order="asc")
    assert [run["run_id"] for run in second["results"]] == ["run-new"]
    await cloud.get(runs, 400, sort_by="colour")
    await cloud.get(runs, 400, page_size=101)


async def test_models_are_listed_by_their_last_change(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.world.add_rivergen_run("mdl-old", "run-first", statuses=[Status(NOON - timedelta(days=9), "completed")])
    models = "/rivergen/api/v1/models/"
    assert [model["id"] for model in (await cloud.get(models))["results"]] == ["mdl-1", "mdl-old"]
    second = await cloud.get(models, page=2, page_size=1)
    assert (second["total"], [model["id"] for model in second["results"]]) == (2, ["mdl-old"])
    await cloud.get(models, 400, page_size=101)


async def test_objects_may_carry_unknown_fields(cloud: Cloud) -> None:
    two_runs(cloud.world)
    cloud.quirks.rivergen = RivergenQuirks(extra_fields=True)
    assert "x_unannounced" in await cloud.get(LOGS)
