"""The states of an alert's message that the demo's stories do not reach, as a person sees them on a phone.

`make images` writes them to docs/images; look at the pictures before you commit them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Page

from bot.domain.alerts import DeliveryKind, Notification
from bot.slack.client import create_client
from bot.slack.notifier import SlackNotifier
from emulator.slack.app import BOT_TOKEN, Slack, create_slack, served
from emulator.slack.limits import RateLimits
from tests.acceptance.test_alert_pictures import DESKTOP, IMAGES, LINES, MAX_LINES, PHONE, open_page, show, take_picture
from tests.support.browser import chromium
from tests.unit.slack.run_samples import BOARDS, RUNS
from tests.unit.slack.samples import DIGESTS, NOTIFICATIONS

STATES = {
    "digest": (DIGESTS["storm"], DIGESTS["storm_list"]),
    "acknowledged": (NOTIFICATIONS["acknowledged"], None),
    "silenced": (NOTIFICATIONS["silenced"], None),
    "escalated": (NOTIFICATIONS["failed"], NOTIFICATIONS["escalated"]),
    "resolved": (NOTIFICATIONS["cleared"], NOTIFICATIONS["reply_resolved"]),
    "job-ended": (NOTIFICATIONS["job_ended"], None),
    "reopened": (NOTIFICATIONS["reopened"], NOTIFICATIONS["reply_returned"]),
    "flapping": (NOTIFICATIONS["flapping"], NOTIFICATIONS["reply_flapping"]),
    "platform-unreachable": (DIGESTS["platform_returning"], None),
    "caught-up": (DIGESTS["caught_up"], None),
    "run": (RUNS["running_with_problems"], RUNS["milestone_reply"]),
    "run-finished": (RUNS["finished"], RUNS["finished_summary"]),
    "runs": (BOARDS["live"], None),
}
NAMES_EVERY_JOB = {"platform-unreachable", "caught-up", "runs"}
"""These messages are as long as they have jobs."""


@pytest.fixture
def pictures(tmp_path: Path, pytestconfig: pytest.Config) -> Path:
    """Where the pictures go."""
    return IMAGES if pytestconfig.getoption("--update-images") else tmp_path


@pytest.mark.browser
@pytest.mark.timeout(600)
async def test_each_state_of_a_message_fits_a_phone(pictures: Path) -> None:
    slack = create_slack(limits=RateLimits(enabled=False))
    async with chromium() as browser, served(slack) as url:
        desktop, phone = [await open_page(browser, url, size) for size in (DESKTOP, PHONE)]
        lines = {}
        for name, (root, reply) in STATES.items():
            await post(slack, root, reply)
            await picture(desktop, pictures / f"{name}-desktop.png")
            lines[name] = await picture(phone, pictures / f"{name}-phone.png")
    assert {name: count for name, count in lines.items() if count > MAX_LINES and name not in NAMES_EVERY_JOB} == {}


async def post(slack: Slack, root: Notification, reply: Notification | None) -> None:
    """Post a root message, and a reply in its thread."""
    notifier = SlackNotifier(create_client(BOT_TOKEN, slack.api_url))
    channel = slack.workspace.channel("#training").id
    receipt = await notifier.send(as_root(root), channel=channel, root=None, delivery_id="dlv-1")
    if reply is not None:
        await notifier.send(reply, channel=channel, root=receipt, delivery_id="dlv-2")


def as_root(notification: Notification) -> Notification:
    """The message as a new one: an edit has nothing to edit here."""
    return replace(notification, kind=DeliveryKind.ROOT)


async def picture(page: Page, path: Path) -> int:
    """Take a picture of the newest message; return its number of lines."""
    await show(page, "training")
    message = page.locator("#list").get_by_test_id("message").last
    await message.scroll_into_view_if_needed()
    await take_picture(message, path)
    count: int = await message.evaluate(LINES)
    return count
