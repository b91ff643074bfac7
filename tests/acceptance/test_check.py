"""`trainwatch check`: each thing that can be set up wrong is named with its remedy, and nothing else is."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.store.store import open_store
from emulator.faults import Fault
from emulator.slack.app import create_slack
from tests.acceptance.program import Ended, Machine, Row, machine_at

GRANTED = ("app_mentions:read", "channels:read", "chat:write", "commands", "files:write", "groups:read")
NEEDED = ("app_mentions:read", "chat:write", "commands")
LOOPS = ("poll", "deliver")
APP_TOKEN = "Slack app token (Socket Mode)"


@pytest.fixture
async def ready(machine: Machine) -> Machine:
    """A machine on which all is well."""
    machine.world.add_training_job("proj", "job1")
    machine.world.add_deployment("mod1", "dep1")
    machine.world.add_batch_job("acme", "batch-1")
    assert 0 == (await machine.call("db", "upgrade")).code
    return machine


def findings(ended: Ended) -> dict[str, Row]:
    return {check["subject"]: check for check in ended.json["checks"]}


def wrong(ended: Ended) -> list[str]:
    return sorted(check["subject"] for check in ended.json["checks"] if not check["ok"])


async def assert_named(machine: Machine, subjects: list[str], found: str, remedy: str, **settings: str) -> None:
    """Only these are wrong; the first is found so and mended so; people read the same."""
    ended = await machine.call("check", "--json", **settings)
    assert (1, subjects) == (ended.code, wrong(ended))
    check = findings(ended)[subjects[0]]
    assert found in check["found"]
    assert remedy in check["remedy"]
    assert not ended.json["ok"]
    shown = await machine.call("check", **settings)
    assert 1 == shown.code
    assert f"FAIL {subjects[0]}: " in shown.text
    assert remedy in shown.text
    secrets = [value for name, value in {**machine.environment, **settings}.items() if name.endswith(("KEY", "TOKEN"))]
    assert [] == [value for value in secrets if value and value in ended.text + shown.text]


async def test_when_all_is_well_the_exit_code_says_so(ready: Machine) -> None:
    ended = await ready.run("check", "--json")
    assert (0, "", True, []) == (ended.code, ended.err, ended.json["ok"], wrong(ended))
    expected = {"Slack bot token", "Slack scopes", APP_TOKEN, "Database", "Database schema"}
    expected |= {"Database writable", "baseten", "baseten-model", "fireworks", "rivergen"}
    assert expected == set(findings(ended))
    assert "bot @trainwatch" in findings(ended)["Slack bot token"]["found"]
    shown = await ready.run("check")
    assert (0, "") == (shown.code, shown.err)
    assert "FAIL" not in shown.text


@pytest.mark.parametrize(
    ("subject", "found", "remedy", "settings"),
    [
        ("Slack bot token", "invalid_auth", "OAuth & Permissions", {"SLACK_BOT_TOKEN": "xoxb-of-another-life"}),
        ("Slack bot token", "xapp-", "SLACK_APP_TOKEN", {"SLACK_BOT_TOKEN": "xapp-demo-in-the-wrong-place"}),
        ("Slack bot token", "xoxp-", "Bot User OAuth Token", {"SLACK_BOT_TOKEN": "xoxp-of-a-user"}),
        (APP_TOKEN, "invalid_auth", "connections:write", {"SLACK_APP_TOKEN": "xapp-of-another-life"}),
        (APP_TOKEN, "does not begin", "Basic Information", {"SLACK_APP_TOKEN": "xoxb-wrong-kind"}),
        ("Slack tokens", "missing", "SLACK_APP_TOKEN", {"SLACK_APP_TOKEN": ""}),
        ("fireworks", "refused the key", "FIREWORKS_API_KEY", {"FIREWORKS_API_KEY": "wrong-key-0123456789"}),
        ("fireworks", "cannot be reached", "FIREWORKS_BASE_URL", {"FIREWORKS_BASE_URL": "http://127.0.0.1:9"}),
        ("fireworks", "not set up", "FIREWORKS_API_KEY", {"FIREWORKS_API_KEY": ""}),
    ],
)
async def test_what_is_wrong_is_named_with_its_remedy(
    ready: Machine, subject: str, found: str, remedy: str, settings: Mapping[str, str]
) -> None:
    await assert_named(ready, [subject], found, remedy, **settings)


async def test_a_slack_that_cannot_be_reached_is_named_for_both_tokens(ready: Machine) -> None:
    both = [APP_TOKEN, "Slack bot token"]
    nobody = {"SLACK_API_URL": "http://127.0.0.1:9/api/"}
    await assert_named(ready, both, "Slack cannot be reached", "SLACK_API_URL", **nobody)


async def test_both_of_basetens_faces_share_a_wrong_key(ready: Machine) -> None:
    wrong_key = {"BASETEN_API_KEY": "wrong-key-0123456789"}
    await assert_named(ready, ["baseten", "baseten-model"], "refused the key", "BASETEN_API_KEY", **wrong_key)


async def test_a_vendor_that_answers_nonsense_is_named(ready: Machine) -> None:
    ready.on.faults.set([Fault("html", "/fireworks", status=200)])
    await assert_named(ready, ["fireworks"], "form its document does not describe", "FIREWORKS_BASE_URL")


@pytest.mark.parametrize("scope", NEEDED)
async def test_a_missing_scope_is_named_with_what_it_is_for(tmp_path: Path, scope: str) -> None:
    slack = create_slack(scopes=[one for one in GRANTED if one != scope])
    async with machine_at(tmp_path, slack=slack) as machine:
        await machine.call("db", "upgrade")
        await assert_named(machine, ["Slack scopes"], f"missing: {scope} (to ", "manifest.yml")


async def test_a_scope_that_may_be_withheld_is_mentioned_and_nothing_is_wrong(tmp_path: Path) -> None:
    async with machine_at(tmp_path, slack=create_slack(scopes=NEEDED)) as machine:
        ended = await machine.call("check", "--json")
    assert [] == wrong(ended)
    assert "files:write (to put long logs" in findings(ended)["Slack scopes"]["found"]


async def test_the_scopes_of_the_manifest_are_enough(tmp_path: Path) -> None:
    async with machine_at(tmp_path, slack=create_slack(scopes=GRANTED)) as machine:
        await machine.call("db", "upgrade")
        assert [] == wrong(await machine.call("check", "--json"))


async def test_a_database_without_tables_is_as_it_should_be_before_the_first_start(machine: Machine) -> None:
    ended = await machine.run("check", "--json")
    assert [] == wrong(ended)
    assert (
        "`trainwatch serve` or `trainwatch db upgrade` makes the tables" in findings(ended)["Database schema"]["found"]
    )


async def test_a_platform_of_which_nothing_is_set_is_not_in_use_and_nothing_is_wrong(ready: Machine) -> None:
    unset = {name: "" for name in ready.environment if name.startswith("FIREWORKS_")}
    ended = await ready.call("check", "--json", **unset)
    assert (0, []) == (ended.code, wrong(ended))
    assert "not in use" == findings(ended)["fireworks"]["found"]
    assert "FIREWORKS_API_KEY" in findings(ended)["fireworks"]["remedy"]


async def test_without_any_platform_each_is_named(ready: Machine) -> None:
    names = ("BASETEN", "FIREWORKS", "RIVERGEN")
    nothing = {f"{name}_{what}": "" for name in names for what in ("API_KEY", "BASE_URL")}
    ended = await ready.call("check", "--json", **nothing)
    assert (1, ["baseten", "baseten-model", "fireworks", "rivergen"]) == (ended.code, wrong(ended))


@pytest.mark.parametrize(
    ("version", "found", "remedy"),
    [("0000", "version 0000 is older", "trainwatch db upgrade"), ("9999", "is newer", "Install the trainwatch")],
)
async def test_a_schema_of_another_version_is_named(ready: Machine, version: str, found: str, remedy: str) -> None:
    with closing(sqlite3.connect(ready.folder / "bot.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    await assert_named(ready, ["Database schema"], found, remedy)


async def test_a_database_that_cannot_be_opened_is_named(ready: Machine) -> None:
    nowhere = {"DATABASE_URL": f"sqlite:///{ready.folder}/no/such/folder/bot.db"}
    await assert_named(ready, ["Database"], "cannot be reached", "DATABASE_URL", **nowhere)


async def test_checking_changes_nothing(machine: Machine) -> None:
    await machine.call("check")
    with closing(sqlite3.connect(machine.folder / "bot.db")) as database:
        assert [] == database.execute("SELECT name FROM sqlite_master").fetchall()


async def beat(machine: Machine, ages: Mapping[str, timedelta]) -> None:
    """Heartbeats of these ages, and no others."""
    store = await open_store(machine.environment["DATABASE_URL"])
    for name, age in ages.items():
        await store.heartbeat(name, datetime.now(UTC) - age)
    await store.aclose()


FRESH, STALE = timedelta(seconds=5), timedelta(minutes=5)


@pytest.mark.parametrize(
    ("ages", "unwell"),
    [
        ({"poll": FRESH, "deliver": FRESH}, []),
        ({"poll": STALE, "deliver": FRESH}, ["poll loop"]),
        ({"poll": FRESH, "deliver": STALE}, ["deliver loop"]),
        ({"poll": FRESH}, ["deliver loop"]),
        ({}, ["deliver loop", "poll loop"]),
    ],
)
async def test_health_is_what_the_loops_heartbeats_say(
    ready: Machine, ages: Mapping[str, timedelta], unwell: list[str]
) -> None:
    await beat(ready, ages)
    ended = await ready.call("check", "--health", "--json")
    assert (1 if unwell else 0, unwell) == (ended.code, wrong(ended))
    assert [] == [subject for subject in unwell if not findings(ended)[subject]["remedy"]]


async def test_health_asks_nobody_but_the_database(ready: Machine) -> None:
    await beat(ready, dict.fromkeys(LOOPS, FRESH))
    ended = await ready.call("check", "--health", SLACK_BOT_TOKEN="", BASETEN_API_KEY="")
    assert (0, []) == (ended.code, list(ready.on.faults.requests))


async def test_health_of_a_database_without_tables_is_no_traceback(machine: Machine) -> None:
    ended = await machine.run("check", "--health", "--json")
    assert (1, "") == (ended.code, ended.err)
    assert not ended.json["ok"]
