"""Links to jobs through real Bolt: what they show, to whom, and what the preview's buttons do."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from bot.domain.access import AccessPolicy, AccessRole, Grant
from bot.slack.render.blocks import Action
from bot.store.store import Store
from emulator.slack.model import Json, Message
from tests.integration.slack_harness import SECRET, SlackHarness, running, slack_with_scopes
from tests.support.scopes import GRANTED
from tests.unit.slack.factories import REF, incident
from tests.unit.slack.validity import own_problems

URL = f"https://mem.example/{REF.id}"


async def preview(harness: SlackHarness, text: str = URL, channel: str = "#training") -> tuple[Message, Json]:
    """A message with a link, and its preview."""
    harness.slack.workspace.app.unfurl_domains = ("mem.example",)
    posted = harness.slack.person_actions.say("ben", channel, text)
    (shown,) = await harness.slack.person_actions.until(lambda: posted.attachments)
    assert [] == list(own_problems(shown["blocks"]))
    return posted, shown


async def no_preview(harness: SlackHarness, text: str = URL) -> None:
    harness.slack.workspace.app.unfurl_domains = ("mem.example",)
    posted = harness.slack.person_actions.say("ben", "#training", text)
    with contextlib.suppress(TimeoutError):
        await harness.slack.person_actions.until(lambda: posted.attachments, timeout_s=0.3)
    assert posted.attachments is None


async def test_a_link_shows_the_job_with_one_request(harness: SlackHarness) -> None:
    before = len(harness.provider.job_queries)
    _, shown = await preview(harness, f"please see <{URL}|here> <!channel>")
    text = str(shown["blocks"])
    assert "*running*" in text
    assert f"`{REF}`" in text
    assert "Watch here" in text
    assert before + 1 == len(harness.provider.job_queries)


async def test_the_preview_of_a_watched_job_needs_no_request(harness: SlackHarness) -> None:
    await harness.save_incident(replace(incident(), channel=harness.channel().id))
    before = len(harness.provider.job_queries)
    _, shown = await preview(harness)
    assert before == len(harness.provider.job_queries)
    assert "Watch here" not in str(shown["blocks"])
    assert "watched here" in str(shown["blocks"])


async def test_the_button_watches_the_job_and_answers_in_the_thread(harness: SlackHarness) -> None:
    posted, _ = await preview(harness)
    await harness.slack.person_actions.click("ada", posted, Action.CHANGE.value)
    (listed,) = await harness.store.subscriptions.list(harness.channel().id)
    assert REF == listed.subscription.job
    (answer,) = harness.channel().replies(posted.ts)
    assert "Watching" in answer.text


async def test_a_secret_in_the_job_is_hidden(harness: SlackHarness) -> None:
    harness.provider.jobs[REF.id] = replace(harness.provider.jobs[REF.id], name=f"run {SECRET} <!channel>")
    _, shown = await preview(harness)
    assert SECRET not in str(shown)
    assert "<!channel>" not in str(shown)


async def test_other_links_and_unknown_jobs_have_no_preview(harness: SlackHarness) -> None:
    await no_preview(harness, "https://mem.example/settings and https://example.org")
    await no_preview(harness, "https://mem.example/p7/gone")


async def test_a_channel_that_may_not_read_the_job_sees_nothing(store: Store) -> None:
    grant = Grant(AccessRole.READ, channels=frozenset({"C9"}))
    async with running(SlackHarness(store, access=AccessPolicy(default=AccessRole.NONE, grants=(grant,)))) as harness:
        await no_preview(harness)


async def test_without_the_scopes_nothing_happens(store: Store) -> None:
    for missing in ("links:read", "links:write"):
        scopes = [scope for scope in GRANTED if scope != missing]
        async with running(SlackHarness(store, slack_with_scopes(scopes))) as harness:
            await no_preview(harness)


async def test_a_preview_whose_buttons_are_refused_is_shown_without_them(harness: SlackHarness) -> None:
    harness.slack.fail("chat.unfurl", "invalid_blocks")
    _, shown = await preview(harness)
    assert ["section", "context"] == [one["type"] for one in shown["blocks"]]
