"""A store on SQLite, a clock, a fake provider, and a poller of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from bot.watcher.poll import Poller
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider
from tests.integration.polling import DATABASE, create_poller


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path / DATABASE}"
    await upgrade(url)
    store = await open_store(url)
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
