"""Notes about running commands, counted in virtual time: a burst of commands leaves room for polls and alerts."""

from __future__ import annotations

import asyncio

from slack_bolt.async_app import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookResponse

from bot.providers.budget import CommandBudget
from bot.slack.reply import Reply
from bot.slack.running_commands import NoteTimes, RunningCommands
from tests.support.virtual_time import in_virtual_time

COMMANDS, SEND_S = 300, 0.1


class CountingRespond(AsyncRespond):
    """A response URL that takes a while."""

    def __init__(self) -> None:
        super().__init__(response_url="https://slack.invalid")
        self.in_flight = self.most = self.sent = 0

    async def __call__(self, *_arguments: object, **_options: object) -> WebhookResponse:
        """Count a note."""
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        await asyncio.sleep(SEND_S)
        self.in_flight -= 1
        self.sent += 1
        return WebhookResponse(url="", status_code=200, body="ok", headers={})


@in_virtual_time
async def test_two_notes_of_a_burst_are_sent_at_a_time_and_none_after_the_answer() -> None:
    respond, running = CountingRespond(), RunningCommands(NoteTimes(patience_s=2.0, progress_s=600.0))
    reply = Reply(AsyncWebClient("xoxb-1"), "C1", "U1", respond)

    async def command(takes_s: float) -> None:
        async with running.noted(reply, CommandBudget(), "baseten:p/j", reads_all=False):
            await asyncio.sleep(takes_s)

    await asyncio.gather(*(command(7.05) for _ in range(COMMANDS)))
    assert respond.most == 2
    assert respond.sent == 2 * 50  # from 2 s to 7 s
    assert running.budgets == {}
