"""Every story of the demo in one running demo: what a person sees on a desktop and a phone, in light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from emulator.scenarios import SCENARIOS
from tests.acceptance.test_demo_browser import demo
from tests.acceptance.test_demo_tour import opened, press_until, skip_until
from tests.support.accessibility import accessibility_faults
from tests.support.browser import chromium

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(1800)]

SEEN = {
    "out-of-memory": ("GPU out of memory", "Failed"),
    "hang": ("No new step for 5 min", "spinning in a collective"),
    "nan": ("Loss became NaN",),
    "idle-gpus": ("GPUs idle", "back to normal"),
    "disk-full": ("No space left on device", "Failed"),
    "platform-down": ("can be read again", "3 jobs"),
    "storm": ("200 jobs: Storage error",),
    "ends-well": ("finished after", "step 200 of 200"),
}
"""What the message about each story says in the end."""
SCREENS = tuple((width, scheme) for width in (1280, 390) for scheme in ("light", "dark"))


def test_each_story_has_its_expected_message() -> None:
    assert list(SEEN) == [one.name for one in SCENARIOS]


async def test_each_story_is_shown_truthfully_and_accessibly(tmp_path: Path) -> None:
    async with chromium() as browser, demo(tmp_path) as running:
        pages = [await opened(browser, running.url, *screen) for screen in SCREENS]
        for name, texts in SEEN.items():
            await pages[0].get_by_test_id(f"story-{name}").click()
            wanted = pages[0].locator("#list").get_by_test_id("message")
            for text in texts:
                wanted = wanted.filter(has_text=text)
            await skip_until(pages[0], wanted)
            for page, (width, _) in zip(pages, SCREENS, strict=True):
                await expect(
                    page.locator("#list").get_by_test_id("message").filter(has_text=texts[0]).last
                ).to_be_visible()
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
                assert [] == await accessibility_faults(page), name
        for page in pages:
            assert [] == await surfaces_faults(page)


async def surfaces_faults(page: Page) -> list[str]:
    """What axe finds in a thread, a modal and App Home."""
    alert = page.locator("#list").get_by_test_id("message").filter(has_text="GPU out of memory")
    await alert.get_by_test_id("replies").click()
    await expect(page.get_by_test_id("thread")).to_contain_text("Why this")
    found = await accessibility_faults(page)
    await page.get_by_test_id("thread-close").click()
    await press_until(alert.get_by_role("button", name="Logs"), page.get_by_test_id("modal"))
    await expect(page.get_by_test_id("modal")).to_contain_text("CUDA out of memory")
    found += await accessibility_faults(page)
    await page.get_by_test_id("modal-close").click()
    await expect(page.get_by_test_id("modal")).to_have_count(0)
    if await page.get_by_test_id("menu").is_visible():
        await page.get_by_test_id("menu").click()
    await page.get_by_test_id("dm-app").click()
    await expect(page.get_by_test_id("home")).to_contain_text("Open alerts")
    return found + await accessibility_faults(page)
