"""Patterns in Slack, with real Bolt on the emulated Slack: direct messages, confirmations, announcements and roles."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.access_file import parse_access
from bot.domain.jobs import JobRef
from bot.redaction.redactor import Redactor
from bot.slack.render.blocks import Action
from bot.store.store import Store
from bot.watcher.listing import JobLister, ListingSettings
from emulator.slack.model import Channel
from tests.fakes.provider import registry_of
from tests.integration.slack_harness import SlackHarness, running
from tests.unit.slack.factories import REF, job


def add_jobs(harness: SlackHarness, *ids: str, user: str = "ada@example.com") -> None:
    for id in ids:
        new = replace(job(), ref=JobRef("baseten", id), name=id.rpartition("/")[2], user=user)
        harness.provider.jobs[id] = new


async def list_and_deliver(harness: SlackHarness) -> None:
    """List the platform again, as the loop does, and send what is due."""
    lister = JobLister(registry_of(harness.provider), harness.store, harness.clock, Redactor())
    harness.clock.advance(ListingSettings().interval)
    while await lister.tick():
        pass
    await harness.deliver()


def texts(channel: Channel) -> list[str]:
    return [message.text for message in channel.messages]


async def test_a_person_watches_their_own_jobs_in_a_direct_message(harness: SlackHarness) -> None:
    add_jobs(harness, "p/mine")
    add_jobs(harness, "p/bens", user="ben@example.com")
    direct = harness.slack.workspace.direct_channel("U0ADA")

    await harness.command("watch baseten:* owner=me", channel=direct.id)
    add_jobs(harness, "p/later")
    add_jobs(harness, "p/bens-later", user="ben@example.com")
    await list_and_deliver(harness)

    made, announced = texts(direct)
    assert made.startswith("Watching every job that matches `baseten:* owner=ada@example.com` (1 job now)")
    assert announced == "Watching a new job: later. It matches `baseten:* owner=ada@example.com`."
    watched = {one.subscription.job.id for one in await harness.store.subscriptions.list(direct.id)}
    assert watched == {"p/mine", "p/later"}
    assert texts(harness.channel()) == []


async def test_without_the_address_scope_the_answer_says_what_to_type(harness: SlackHarness) -> None:
    harness.slack.workspace.app.scopes = harness.slack.workspace.app.scopes - {"users:read.email"}
    await harness.command("watch baseten:* owner=me")
    assert "owner=you@example.com" in harness.channel().ephemerals[-1].text


async def test_many_jobs_are_watched_after_a_click_and_announced_in_one_line(harness: SlackHarness) -> None:
    add_jobs(harness, *(f"p/{number}" for number in range(25)))
    await harness.command("watch baseten:p/*")
    (question,) = harness.channel().ephemerals
    assert "Watch 25 jobs that match `baseten:p/*` now" in question.text
    assert texts(harness.channel()) == []

    await harness.slack.person_actions.click("ada", question, Action.REPLACE)
    add_jobs(harness, *(f"p/new-{number}" for number in range(500)))
    await list_and_deliver(harness)
    _, announced = texts(harness.channel())
    assert announced.startswith("Watching 475 new jobs: new-0, new-1, new-2, new-3, new-4 and 470 more.")

    await list_and_deliver(harness)
    assert len(texts(harness.channel())) == 2

    await harness.command("list")
    listed = str(harness.channel().ephemerals[-1].blocks)
    assert listed.index("baseten:p/*") < listed.index("baseten:p/0")
    assert "25 more jobs kept out by the limit of 500" in listed

    await harness.command("unwatch baseten:p/*")
    await harness.slack.person_actions.click("ada", harness.channel().ephemerals[-1], Action.REPLACE)
    assert "stopped watching jobs that match `baseten:p/*`" in texts(harness.channel())[-1]
    assert await harness.store.subscriptions.list(harness.channel().id) == ()


async def test_roles_by_owner_and_by_pattern_of_references(store: Store) -> None:
    policy = parse_access(
        'default = "read"\n[[grant]]\nrole = "operate"\njobs = ["baseten:proj42/*", "owner=ada@example.com"]'
    )
    async with running(SlackHarness(store, access=policy)) as harness:
        add_jobs(harness, "other/hers", "other/more")
        add_jobs(harness, "other/his", user="ben@example.com")
        await harness.command("jobs")

        await harness.command(f"watch {REF}")
        await harness.command("watch baseten:other/hers")
        await harness.command("watch baseten:proj42/job*")
        assert len(texts(harness.channel())) == 3

        for refused in ("watch baseten:other/his", "watch baseten:*", "watch name~llama", "unwatch baseten:other/*"):
            await harness.command(refused)
            assert "needs the role `operate`" in harness.channel().ephemerals[-1].text
        assert len(texts(harness.channel())) == 3
