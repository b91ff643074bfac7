"""The message of each story of the demo, as a person sees it on a phone: short, complete, with somebody to act.

`make images` writes what it sees to docs/images; look at the pictures before you commit them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, FloatRect, Locator, Page, expect

from tests.acceptance.test_demo_browser import ANSWER_MS, demo
from tests.support.browser import chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
MAX_LINES = 8
PHONE_SCREEN_PX = 690
"""What the header and the composer leave of a phone's screen."""
PICTURE_HEIGHT_PX = 600
SETTLED_MS = 240_000
HANG_MS = 480_000
"""A hang is reported after five minutes."""
EDITS = 10
"""More than a message gets while its picture is taken."""
CLOCK = r"\d+:\d\d [AP]M"
ACKNOWLEDGE = "button-trainwatch_acknowledge"
LINES = """(root) => {
  let lines = 0;
  for (const block of root.querySelectorAll(".block.section, .block.context")) {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT), bottoms = [];
    while (walker.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      bottoms.push(...[...range.getClientRects()].filter((rect) => rect.width > 0).map((rect) => rect.bottom));
    }
    let last = -100;
    for (const bottom of bottoms.sort((a, b) => a - b)) {
      if (bottom - last > 10) lines += 1;
      last = bottom;
    }
  }
  return lines;
}"""
"""Lines of text in the blocks of a message: text that ends more than 10 px below other text is another line."""


@dataclass(frozen=True, slots=True)
class Story:
    """One alert of the demo, and what its message must say in this order."""

    name: str
    channel: str
    job: str
    says: tuple[str, ...]
    """Patterns: what broke and where, the decisive line, since when and at which step, what to try."""
    settled: str
    """Part of the message in its last state."""


STORIES = (
    Story(
        "oom",
        "training",
        "mistral-long-context",
        (
            "GPU out of memory · rank 3 of 8",
            r"torch\.OutOfMemoryError: CUDA out of memory\. Tried to allocate 3\.91 GiB",
            rf"Failed {CLOCK} after 3 h.* at step 2,6\d\d.* · checkpoint 2,500 \(\d+ min lost\)",
            "Try: Use a smaller micro-batch",
        ),
        "Failed",
    ),
    Story(
        "corrupt-file",
        "training",
        "code-sft",
        (
            r"A data file is corrupt · rank 2 of 4",
            r"shard s3://corpora/code-0412\.jsonl\.zst is corrupt at byte 88127311",
            rf"Failed {CLOCK} after 3 h.* at step 2,1\d\d",
            "Try: Replace the damaged file.",
        ),
        "Failed",
    ),
    Story(
        "preempted",
        "alerts",
        "gemma-spot-sft",
        (
            "The job was preempted",
            "the node is being reclaimed",
            rf"Preempted {CLOCK} after 3 h.* at step 2,6\d\d",
            "Try: Resume from step 2,500",
        ),
        "Preempted",
    ),
    Story(
        "nan",
        "alerts",
        "high-learning-rate",
        (
            "NaN",
            "Loss is not finite: nan at batch 118",
            rf"Failed {CLOCK} after 2 h.* at epoch 361",
            "Try: Lower the learning rate",
        ),
        "Failed",
    ),
    Story(
        "errors",
        "alerts",
        "production",
        ("Errors in the log", "20 errors, 2 kinds: .*KV cache is exhausted", f"Since {CLOCK}", "Try: Press Logs"),
        "20 errors",
    ),
    Story(
        "recovered",
        "training",
        "qwen-vision-pretrain",
        ("GPUs idle", "8 of 8 GPUs", "back to normal after"),
        "back to normal",
    ),
    Story(
        "hang",
        "training",
        "gpt-oss-rlhf",
        (
            "No new step for 5 min",
            "All 8 GPUs at 100%",
            rf"Since {CLOCK}.* step 2,6\d\d of 50,000",
            "Try: Take stack dumps",
        ),
        "No new step",
    ),
)


@pytest.fixture
def pictures(tmp_path: Path, pytestconfig: pytest.Config) -> Path:
    """Where the pictures go."""
    return IMAGES if pytestconfig.getoption("--update-images") else tmp_path


