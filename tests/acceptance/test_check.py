"""`trainwatch check` reports each setup problem with a remedy, and reports no other problems."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.store.store import open_store
from bot.terminal.health import LOOPS
from emulator.faults import Fault
from emulator.slack.app import create_slack
from tests.acceptance.program import Ended, Machine, Row, machine_at
from tests.support.scopes import GRANTED

NEEDED = ("app_mentions:read", "chat:write", "commands")
APP_TOKEN = "Slack app token (Socket Mode)"


@pytest.fixture
async def ready(machine: Machine) -> Machine:
    """A machine without setup problems."""
    machine.world.add_training_job("proj", "job1")
    machine.world.add_deployment("mod1", "dep1")
    machine.world.add_batch_job("acme", "batch-1")
    assert 0 == (await machine.call("db", "upgrade")).code
    return machine


def checks_by_subject(ended: Ended) -> dict[str, Row]:
    return {check["subject"]: check for check in ended.json["checks"]}


def failed(ended: Ended) -> list[str]:
    return sorted(check["subject"] for check in ended.json["checks"] if not check["ok"])


async def assert_reported(machine: Machine, subjects: list[str], found: str, remedy: str, **settings: str) -> None:
    """Only these checks fail, and the first one has this finding and remedy, in JSON and in text."""
    ended = await machine.call("check", "--json", **settings)
    assert (1, subjects) == (ended.code, failed(ended))
    check = checks_by_subject(ended)[subjects[0]]
    assert found in check["found"]
    assert remedy in check["remedy"]
    assert not ended.json["ok"]
    shown = await machine.call("check", **settings)
    assert 1 == shown.code
    assert f"FAIL {subjects[0]}: " in shown.text
    assert remedy in shown.text
    secrets = [value for name, value in {**machine.environment, **settings}.items() if name.endswith(("KEY", "TOKEN"))]
    assert [] == [value for value in secrets if value and value in ended.text + shown.text]


async def test_check_without_problems_exits_with_0(ready: Machine) -> None:
    ended = await ready.run("check", "--json")
    assert (0, "", True, []) == (ended.code, ended.err, ended.json["ok"], failed(ended))
    expected = {"Slack bot token", "Slack scopes", "Slack history", APP_TOKEN, "Database", "Database schema"}
    expected |= {"Database writable", "baseten", "baseten-model", "fireworks", "rivergen"}
    assert expected == set(checks_by_subject(ended))
    assert "bot @trainwatch" in checks_by_subject(ended)["Slack bot token"]["found"]
    shown = await ready.run("check")
    assert (0, "") == (shown.code, shown.err)
    assert "FAIL" not in shown.text


@pytest.mark.parametrize(
    ("subject", "found", "remedy", "settings"),
    [
        ("Slack bot token", "invalid_auth", "OAuth & Permissions", {"SLACK_BOT_TOKEN": "xoxb-unknown"}),
        ("Slack bot token", "xapp-", "SLACK_APP_TOKEN", {"SLACK_BOT_TOKEN": "xapp-in-the-wrong-variable"}),
        ("Slack bot token", "xoxp-", "Bot User OAuth Token", {"SLACK_BOT_TOKEN": "xoxp-user-token"}),
        (APP_TOKEN, "invalid_auth", "connections:write", {"SLACK_APP_TOKEN": "xapp-unknown"}),
        (APP_TOKEN, "does not start", "Basic Information", {"SLACK_APP_TOKEN": "xoxb-wrong-kind"}),
        ("Slack tokens", "missing", "SLACK_APP_TOKEN", {"SLACK_APP_TOKEN": ""}),
        ("fireworks", "rejected the API key", "FIREWORKS_API_KEY", {"FIREWORKS_API_KEY": "wrong-key-0123456789"}),
        ("fireworks", "cannot be reached", "FIREWORKS_BASE_URL", {"FIREWORKS_BASE_URL": "http://127.0.0.1:9"}),
        ("fireworks", "not set up", "FIREWORKS_API_KEY", {"FIREWORKS_API_KEY": ""}),
    ],
)
async def test_setup_problem_is_reported_with_its_remedy(
    ready: Machine, subject: str, found: str, remedy: str, settings: Mapping[str, str]
) -> None:
    await assert_reported(ready, [subject], found, remedy, **settings)


async def test_unreachable_slack_is_reported_for_both_tokens(ready: Machine) -> None:
    both = [APP_TOKEN, "Slack bot token"]
    unreachable = {"SLACK_API_URL": "http://127.0.0.1:9/api/"}
    await assert_reported(ready, both, "Slack cannot be reached", "SLACK_API_URL", **unreachable)


async def test_invalid_baseten_key_is_reported_for_both_providers(ready: Machine) -> None:
    invalid_key = {"BASETEN_API_KEY": "wrong-key-0123456789"}
    await assert_reported(ready, ["baseten", "baseten-model"], "rejected the API key", "BASETEN_API_KEY", **invalid_key)


async def test_malformed_platform_response_is_reported(ready: Machine) -> None:
    ready.on.faults.set([Fault("html", "/fireworks", status=200)])
    await assert_reported(ready, ["fireworks"], "does not match its documentation", "FIREWORKS_BASE_URL")


@pytest.mark.parametrize("scope", NEEDED)
async def test_missing_scope_is_reported_with_its_purpose(tmp_path: Path, scope: str) -> None:
    slack = create_slack(scopes=[one for one in GRANTED if one != scope])
    async with machine_at(tmp_path, slack=slack) as machine:
        await machine.call("db", "upgrade")
        await assert_reported(machine, ["Slack scopes"], f"missing: {scope} (to ", "manifest.yml")


async def test_missing_optional_scope_is_not_a_problem(tmp_path: Path) -> None:
    async with machine_at(tmp_path, slack=create_slack(scopes=NEEDED)) as machine:
        ended = await machine.call("check", "--json")
    assert [] == failed(ended)
    assert "files:write (to attach long logs" in checks_by_subject(ended)["Slack scopes"]["found"]


async def test_scopes_in_manifest_are_sufficient(tmp_path: Path) -> None:
    async with machine_at(tmp_path, slack=create_slack(scopes=GRANTED)) as machine:
        await machine.call("db", "upgrade")
        assert [] == failed(await machine.call("check", "--json"))


async def test_database_without_tables_is_not_a_problem(machine: Machine) -> None:
    ended = await machine.run("check", "--json")
    assert [] == failed(ended)
    assert (
        "`trainwatch serve` or `trainwatch db upgrade` creates them"
        in checks_by_subject(ended)["Database schema"]["found"]
    )


async def test_platform_without_settings_is_not_a_problem(ready: Machine) -> None:
    unset = {name: "" for name in ready.environment if name.startswith("FIREWORKS_")}
    ended = await ready.call("check", "--json", **unset)
    assert (0, []) == (ended.code, failed(ended))
    assert "not in use" == checks_by_subject(ended)["fireworks"]["found"]
    assert "FIREWORKS_API_KEY" in checks_by_subject(ended)["fireworks"]["remedy"]


async def test_without_platforms_each_one_is_reported(ready: Machine) -> None:
    names = ("BASETEN", "FIREWORKS", "RIVERGEN")
    unset = {f"{name}_{what}": "" for name in names for what in ("API_KEY", "BASE_URL")}
    ended = await ready.call("check", "--json", **unset)
    assert (1, ["baseten", "baseten-model", "fireworks", "rivergen"]) == (ended.code, failed(ended))


@pytest.mark.parametrize(
    ("version", "found", "remedy"),
    [("0000", "version 0000 is older", "trainwatch db upgrade"), ("9999", "is newer", "Install the trainwatch")],
)
async def test_schema_of_another_version_is_reported(ready: Machine, version: str, found: str, remedy: str) -> None:
    with closing(sqlite3.connect(ready.folder / "bot.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
    await assert_reported(ready, ["Database schema"], found, remedy)


async def test_unusable_database_is_reported(ready: Machine) -> None:
    nowhere = {"DATABASE_URL": f"sqlite:///{ready.folder}/no/such/folder/bot.db"}
    await assert_reported(ready, ["Database"], "cannot be reached", "DATABASE_URL", **nowhere)


async def test_check_creates_no_database(machine: Machine) -> None:
    for words in (("check",), ("check", "--health")):
        await machine.call(*words)
        assert not (machine.folder / "bot.db").exists()


async def test_check_does_not_change_the_database(machine: Machine) -> None:
    (machine.folder / "bot.db").touch()
    await machine.call("check")
    with closing(sqlite3.connect(machine.folder / "bot.db")) as database:
        assert [] == database.execute("SELECT name FROM sqlite_master").fetchall()


async def write_heartbeats(machine: Machine, ages: Mapping[str, timedelta]) -> None:
    """Write heartbeats with these ages."""
    store = await open_store(machine.environment["DATABASE_URL"])
    for name, age in ages.items():
        await store.heartbeat(name, datetime.now(UTC) - age)
    await store.aclose()


FRESH, STALE = timedelta(seconds=5), timedelta(minutes=5)
ALIVE = dict.fromkeys(LOOPS, FRESH)


@pytest.mark.parametrize(
    ("ages", "failing"),
    [
        (ALIVE, []),
        *((ALIVE | {name: STALE}, [f"{name} loop"]) for name in LOOPS),
        ({"poll": FRESH}, sorted(f"{name} loop" for name in LOOPS if name != "poll")),
        ({}, sorted(f"{name} loop" for name in LOOPS)),
    ],
)
async def test_health_depends_on_heartbeats(ready: Machine, ages: Mapping[str, timedelta], failing: list[str]) -> None:
    await write_heartbeats(ready, ages)
    ended = await ready.call("check", "--health", "--json")
    assert (1 if failing else 0, failing) == (ended.code, failed(ended))
    assert [] == [subject for subject in failing if not checks_by_subject(ended)[subject]["remedy"]]


async def test_health_check_reads_only_the_database(ready: Machine) -> None:
    await write_heartbeats(ready, ALIVE)
    ended = await ready.call("check", "--health", SLACK_BOT_TOKEN="", BASETEN_API_KEY="")
    assert (0, []) == (ended.code, list(ready.on.faults.requests))


async def test_health_check_without_tables_fails_cleanly(machine: Machine) -> None:
    ended = await machine.run("check", "--health", "--json")
    assert (1, "") == (ended.code, ended.err)
    assert {"Bot": "it has never run with this database"} == {
        check["subject"]: check["found"] for check in ended.json["checks"]
    }


async def test_health_check_names_what_is_wrong_with_the_database(ready: Machine) -> None:
    with closing(sqlite3.connect(ready.folder / "bot.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
        database.execute("DROP TABLE heartbeats")
    ended = await ready.call("check", "--health", "--json")
    assert (1, ["Database schema"]) == (ended.code, failed(ended))
    assert "older" in checks_by_subject(ended)["Database schema"]["found"]
