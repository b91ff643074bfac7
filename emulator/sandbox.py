"""Everything on one port: the vendors, Slack and its page, and the settings that lead a bot there.

Used by the demo (``demo.py``) and by the tests that run the real bot as a process.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from emulator.faults import Faults
from emulator.pagerduty import PagerDuty
from emulator.quirks import Quirks
from emulator.server import Keys, running, vendors
from emulator.slack.app import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Slack, create_slack
from emulator.world import World

CLOUDS = frozenset({"baseten", "fireworks", "rivergen", "storage", "pagerduty", "_emulator"})
"""First path segments that belong to the vendors; all others are Slack's."""


@dataclass(slots=True)
class Sandbox:
    """A running emulator."""

    url: str
    """The page."""
    world: World
    slack: Slack
    faults: Faults
    quirks: Quirks
    keys: Keys
    pagerduty: PagerDuty

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment variables that make a bot talk to this emulator and to nothing else."""
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": f"{self.url}/slack/api/",
            "BASETEN_API_KEY": self.keys.baseten,
            "BASETEN_BASE_URL": f"{self.url}/baseten",
            "FIREWORKS_API_KEY": self.keys.fireworks,
            "FIREWORKS_BASE_URL": f"{self.url}/fireworks",
            "FIREWORKS_ACCOUNT_ID": "acme",
            "RIVERGEN_API_KEY": self.keys.rivergen,
            "RIVERGEN_BASE_URL": f"{self.url}/rivergen",
            "TRAINWATCH_HEALTH_PORT": "0",  # several bots run side by side
        }


@contextlib.asynccontextmanager
async def sandbox(
    world: World, *, slack: Slack | None = None, keys: Keys | None = None, port: int = 0
) -> AsyncIterator[Sandbox]:
    """Serve the emulator on 127.0.0.1; port 0 takes a free one."""
    slack = slack or create_slack()
    faults, quirks, keys = Faults(), Quirks(), keys or Keys()
    account = PagerDuty()
    clouds = vendors(world, quirks=quirks, faults=faults, keys=keys, pagerduty=account)

    async def everything(scope: Scope, receive: Receive, send: Send) -> None:
        first = scope.get("path", "/").split("/")[1]
        await (clouds if first in CLOUDS else slack.app)(scope, receive, send)

    async with running(everything, port=port) as url:
        slack.context.base_url = url
        try:
            yield Sandbox(url, world, slack, faults, quirks, keys, account)
        finally:
            await slack.aclose()
