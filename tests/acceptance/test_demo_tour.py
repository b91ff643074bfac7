"""The first minute of ``make demo``: the tour, one story with time moved forward, on a desktop and a phone.

tests/slow/test_demo_stories.py walks every story.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from playwright.async_api import TimeoutError as BrowserTimeout

from emulator.scenarios import SCENARIOS
from tests.acceptance.test_demo_browser import ANSWER_MS, ROOT, demo
from tests.support.accessibility import accessibility_faults
from tests.support.browser import chromium

RETRY_MS = 5_000


@pytest.mark.browser
@pytest.mark.timeout(600)
async def test_the_tour_leads_from_a_story_to_app_home(tmp_path: Path) -> None:
    async with chromium() as browser, demo(tmp_path) as running:
        page = await opened(browser, running.url, 1280, "light")
        await the_tour_notices_what_a_person_does(page)
        phone = await opened(browser, running.url, 390, "dark")
        await expect(phone.get_by_test_id("message").filter(has_text="GPU out of memory")).to_be_visible()
        await phone.get_by_test_id("coach-skip").click()
        await expect(phone.get_by_test_id("coach")).to_be_hidden()
        await phone.reload()
        await phone.locator("body[data-live]").wait_for()
        await expect(phone.get_by_test_id("coach")).to_be_hidden()
        assert await phone.evaluate("document.documentElement.scrollWidth") <= 390
        assert [] == await accessibility_faults(phone)


def test_stories_are_listed_and_an_unknown_one_is_refused() -> None:
    command = [sys.executable, "-m", "emulator.demo"]
    listed = subprocess.run([*command, "--list-stories"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [one.name for one in SCENARIOS]
    refused = subprocess.run([*command, "--story", "flood"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "invalid choice: 'flood'" in refused.stderr


async def the_tour_notices_what_a_person_does(page: Page) -> None:
    coach = page.get_by_test_id("coach")
    await expect(coach).to_contain_text("Step 1 of 6")
    await page.get_by_test_id("story-out-of-memory").click()
    await expect(coach).to_contain_text("Step 2 of 6")
    alert = page.locator("#list").get_by_test_id("message").filter(has_text="GPU out of memory")
    await skip_until(page, alert)
    await expect(coach).to_contain_text("Step 3 of 6")
    await alert.get_by_test_id("button-trainwatch_acknowledge").click()
    await expect(alert).to_contain_text("Acknowledged by")
    await expect(coach).to_contain_text("Step 4 of 6")
    await press_until(alert.get_by_role("button", name="Logs"), page.get_by_test_id("modal"))
    await expect(page.get_by_test_id("modal")).to_contain_text("CUDA out of memory")
    assert [] == await accessibility_faults(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    await expect(alert.get_by_role("button", name="Logs")).to_be_focused()
    await page.get_by_test_id("coach-example").click()
    await expect(page.get_by_test_id("composer")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(coach).to_contain_text("Step 6 of 6")
    await page.get_by_test_id("dm-app").click()
    await expect(coach).to_contain_text("That was the first minute")
    await expect(page.get_by_test_id("home")).to_contain_text("Open alerts")
    assert [] == await accessibility_faults(page)


async def opened(browser: Browser, url: str, width: int, scheme: str) -> Page:
    """Open the page of a demo in a new window, which remembers nothing."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    page.set_default_timeout(ANSWER_MS)
    expect.set_options(timeout=ANSWER_MS)
    await page.goto(url)
    await page.locator("body[data-live]").wait_for()
    return page


async def skip_until(page: Page, wanted: Locator) -> None:
    """Move time to the next event, and the next, then by minutes, until something is visible."""
    while not await appears(wanted):
        for move in (page.get_by_test_id("advance-next"), page.get_by_test_id("advance-60")):
            if await move.is_enabled():
                await try_to_press(move)
                break


async def press_until(button: Locator, wanted: Locator) -> None:
    """Press until a modal opens: a slow machine may miss the three seconds that Slack gives the app."""
    await button.click()
    while not await appears(wanted):
        await try_to_press(button)


async def try_to_press(button: Locator) -> None:
    """Press, unless the button is off or covered by now."""
    with contextlib.suppress(BrowserTimeout):
        await button.click(timeout=RETRY_MS)


async def appears(wanted: Locator) -> bool:
    """Wait a while for something to be visible."""
    try:
        await wanted.first.wait_for(timeout=RETRY_MS)
    except BrowserTimeout:
        return False
    return True
