"""Whose channels Slack lists: page by page, few times, and with what is known while it does not answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.slack.client import create_client
from bot.slack.memberships import Memberships
from emulator.slack.app import BOT_TOKEN, Slack, create_slack, served
from emulator.slack.limits import RateLimits
from tests.fakes.clock import ManualClock
from tests.unit.slack.factories import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture
def slack() -> Slack:
    return create_slack(limits=RateLimits(enabled=False))


async def test_all_pages_are_read_and_kept(slack: Slack) -> None:
    for number in range(1200):
        slack.workspace.add_channel(f"c{number}", members=["ada"])
    clock = ManualClock(NOW)
    async with served(slack):
        client, memberships = create_client(BOT_TOKEN, slack.api_url), Memberships(clock)
        first, second = await asyncio.gather(memberships.get(client, "U0ADA"), memberships.get(client, "U0ADA"))
        assert first is second
        assert {"c0", "c1199", "training"} <= set(first.channels.values())
        slack.fail("users.conversations", "internal_error", times=9)
        clock.advance(10 * MINUTE)
        assert first is await memberships.get(client, "U0ADA")


async def test_an_old_answer_is_used_while_slack_gives_none_but_not_for_long(slack: Slack) -> None:
    clock = ManualClock(NOW)
    async with served(slack):
        client, memberships = create_client(BOT_TOKEN, slack.api_url), Memberships(clock)
        first = await memberships.get(client, "U0ADA")
        slack.fail("users.conversations", "ratelimited", status=429, retry_after_s=30, times=99)
        clock.advance(20 * MINUTE)
        assert first is await memberships.get(client, "U0ADA")
        assert not (await memberships.get(client, "U0BEN")).is_known, "Slack is left alone for a while"
        clock.advance(120 * MINUTE)
        assert not (await memberships.get(client, "U0ADA")).is_known


async def test_a_person_who_left_is_asked_about_again(slack: Slack) -> None:
    async with served(slack):
        client, memberships = create_client(BOT_TOKEN, slack.api_url), Memberships(ManualClock(NOW))
        assert "training" in (await memberships.get(client, "U0ADA")).channels.values()
        slack.person_actions.leave("ada", "#training")
        memberships.forget("U0ADA")
        assert "training" not in (await memberships.get(client, "U0ADA")).channels.values()


async def test_an_answer_from_before_a_person_left_is_not_kept(slack: Slack) -> None:
    async with served(slack):
        client, memberships = create_client(BOT_TOKEN, slack.api_url), Memberships(ManualClock(NOW))
        asked = asyncio.create_task(memberships.get(client, "U0ADA"))
        await asyncio.sleep(0)  # the question is on its way
        memberships.forget("U0ADA")
        await asked
        slack.person_actions.leave("ada", "#training")
        assert "training" not in (await memberships.get(client, "U0ADA")).channels.values()
