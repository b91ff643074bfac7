"""App Home through real Bolt: who sees what, filters that stay, and refreshing that costs little."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from bot.domain.alerts import DeliveryKind
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP
from bot.domain.dashboard import MINE, HomeFilter
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.providers.base import RequestRate
from bot.slack.home_refresh import HomeRefresher, RefreshSettings
from bot.slack.render.home import HomeAction
from bot.store.schema import incidents
from bot.store.store import Store
from emulator.slack.model import User, View
from tests.fakes.provider import FakeProvider
from tests.integration.slack_harness import SlackHarness, create_provider, running, slack_with_scopes
from tests.support.scopes import GRANTED
from tests.support.waiting import eventually
from tests.unit.slack.factories import alert, incident, job
from tests.unit.slack.validity import view_problems

MINUTE = timedelta(minutes=1)


@dataclass
class RateReportingProvider(FakeProvider):
    """Also reports how often it is called."""

    def request_rate(self) -> RequestRate:
        return RequestRate(1234, 3200)


async def opened(harness: SlackHarness, user: str = "ada") -> View:
    """Open App Home."""
    seen = await harness.slack.person_actions.open_home(user)
    assert seen.view is not None
    assert [] == view_problems(seen.view.source)
    return seen.view


async def chosen(harness: SlackHarness, view: View, action: HomeAction, value: str) -> str:
    """Choose in a filter; return what App Home shows then."""
    seen = await harness.slack.person_actions.select("ada", view, action, value)
    assert seen.view is not None
    return str(seen.view.source)


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[SlackHarness]:
    simple = create_provider()
    provider = RateReportingProvider(simple.lines, name="baseten", jobs=simple.jobs)
    async with running(SlackHarness(store, provider=provider)) as harness:
        yield harness


async def add(harness: SlackHarness, name: str, channel: str = "#training", user: str = "U0BEN") -> None:
    """Have a channel watch a job."""
    place, ref = harness.channel(channel).id, JobRef("baseten", name)
    await harness.store.subscriptions.add(place, "T1", ref, user, RuleSettings(), harness.clock())


async def test_home_shows_the_alerts_of_the_persons_channels_and_the_operators_figures(harness: SlackHarness) -> None:
    now = harness.clock()
    harness.clock.now = now - 2 * MINUTE
    about = replace(incident(alert(), alert("tw-2")), channel=harness.channel().id)
    await harness.save_incident(about, DeliveryKind.ROOT, *[DeliveryKind.NOTE] * 3)
    await harness.store.heartbeat(DELIVERY_LOOP, now - 3 * MINUTE)
    await harness.store.heartbeat(POLL_LOOP, now - 3 * MINUTE)
    harness.clock.now = now

    shown = str((await opened(harness, "chen")).source)

    for fact in ("Errors in the log", "no owner", "Acknowledge", "🔴 Alert delivery is late", "has not checked"):
        assert fact in shown
    for fact in ("Polling is 1 min behind schedule", "4 messages not sent yet", "baseten: 1,234 of 3,200 requests"):
        assert fact in shown


async def test_an_alert_links_to_its_message_for_members_only(harness: SlackHarness) -> None:
    secret = harness.slack.workspace.add_channel("secret", members=["ada", "trainwatch"], is_private=True)
    bens = replace(job(), user="Ben@example.com")
    await harness.save_incident(replace(incident(of=bens), channel=secret.id), DeliveryKind.ROOT)
    await harness.deliver()
    assert f"/archives/{secret.id}/p" in str((await opened(harness)).source)
    own = str((await opened(harness, "ben")).source)
    assert "Errors in the log" in own
    assert secret.id not in own
    assert "Errors in the log" not in str((await opened(harness, "chen")).source)
    await harness.store.incidents.acknowledge(incident().id, "U0ADA", harness.clock())
    assert "Errors in the log" not in str((await opened(harness, "ben")).source)


async def test_filters_stay_chosen_for_the_person(harness: SlackHarness) -> None:
    await add(harness, "one")
    await add(harness, "two", "#alerts", "U0ADA")
    view = await opened(harness)
    assert "`baseten:one`" in str(view.source)
    assert "`baseten:one`" not in await chosen(harness, view, HomeAction.SCOPE, MINE)
    view = await opened(harness)
    assert "`baseten:one`" not in str(view.source)
    assert "baseten:two" not in await chosen(harness, view, HomeAction.FAILING, "failing")
    assert "`baseten:one`" in str((await opened(harness, "ben")).source)
    kept, _ = await harness.store.homes.use("U0ADA", harness.clock())
    assert HomeFilter(MINE, failing_only=True) == kept.chosen


@pytest.mark.parametrize(
    ("missing", "note"),
    [
        ({"channels:read", "groups:read"}, "your public and private channels are missing"),
        ({"groups:read"}, "your private channels are missing"),
        ({"users:read.email"}, "users:read.email"),
    ],
)
async def test_a_missing_scope_is_named_where_it_hurts(store: Store, missing: set[str], note: str) -> None:
    slack = slack_with_scopes([scope for scope in GRANTED if scope not in missing])
    async with running(SlackHarness(store, slack)) as harness:
        await add(harness, "mine", user="U0ADA")
        shown = str((await opened(harness)).source)
    assert note in shown
    assert "baseten:mine" in shown


async def test_home_has_a_note_while_slack_does_not_list_channels(harness: SlackHarness) -> None:
    harness.slack.fail("users.conversations", "internal_error")
    assert "does not say at the moment which channels you are in" in str((await opened(harness)).source)


async def test_leaving_a_private_channel_hides_its_jobs_at_once(harness: SlackHarness) -> None:
    harness.slack.workspace.add_channel("secret", members=["ada", "trainwatch"], is_private=True)
    await add(harness, "hidden", "#secret")
    assert "baseten:hidden" in str((await opened(harness)).source)
    harness.slack.person_actions.leave("ada", "#secret")
    await eventually(lambda: not harness.listeners._memberships._known)
    assert "baseten:hidden" not in str((await opened(harness)).source)


def refresher(harness: SlackHarness, settings: RefreshSettings | None = None) -> HomeRefresher:
    return HomeRefresher(harness.listeners.home, harness.app.client, settings)


def shown_at(harness: SlackHarness, user: str = "ada") -> str:
    view = harness.slack.workspace.home(user)
    assert view is not None
    return str(view.source)


async def test_an_open_home_is_refreshed_only_when_its_content_changed(harness: SlackHarness) -> None:
    await opened(harness)
    loop = refresher(harness)
    harness.clock.advance(MINUTE)
    assert 0 == await loop.tick()
    await add(harness, "new")
    harness.clock.advance(MINUTE)
    assert 1 == await loop.tick()
    assert "baseten:new" in shown_at(harness)
    await add(harness, "later")
    harness.clock.advance(20 * MINUTE)
    assert 0 == await loop.tick(), "nobody has used it for a while"


async def test_another_process_refreshes_the_homes_of_one_that_was_killed(harness: SlackHarness) -> None:
    await opened(harness)
    other = SlackHarness(harness.store, harness.slack, clock=harness.clock)
    other.start()
    await add(harness, "new")
    harness.clock.advance(MINUTE)
    first, second = refresher(harness), refresher(other)
    assert [1, 0] == [await second.tick(), await first.tick()]
    assert "baseten:new" in shown_at(harness)


async def test_a_refused_publish_is_repeated_after_the_wait_that_slack_asks_for(harness: SlackHarness) -> None:
    await opened(harness)
    loop = refresher(harness)
    await add(harness, "new")
    harness.clock.advance(MINUTE)
    harness.slack.fail("views.publish", "ratelimited", retry_after_s=30)
    assert 0 == await loop.tick()
    harness.clock.advance(MINUTE / 4)
    assert 0 == await loop.tick()
    harness.clock.advance(MINUTE / 3)
    assert 1 == await loop.tick()


async def test_a_home_that_slack_refuses_does_not_stop_the_others(harness: SlackHarness) -> None:
    await opened(harness)
    await opened(harness, "ben")
    await harness.store.homes.use("U0GONE", harness.clock())
    await add(harness, "new")
    harness.clock.advance(MINUTE)
    assert 3 == await refresher(harness).tick()
    assert "baseten:new" in shown_at(harness, "ben")
    assert "baseten:new" in shown_at(harness)


async def test_a_row_of_another_version_hides_only_itself(harness: SlackHarness, store: Store) -> None:
    await harness.save_incident(replace(incident(), channel=harness.channel().id), DeliveryKind.ROOT)
    await add(harness, "fine")
    async with store.homes._database.write() as connection:
        await connection.execute(update(incidents).values(value='{"unknown": 1}'))
    assert "baseten:fine" in str((await opened(harness)).source)


async def test_a_pass_that_takes_long_goes_on_later(harness: SlackHarness) -> None:
    await opened(harness)
    await opened(harness, "ben")
    await add(harness, "new")
    harness.clock.advance(MINUTE)
    assert 0 == await refresher(harness, RefreshSettings(build_s=-1.0)).tick()
    assert 2 == await refresher(harness).tick()


@contextmanager
def counted_statements(store: Store) -> Iterator[list[str]]:
    """Every statement that the database runs."""
    statements: list[str] = []
    engine: Any = store.homes._database._engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_many_homes_cost_little(harness: SlackHarness) -> None:
    """The database is read once for everybody, and Slack's rate limit is kept."""
    workspace = harness.slack.workspace
    people = [User(f"U0P{number:04}", f"person{number}", f"Person {number}") for number in range(120)]
    workspace.users |= {one.id: one for one in people}
    workspace.channel("#training").members.update(one.id for one in people)
    for one in people:
        await harness.store.homes.use(one.id, harness.clock())
    loop = refresher(harness, RefreshSettings(per_minute=60))
    assert 60 == await loop.tick()
    harness.clock.advance(MINUTE)
    assert 60 == await loop.tick()
    harness.clock.advance(MINUTE)
    with counted_statements(harness.store) as statements:
        assert 0 == await loop.tick()
    assert len(statements) < 30
    await add(harness, "new")
    harness.clock.advance(MINUTE)
    with counted_statements(harness.store) as statements:
        assert 60 == await loop.tick()
    assert len(statements) < 30
    harness.clock.advance(MINUTE)
    assert 60 == await loop.tick()
    assert all("baseten:new" in shown_at(harness, one.name) for one in people)