@pytest.mark.browser
@pytest.mark.timeout(1800)
async def test_each_story_fits_a_phone_and_says_what_broke_and_what_to_do(tmp_path: Path, pictures: Path) -> None:
    await check_stories([story for story in STORIES if story.name != "hang"], tmp_path, pictures)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(1800)
async def test_a_hang_fits_a_phone_and_says_what_the_gpus_do(tmp_path: Path, pictures: Path) -> None:
    """Slow, because a hang is reported after five minutes."""
    await check_stories([story for story in STORIES if story.name == "hang"], tmp_path, pictures)


async def check_stories(stories: Sequence[Story], tmp_path: Path, pictures: Path) -> None:
    """Run the demo, and fail with all that is wrong with the messages of these stories."""
    async with chromium() as browser, demo(tmp_path) as running:
        desktop, phone = [await open_page(browser, running.url, size) for size in (DESKTOP, PHONE)]
        problems = [
            f"{story.name}: {problem}"
            for story in stories
            for problem in await check_story(story, desktop, phone, pictures)
        ]
        if STORIES[0] in stories:
            await picture_with_thread(desktop, pictures)
    assert not problems, "\n".join(problems)


async def open_page(browser: Browser, url: str, size: Mapping[str, int]) -> Page:
    page = await browser.new_page(viewport={"width": size["width"], "height": size["height"]})
    page.set_default_timeout(ANSWER_MS)
    expect.set_options(timeout=ANSWER_MS)
    await page.goto(url)
    await page.locator("body[data-live]").wait_for()
    return page


async def check_story(story: Story, desktop: Page, phone: Page, pictures: Path) -> list[str]:
    """What is wrong with a story's message; takes its pictures."""
    await show(desktop, story.channel)
    root = message_about(desktop, story.job)
    await expect(root).to_contain_text(story.settled, timeout=HANG_MS if story.name == "hang" else SETTLED_MS)
    text = " ".join((await root.inner_text()).split())
    problems = [] if re.search(".*".join(story.says), text) else [f"does not say it all: {text}"]
    if story.name != "recovered":
        problems += [] if await root.get_by_test_id(ACKNOWLEDGE).count() else ["nobody can take it"]
    await show(phone, story.channel)
    small = message_about(phone, story.job)
    await small.scroll_into_view_if_needed()
    lines, box = await small.evaluate(LINES), await small.bounding_box()
    assert box is not None
    problems += [f"takes {lines} lines"] if lines > MAX_LINES else []
    problems += [f"is {box['height']} px high"] if box["height"] > PHONE_SCREEN_PX else []
    await take_picture(root, pictures / f"{story.name}-desktop.png")
    await take_picture(small, pictures / f"{story.name}-phone.png")
    return problems


async def take_picture(message: Locator, path: Path) -> None:
    """Take it again when an edit replaces the message in between."""
    for _ in range(EDITS):
        try:
            await message.screenshot(path=path)
            return
        except Error:
            await message.wait_for()
    await message.screenshot(path=path)


async def picture_with_thread(page: Page, pictures: Path) -> None:
    """The picture in README.md: the first alert in its channel, and the evidence in its thread."""
    await show(page, "training")
    root = message_about(page, STORIES[0].job)
    await root.get_by_test_id("replies").click()
    evidence = page.get_by_test_id("thread").get_by_test_id("message").filter(has_text="Why this")
    await expect(evidence).to_contain_text("Tried to allocate")
    for message in (root, evidence):
        await message.evaluate("(element) => element.scrollIntoView({ block: 'start' })")
    left = await page.locator("#channel-head").bounding_box()
    assert left is not None
    clip = FloatRect(x=left["x"], y=left["y"], width=DESKTOP["width"] - left["x"], height=PICTURE_HEIGHT_PX)
    await page.screenshot(path=pictures / "alert.png", clip=clip)
    await page.get_by_test_id("thread-close").click()


async def show(page: Page, channel: str) -> None:
    entry = page.get_by_test_id(f"channel-{channel}")
    if not await entry.is_visible():
        await page.locator("#menu").click()
    await entry.click()


def message_about(page: Page, job: str) -> Locator:
    """The alert of a job: the only message about it that has a thread."""
    messages = page.locator("#list").get_by_test_id("message").filter(has_text=job)
    return messages.filter(has_not_text="You'll hear about").first
