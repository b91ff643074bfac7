"""Custom signatures and rules: polls apply them, and `check` and `serve` validate them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import app
from bot.check import check_setup
from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobState
from bot.domain.logs import LogLine
from bot.domain.subscriptions import RuleSettings
from bot.errors import ConfigError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner
from bot.rules.settings import AS_SHIPPED, parse_settings
from bot.settings import Settings
from bot.store.migrate import upgrade
from bot.store.store import open_store
from bot.watcher.poll import Poller
from emulator.slack.app import BOT_TOKEN, create_slack, served
from tests.fakes.provider import NOW, REF, FakeProvider, registry_of
from tests.support.scopes import GRANTED

CUSTOM = parse_settings(["log_errors=off"])


async def fired(folder: Path, defaults: RuleSettings, *wanted: str) -> set[str]:
    """The rules that fire on a poll of a job whose log has an error."""
    url = f"sqlite:///{folder}/bot.db"
    await upgrade(url)
    store = await open_store(url)
    line = LogLine(ns_from_datetime(NOW), "ERROR: the mailer is closed")
    provider = FakeProvider([line], jobs={REF.id: Job(REF, JobState.RUNNING, "RUNNING")})
    poller = Poller(registry_of(provider), store, lambda: NOW, Redactor(), DiagnosisConfig(build_scanner(), defaults))
    try:
        await store.subscriptions.add("C1", None, REF, "U1", parse_settings(wanted, defaults), NOW)
        for _ in range(20):
            await poller.tick()
        incidents = await store.incidents.list_open("C1", REF)
        return {alert.rule for incident in incidents for alert in incident.alerts}
    finally:
        await poller.stop()
        await store.aclose()


async def test_the_installations_settings_apply_to_subscriptions(tmp_path: Path) -> None:
    assert "log_errors" not in await fired(tmp_path, CUSTOM)


async def test_a_subscription_overrides_the_installations_settings(tmp_path: Path) -> None:
    assert "log_errors" in await fired(tmp_path, CUSTOM, "log_errors=on")


async def test_without_custom_settings_the_shipped_ones_apply(tmp_path: Path) -> None:
    assert "log_errors" in await fired(tmp_path, AS_SHIPPED)


async def test_check_names_the_invalid_file_and_the_problem(tmp_path: Path) -> None:
    signatures, rules = tmp_path / "signatures.toml", tmp_path / "rules.toml"
    signatures.write_text("[[signature]]\nname = 'a'\n")
    rules.write_text("hang = 'off'")
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/x.db",
        trainwatch_signatures=signatures,
        trainwatch_rules=rules,
        _env_file=None,
    )
    results = {result.subject: result for result in await check_setup(settings)}
    assert (True, f"{rules} is valid") == (results["Rules file"].ok, results["Rules file"].found)
    wrong = results["Signatures file"]
    assert not wrong.ok
    assert f"TRAINWATCH_SIGNATURES: {signatures}: line 1: Signature a needs a name and a pattern." == wrong.found


async def test_check_reads_the_access_file_and_its_user_groups(tmp_path: Path) -> None:
    access, slack = tmp_path / "access.toml", create_slack(scopes=GRANTED)
    access.write_text('default = "read"\n[[grant]]\nrole = "operate"\ngroups = ["S0ONCALL", "S0GONE"]')
    async with served(slack):
        settings = Settings(
            database_url=f"sqlite:///{tmp_path}/x.db",
            slack_bot_token=BOT_TOKEN,
            slack_api_url=slack.api_url,
            trainwatch_access=access,
            _env_file=None,
        )
        results = {result.subject: result for result in await check_setup(settings)}
        access.write_text('default = "boss"')
        damaged = {result.subject: result for result in await check_setup(settings)}
    assert (True, f"{access} is valid") == (results["Access file"].ok, results["Access file"].found)
    assert (True, "1 member") == (results["User group S0ONCALL"].ok, results["User group S0ONCALL"].found)
    assert (False, "The user group does not exist.") == (
        results["User group S0GONE"].ok,
        results["User group S0GONE"].found,
    )
    assert f"TRAINWATCH_ACCESS: {access}: `default`: Invalid enum value 'boss'." == damaged["Access file"].found


@pytest.mark.parametrize("text", ["teams = 5", "default = "])
async def test_the_bot_does_not_start_with_an_invalid_access_file(tmp_path: Path, text: str) -> None:
    access = tmp_path / "access.toml"
    access.write_text(text)
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/x.db",
        slack_bot_token="xoxb-1",
        slack_app_token="xapp-1",
        slack_api_url="http://127.0.0.1:9/",
        trainwatch_access=access,
        _env_file=None,
    )
    with pytest.raises(ConfigError, match="TRAINWATCH_ACCESS"):
        await app.serve(settings)


async def test_the_bot_does_not_start_with_an_invalid_file(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("hagn = 'off'")
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/x.db",
        slack_bot_token="xoxb-1",
        slack_app_token="xapp-1",
        slack_api_url="http://127.0.0.1:9/",
        trainwatch_rules=rules,
        _env_file=None,
    )
    with pytest.raises(ConfigError) as caught:
        await app.serve(settings)
    assert "line 1: There is no rule `hagn`; did you mean `hang`?" in caught.value.public
