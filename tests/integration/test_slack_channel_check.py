"""`/train check`: what is misconfigured in a channel, who can fix it, and what each role sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.commands.access_file import parse_access
from bot.domain.alerts import DeliveryKind, Severity
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP
from bot.domain.jobs import JobRef
from bot.domain.notify import MentionTarget, NotifySettings
from bot.domain.subscriptions import RuleSettings
from bot.errors import AuthFailed
from bot.slack.setup_check import OPTIONAL_SCOPES, SCOPES
from bot.store.store import Store
from tests.integration.slack_harness import SlackHarness, running, slack_with_scopes
from tests.support.scopes import GRANTED
from tests.unit.slack.factories import incident

MINUTE = timedelta(minutes=1)


async def checked(harness: SlackHarness, user: str = "ada", channel: str = "#training") -> str:
    """What `/train check` shows."""
    seen = await harness.command("check", user=user, channel=channel)
    (answer,) = seen.messages
    return str(answer.blocks)


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[SlackHarness]:
    async with running(SlackHarness(store)) as harness:
        for loop in (POLL_LOOP, DELIVERY_LOOP):
            await store.heartbeat(loop, harness.clock())
        yield harness


async def watch(harness: SlackHarness) -> None:
    ref = JobRef("baseten", "p/one")
    place = harness.channel().id
    await harness.store.subscriptions.add(place, "T1", ref, "U0ADA", RuleSettings(), harness.clock())


async def test_nothing_is_wrong(harness: SlackHarness) -> None:
    await watch(harness)
    found = await checked(harness)
    assert "*No problems found here.*" in found
    for fact in ("This channel", "Slack", "Database", "Polling", "Subscriptions", "baseten"):
        assert fact in found


async def test_a_channel_without_the_bot_and_without_jobs(harness: SlackHarness) -> None:
    found = await checked(harness, channel="#alerts")
    for fact in ("trainwatch is not in it", "/invite @trainwatch", "No job is watched here", "by anyone here"):
        assert fact in found


@pytest.mark.parametrize("scope", sorted(OPTIONAL_SCOPES))
async def test_each_missing_scope_names_the_feature_that_suffers(store: Store, scope: str) -> None:
    slack = slack_with_scopes([one for one in GRANTED if one != scope])
    async with running(SlackHarness(store, slack)) as harness:
        found = await checked(harness)
    assert f"Scope {scope}" in found
    assert SCOPES[scope].split("`")[0][:60] in found
    assert "whoever installed the Slack app" in found


async def test_a_refused_key_is_a_problem_whose_remedy_only_administrators_see(store: Store) -> None:
    access = parse_access('default = "read"\n[[grant]]\nrole = "administer"\nusers = ["U0ADA"]')
    async with running(SlackHarness(store, access=access)) as harness:
        harness.provider.list_error = AuthFailed("Baseten refused the key.")
        admin, reader = await checked(harness), await checked(harness, "ben")
    assert "Baseten refused the key." in admin
    assert "Set BASETEN_API_KEY" in admin
    assert "Baseten refused the key." in reader
    assert "BASETEN_API_KEY" not in reader
    assert "whoever runs trainwatch" in reader


async def test_late_loops_and_undelivered_alerts_are_reported(harness: SlackHarness) -> None:
    place = harness.channel().id
    await harness.save_incident(incident(), DeliveryKind.ROOT)
    harness.clock.advance(5 * MINUTE)
    found = await checked(harness)
    for fact in ("Polling*: last run 5 min ago", "behind schedule", "1 message not sent yet"):
        assert fact in found, found
    assert place not in found


async def test_mentions_that_reach_nobody_are_named(harness: SlackHarness) -> None:
    def mention(_: NotifySettings) -> NotifySettings:
        gone = MentionTarget("U0GONE", "grace"), MentionTarget("S0GONE", "oncall"), MentionTarget("U0BEN", "ben")
        return NotifySettings(mentions={Severity.PAGE: gone})

    await harness.store.preferences.change_channel(harness.channel().id, mention, "U0ADA", harness.clock())
    found = await checked(harness)
    assert "grace cannot be found in Slack" in found
    assert "oncall cannot be found in Slack" in found
    assert "ben cannot" not in found


async def test_a_silence_of_everything_is_reported(harness: SlackHarness) -> None:
    now = harness.clock()
    await harness.store.silences.add(harness.channel().id, (), "U0BEN", now + 90 * MINUTE, now)
    assert "All alerts here are silenced for another 1 h 30 min." in await checked(harness)


async def test_a_person_without_a_role_may_check(store: Store) -> None:
    async with running(SlackHarness(store, access=parse_access('default = "none"'))) as harness:
        assert "found here" in await checked(harness)
