"""Logs, metrics and the form of a query in a real browser, as a person uses them on a desktop and on a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import Level
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.store.store import Store
from tests.integration.slack_harness import SlackHarness, running, step_lines
from tests.support.browser import chromium
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import NOW, REF

pytestmark = pytest.mark.browser
FIELD = "control-trainwatch_field:"


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_person_finds_a_job_reads_its_log_and_refines_the_query(store: Store, width: int) -> None:
    async with chromium() as browser, running(SlackHarness(store)) as harness:
        await prepare(harness)
        page = await browser.new_page(viewport={"width": width, "height": 844})
        page.set_default_timeout(LONGEST_S * 1000)
        expect.set_options(timeout=LONGEST_S * 1000)
        await page.goto(harness.slack.context.base_url)
        await page.locator("body[data-live]").wait_for()
        modal = page.get_by_test_id("modal")

        await the_form_opens_and_finds_a_job(page, modal)
        await the_command_follows_the_fields(modal)
        await mistakes_are_shown_at_their_field(modal)
        await the_log_is_paged_in_place(modal)
        await the_answer_is_shared(page, modal)
        await the_query_is_refined(modal)
        await an_alert_shows_its_log(page, modal, harness)
        await metrics_of_a_status_open(page, modal)
        await the_shortcut_opens_the_form(page, modal)
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= width


async def prepare(harness: SlackHarness) -> None:
    """A job with a log of two pages, among others in the index."""
    lines = step_lines(150)
    harness.provider.lines = [*lines[:-1], lines[-1]._replace(message="step 149 went wrong", level=Level.ERROR)]
    samples = tuple(MetricPoint(0.9, NOW - timedelta(minutes=minute)) for minute in range(30))
    harness.provider.series = [MetricSeries(GPU_UTILIZATION, samples, "node-1", 0, None)]
    jobs = [KnownJob(JobRef("baseten", f"p/run{number}"), f"mistral-{number}", JobState.FAILED) for number in range(30)]
    await harness.store.known_jobs.save([KnownJob(REF, "llama-8b-sft", JobState.RUNNING), *jobs], harness.clock())


async def command(page: Page, text: str) -> None:
    await page.get_by_test_id("composer").fill(f"/train {text}".strip())
    await page.keyboard.press("Enter")


async def the_form_opens_and_finds_a_job(page: Page, modal: Locator) -> None:
    await command(page, "")
    await expect(modal).to_contain_text("As a command: /train logs JOB")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("input-error")).to_contain_text("required")
    job = modal.get_by_test_id(f"{FIELD}job")
    await job.click()
    await expect(modal.get_by_test_id("option").first).to_contain_text("running")
    await job.fill("llama")
    await expect(modal.get_by_test_id("option")).to_have_count(2)
    await modal.get_by_test_id("option").first.click()
    await expect(modal).to_contain_text(f"/train logs {REF}")
    await expect(modal.get_by_test_id(f"{FIELD}job")).to_have_value("🟢 llama-8b-sft")


async def the_command_follows_the_fields(modal: Locator) -> None:
    await modal.get_by_test_id(f"{FIELD}include").press_sequentially("step")
    await expect(modal).to_contain_text(f"/train logs {REF} --include step")
    await modal.get_by_test_id(f"{FIELD}range").select_option("Around a time…")
    await modal.get_by_test_id(f"{FIELD}around").fill("yesterday at noonish")
    await expect(modal.get_by_test_id(f"{FIELD}include")).to_have_value("step")


async def mistakes_are_shown_at_their_field(modal: Locator) -> None:
    await modal.get_by_test_id(f"{FIELD}ranks").fill("first")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("input-error")).to_have_count(2)
    await expect(modal.get_by_test_id("input-error").first).to_contain_text("Can't read the time")
    await modal.get_by_test_id(f"{FIELD}ranks").fill("")
    await modal.get_by_test_id(f"{FIELD}range").select_option("The newest lines")
    await modal.get_by_test_id("modal-submit").click()


async def the_log_is_paged_in_place(modal: Locator) -> None:
    await expect(modal).to_contain_text("step 149 went wrong")
    await modal.get_by_role("button", name="Older").first.click()
    await expect(modal).not_to_contain_text("step 149")
    await expect(modal).to_contain_text("step 49 ")
    await modal.get_by_role("button", name="Errors only").first.click()
    await expect(modal).to_contain_text("1 line")
    await modal.locator("select").first.select_option(index=1)
    await expect(modal).to_contain_text("step 148 ")


async def the_answer_is_shared(page: Page, modal: Locator) -> None:
    await modal.get_by_role("button", name="Share in channel").first.click()
    await expect(modal).to_contain_text("Answered in #training")
    await expect(page.get_by_test_id("message").filter(has_text="step 149 went wrong")).to_have_count(1)


async def the_query_is_refined(modal: Locator) -> None:
    await modal.get_by_role("button", name="Refine").first.click()
    await expect(modal.get_by_test_id(f"{FIELD}around")).to_be_visible()
    await modal.get_by_test_id(f"{FIELD}show").select_option("Status")
    await expect(modal).to_contain_text(f"/train status {REF}")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal).to_contain_text("llama-8b-sft · running")
    await modal.get_by_test_id("modal-close").click()
    await expect(modal).to_have_count(0)


async def an_alert_shows_its_log(page: Page, modal: Locator, harness: SlackHarness) -> None:
    before = len(harness.channel().ephemerals)
    await harness.post_alert()
    alert = page.get_by_test_id("message").filter(has_text="Acknowledge")
    await alert.get_by_role("button", name="Logs").click()
    await expect(modal).to_contain_text("step 90 loss")
    await modal.get_by_test_id("modal-close").click()
    composer = page.get_by_test_id("composer")
    await composer.focus()  # sooner than the modal closes, which takes an answer of the server
    await expect(modal).to_have_count(0)
    await expect(composer).to_be_focused()
    assert before == len(harness.channel().ephemerals)


async def metrics_of_a_status_open(page: Page, modal: Locator) -> None:
    await command(page, f"status {REF}")
    await page.get_by_test_id("ephemeral").get_by_role("button", name="Metrics").click()
    await expect(modal).to_contain_text("Metrics")
    await modal.get_by_role("button", name="Earlier").first.click()
    await expect(modal.get_by_role("button", name="Later").first).to_be_visible()
    await modal.get_by_test_id("modal-close").click()


async def the_shortcut_opens_the_form(page: Page, modal: Locator) -> None:
    await page.get_by_test_id("composer").fill("/")
    await page.get_by_test_id("hints").get_by_test_id("shortcut-search_logs").click()
    await expect(modal).to_contain_text("As a command")
    await modal.get_by_test_id("modal-close").click()
