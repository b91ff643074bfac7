"""A store on SQLite, a clock, a fake provider with its poller, and the bot on an emulated Slack."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from bot.watcher.poll import Poller
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider
from tests.integration.polling import DATABASE, create_poller
from tests.integration.slack_harness import SlackHarness, running


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with our schema and no rows, to copy."""
    path = tmp_path_factory.mktemp("template") / DATABASE
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture
async def store(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Store]:
    shutil.copy(sqlite_template, tmp_path / DATABASE)
    store = await open_store(f"sqlite:///{tmp_path / DATABASE}")
    yield store
    await store.aclose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider(page_lines=2_000)


@pytest.fixture
async def poller(store: Store, provider: FakeProvider, clock: ManualClock) -> AsyncIterator[Poller]:
    poller = create_poller(store, clock, provider)
    yield poller
    await poller.stop()


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[SlackHarness]:
    async with running(SlackHarness(store)) as harness:
        yield harness
