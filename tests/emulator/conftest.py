"""The emulated vendors on a loopback port, as one fixture."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.cloud import Cloud, running_cloud


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with running_cloud() as cloud:
        yield cloud
