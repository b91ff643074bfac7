"""Every argument of every command with every absurd value, in both frontends."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE
from bot.store.migrate import upgrade
from bot.store.store import open_store
from tests.integration.test_absurd_arguments import ABSURD, names, type_in_shell, type_in_slack

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", names(SLACK_TABLE))
async def test_each_command_in_slack_is_answered(name: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trainwatch.db'}"
    await upgrade(url)
    store = await open_store(url)
    try:
        await type_in_slack(name, ABSURD, store)
    finally:
        await store.aclose()


@pytest.mark.parametrize("name", names(SHELL_TABLE))
async def test_each_command_in_a_shell_is_answered(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await type_in_shell(name, ABSURD)
