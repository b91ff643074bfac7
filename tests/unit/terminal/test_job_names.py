"""Job names and local times typed in a shell."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.terminal.exit_codes import ExitCode
from bot.terminal.system_zone import SystemZone
from tests.fakes.provider import FakeProvider
from tests.unit.terminal.shell import Shell


@pytest.fixture
def shell() -> Shell:
    provider = FakeProvider(jobs={})
    for job_id, name in (("p1/h8gpu42", "llama-70b-sft"), ("p1/h8gpu43", "llama-70b-dpo")):
        provider.add_job(job_id, name=name)
    return Shell(provider)


async def test_a_name_is_resolved_and_named_on_standard_error(shell: Shell) -> None:
    assert await shell.type("status", "llama-70b-sft", "--json") is ExitCode.OK
    assert '"ref": "mem:p1/h8gpu42"' in shell.out
    assert shell.err == "`llama-70b-sft` is `mem:p1/h8gpu42`.\n"


@pytest.mark.parametrize("command", ["status", "logs", "watch", "metrics", "diagnose"])
async def test_an_ambiguous_name_lists_full_references(shell: Shell, command: str) -> None:
    assert await shell.type(command, "llama") is ExitCode.USAGE
    assert shell.out == ""
    assert shell.err == (
        "trainwatch: 2 jobs match `llama`. Which one?\n"
        "  mem:p1/h8gpu42  llama-70b-sft, running\n"
        "  mem:p1/h8gpu43  llama-70b-dpo, running\n"
    )


@pytest.mark.parametrize("command", ["status", "watch"])
async def test_a_missing_job_suggests_similar_ones(shell: Shell, command: str) -> None:
    assert await shell.type(command, "mem:p1/h8gpu44") is ExitCode.FAILED
    assert "There is no job mem:p1/h8gpu44. Did you mean:\n" in shell.err
    assert "  mem:p1/h8gpu42  llama-70b-sft, running\n" in shell.err


@pytest.fixture(params=["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield ZoneInfo(request.param)
    monkeypatch.undo()
    time.tzset()


def test_the_zone_of_the_machine_changes_its_clocks(zone: ZoneInfo) -> None:
    system = SystemZone()
    for hour in range(0, 366 * 24, 5):
        at = datetime.fromtimestamp(1_767_225_600 + hour * 3600, UTC)
        local, expected = at.astimezone(system), at.astimezone(zone)
        assert (local.replace(tzinfo=None), local.fold) == (expected.replace(tzinfo=None), expected.fold)
        assert local.astimezone(UTC) == at
