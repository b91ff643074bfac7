"""The emulated Slack with a real Bolt app on its Socket Mode, and a clock tests can turn."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack.app import APP_TOKEN, BOT_TOKEN, Slack, create_slack, served
from tests.support.waiting import LONGEST_S


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def slack(clock: Clock) -> AsyncIterator[Slack]:
    slack = create_slack(clock=clock)
    slack.sockets.ack_within_s = LONGEST_S
    async with served(slack):
        yield slack


@pytest.fixture
def client(slack: Slack) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=slack.api_url)


@pytest.fixture
def bolt(client: AsyncWebClient) -> AsyncApp:
    """A Bolt app without listeners yet; `connected` puts it on the socket."""
    return AsyncApp(client=client)


@pytest_asyncio.fixture
async def connected(slack: Slack, bolt: AsyncApp) -> AsyncIterator[AsyncApp]:
    handler = AsyncSocketModeHandler(bolt, APP_TOKEN, ping_interval=10)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.sockets.wait_for_connections()
    yield bolt
    await handler.close_async()  # type: ignore[no-untyped-call]
