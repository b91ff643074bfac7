"""App Home, the welcome and help in a real browser, as a person walks through them on a desktop and on a phone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from bot.domain.alerts import DeliveryKind
from bot.domain.checks import DELIVERY_LOOP, POLL_LOOP
from bot.domain.job_matching import KnownJob, Matcher
from bot.domain.jobs import JobState
from bot.slack.home_refresh import HomeRefresher
from bot.store.store import Store
from tests.integration.slack_harness import SlackHarness, running
from tests.support.browser import chromium
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import REF, incident

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_person_walks_through_home_welcome_and_help(store: Store, width: int) -> None:
    async with chromium() as browser, running(SlackHarness(store)) as harness:
        await prepare(harness)
        page = await browser.new_page(viewport={"width": width, "height": 844})
        page.set_default_timeout(LONGEST_S * 1000)
        expect.set_options(timeout=LONGEST_S * 1000)
        await page.goto(harness.slack.context.base_url)
        await page.locator("body[data-live]").wait_for()

        await a_channel_is_greeted(page, width)
        home = await home_is_opened(page, width)
        await a_job_is_watched_in_three_taps(page, home)
        await an_alert_appears_and_is_acknowledged(page, home, harness)
        await a_silence_is_ended(home, harness)
        await filters_stay(page, home)
        await the_check_and_an_example_of_help_are_answered(page, home)
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= width


async def prepare(harness: SlackHarness) -> None:
    """The index of jobs is filled and the loops run."""
    await harness.store.known_jobs.save([KnownJob(REF, "llama-8b-sft", JobState.RUNNING)], harness.clock())
    for loop in (POLL_LOOP, DELIVERY_LOOP):
        await harness.store.heartbeat(loop, harness.clock())


async def go(page: Page, width: int, place: str) -> None:
    """Open a channel or the app; on a phone the list is behind a button."""
    if width < 600:
        await page.get_by_test_id("menu").click()
    await page.get_by_test_id(place).click()


async def a_channel_is_greeted(page: Page, width: int) -> None:
    await go(page, width, "channel-random")
    await page.get_by_test_id("invite-bot").click()
    hello = page.get_by_test_id("message").filter(has_text="Hi! I post one message")
    await expect(hello.get_by_role("button", name="Watch a job")).to_be_visible()
    await hello.get_by_role("button", name="How it works").click()
    await modal_shows(page, "First steps")


async def home_is_opened(page: Page, width: int) -> Locator:
    await go(page, width, "dm-app")
    home = page.get_by_test_id("home")
    await expect(home).to_contain_text("No job is watched here yet")
    return home


async def a_job_is_watched_in_three_taps(page: Page, home: Locator) -> None:
    await home.get_by_role("button", name="Watch a job").click()
    modal = page.get_by_test_id("modal")
    await modal.get_by_text("llama-8b-sft").click()
    await modal.get_by_test_id("modal-submit").click()
    await modal_shows(page, "Done. The alerts of this job arrive here")
    await expect(home).to_contain_text("1 job running or waiting")


async def an_alert_appears_and_is_acknowledged(page: Page, home: Locator, harness: SlackHarness) -> None:
    about = replace(incident(), channel=harness.channel().id)
    await harness.save_incident(about, DeliveryKind.ROOT)
    await harness.deliver()
    harness.clock.advance(timedelta(minutes=1))
    await HomeRefresher(harness.listeners.home, harness.app.client).tick()
    await expect(home).to_contain_text("Errors in the log")
    await home.get_by_role("button", name="Acknowledge").click()
    await expect(home).to_contain_text("is on it")
    await expect(page.get_by_test_id("modal")).to_have_count(0)


async def a_silence_is_ended(home: Locator, harness: SlackHarness) -> None:
    now = harness.clock()
    ends_at = now + timedelta(hours=1)
    await harness.store.silences.add(harness.channel().id, [Matcher("job", "x:y")], "U0BEN", ends_at, now)
    await home.get_by_role("button", name="Refresh").click()
    await home.get_by_role("button", name="Unmute").click()
    await expect(home.get_by_role("button", name="Unmute")).to_have_count(0)


async def filters_stay(page: Page, home: Locator) -> None:
    await home.get_by_test_id("control-trainwatch_home_failing").select_option("Only failing")
    await expect(home).not_to_contain_text("Running")
    await page.get_by_test_id("tab-messages").click()
    await expect(page.get_by_test_id("message").first).to_contain_text("You get this message once")
    await page.get_by_test_id("tab-home").click()
    await expect(home).to_contain_text("Errors in the log")
    await expect(home).not_to_contain_text("Running")


async def the_check_and_an_example_of_help_are_answered(page: Page, home: Locator) -> None:
    await home.get_by_role("button", name="Check").click()
    await modal_shows(page, "No problems found here")
    await home.get_by_role("button", name="Help").click()
    modal = page.get_by_test_id("modal")
    await modal.get_by_role("button", name="Logs and metrics").click()
    await expect(modal).to_contain_text("help logs")
    await modal.get_by_role("button", name="Run").first.click()
    await modal_shows(page, "no lines")


async def modal_shows(page: Page, text: str) -> None:
    """Wait for a text in the modal, and close it."""
    modal = page.get_by_test_id("modal")
    await expect(modal).to_contain_text(text, ignore_case=True)
    await modal.get_by_test_id("modal-close").click()
    await expect(modal).to_have_count(0)
