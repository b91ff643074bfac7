"""An outage of Slack: nothing is sent until a ping and one message succeed."""

from __future__ import annotations

import asyncio

from bot.errors import DeliveryError
from bot.watcher.outage import Outage, OutageSettings
from tests.support.virtual_time import in_virtual_time

SETTINGS = OutageSettings(failures=2, slow_s=5.0, ping_every_s=1.0, ping_timeout_s=3.0, longest_ping_s=30.0)


class Slack:
    """Answers pings, does not answer, or hangs."""

    def __init__(self) -> None:
        self.is_up, self.hangs, self.pings = True, False, 0

    async def ping(self) -> None:
        self.pings += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if not self.is_up:
            raise DeliveryError("Unreachable.", reason="x", permanent=False, unreachable=True)


def fail(outage: Outage, *deliveries: int, unreachable: bool = True) -> None:
    for delivery in deliveries:
        outage.start(delivery)
        outage.fail(delivery, unreachable=unreachable)


@in_virtual_time
async def test_failures_in_a_row_are_an_outage() -> None:
    outage = Outage(Slack().ping, SETTINGS)
    fail(outage, 1)
    assert outage.room() is None
    outage.start(2)
    outage.succeed(2)
    fail(outage, 3)
    assert outage.room() is None
    fail(outage, 4)
    assert outage.room() == 0


@in_virtual_time
async def test_a_channel_that_refuses_does_not_count_as_outage() -> None:
    outage = Outage(Slack().ping, SETTINGS)
    fail(outage, *range(9), unreachable=False)
    assert outage.room() is None


@in_virtual_time
async def test_after_a_ping_one_message_is_tried_and_its_success_ends_the_outage() -> None:
    slack = Slack()
    outage = Outage(slack.ping, SETTINGS)
    slack.is_up = False
    fail(outage, 1, 2)
    assert not await outage.check()

    slack.is_up = True
    await asyncio.sleep(1)
    assert await outage.check()
    assert outage.room() == 1
    outage.start(3)
    assert outage.room() == 0
    assert outage.succeed(3)
    assert outage.room() is None


@in_virtual_time
async def test_pings_come_every_second_and_later_only_while_slack_answers_them() -> None:
    slack = Slack()
    outage = Outage(slack.ping, SETTINGS)
    slack.is_up = False
    fail(outage, 1, 2)
    for _ in range(100):
        await outage.check()
        await asyncio.sleep(0.1)
    assert 9 <= slack.pings <= 11

    slack.is_up = True
    for number in range(1000):
        if await outage.check():
            fail(outage, number)
        await asyncio.sleep(0.1)
    assert slack.pings < 25


@in_virtual_time
async def test_a_message_without_an_answer_is_an_outage() -> None:
    slack = Slack()
    outage = Outage(slack.ping, SETTINGS)
    outage.start(1)
    await asyncio.sleep(4)
    await outage.check()
    assert outage.room() is None

    slack.hangs = True
    await asyncio.sleep(2)
    assert not await outage.check()
    assert outage.room() == 0


@in_virtual_time
async def test_a_slow_message_does_not_count_while_later_ones_arrive() -> None:
    outage = Outage(Slack().ping, SETTINGS)
    outage.start(1)
    for number in range(2, 20):
        outage.start(number)
        outage.succeed(number)
        await asyncio.sleep(1)
        await outage.check()
        assert outage.room() is None


@in_virtual_time
async def test_the_first_success_of_a_process_releases_what_its_predecessor_left() -> None:
    outage = Outage(Slack().ping, SETTINGS)
    outage.start(1)
    assert outage.succeed(1)
    outage.start(2)
    assert not outage.succeed(2)
