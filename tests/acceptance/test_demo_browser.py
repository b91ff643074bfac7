"""``make demo`` end to end: the real process and a real browser, from slash command to alert thread.

What the page itself does is tested in tests/emulator/slack, what alerts say in tests/unit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.browser import chromium
from tests.support.waiting import LONGEST_S

ROOT = Path(__file__).parents[2]
ANSWER_MS, ALERT_MS, RECOVERY_MS = 60_000, 180_000, 300_000
"""Only a hang takes longer."""

ASKED = (
    ("logs baseten:p7qr9qv/h8gpu42 --since 10m --include loss --exclude it/s --limit 5", "grad_norm"),
    ("logs baseten-model:qwen7b1/srv4ce1 --level info --replica k2v9x --limit 4", "all from k2v9x"),
    ("logs fireworks:acme/embed-v3 --since 10m --rank 2 --limit 4", "all from rank 2"),
    (r'logs rivergen:mdl-churn/run-b7d1e0 --grep "Epoch \d+" --tail 4', "Val_Loss"),
    ("metrics baseten:p7qr9qv/multi2n --since 1h", "Util %"),
    ("metrics baseten:p7qr9qv/multi2n --since 1h --gpus", "node/gpu"),
    ("status baseten:p7qr9qv/h8gpu42", "running since"),
)
"""A command for each of the five systems: training logs, deployments, batch jobs, runs; training metrics and status."""


@dataclass(slots=True)
class Demo:
    """The running demo."""

    process: asyncio.subprocess.Process
    url: str
    bots: frozenset[int]
    """The processes it started."""


@pytest.mark.browser
@pytest.mark.timeout(1800)
async def test_demo_answers_commands_alerts_and_stops(tmp_path: Path) -> None:
    async with chromium() as browser, demo(tmp_path) as running:
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(ANSWER_MS)
        expect.set_options(timeout=ANSWER_MS)
        await page.goto(running.url)
        await page.locator("body[data-live]").wait_for()

        await commands_are_answered_privately(page)
        await an_answer_pages_and_is_shared(page)
        await a_channel_subscribes(page)
        await a_pattern_is_watched_on_a_phone(page)
        first = await idle_gpus_are_alerted(page)
        await an_error_alert_has_its_lines_in_the_thread(page)
        await a_failed_status_names_its_cause(page)
        await someone_acknowledges_an_alert(page)
        await a_silence_shows_on_the_alert_and_can_be_undone(page)
        await stopping_asks_and_can_be_undone(page)
        await recovery_edits_the_same_message(page, first)
        await browser.close()

        running.process.send_signal(signal.SIGINT)
        assert 0 == await asyncio.wait_for(running.process.wait(), LONGEST_S)
        assert [] == left_over(running, tmp_path)


async def test_demo_stops_on_sigterm(tmp_path: Path) -> None:
    async with demo(tmp_path) as running:
        running.process.send_signal(signal.SIGTERM)
        assert 0 == await asyncio.wait_for(running.process.wait(), LONGEST_S)
        assert [] == left_over(running, tmp_path)


async def test_port_in_use_is_reported_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await started(tmp_path, {"PORT": str(port)})
        _, stderr = await process.communicate()
    assert f"Port {port} is taken. Choose another, PORT=8080 make demo, or none to get a free one.\n" == stderr.decode()
    assert 2 == process.returncode


async def test_invalid_port_is_reported_in_one_line(tmp_path: Path) -> None:
    process = await started(tmp_path, {"PORT": "http"})
    _, stderr = await process.communicate()
    assert "Invalid PORT=http. Use a number from 1 to 65535, or leave it out to get a free port.\n" == stderr.decode()


async def commands_are_answered_privately(page: Page) -> None:
    await page.get_by_test_id("channel-random").click()
    for text, expected in ASKED:
        answer = await typed(page, text, private=True)
        await expect(answer, text).to_contain_text(expected, use_inner_text=True)
        await expect(answer).to_contain_text("Only visible to you")


async def an_answer_pages_and_is_shared(page: Page) -> None:
    answer = await typed(page, "logs fireworks:acme/embed-v3 --limit 3", private=True)
    newest = await answer.locator("pre").inner_text()
    await answer.get_by_test_id("button-trainwatch_show:older").click()
    await expect(answer.locator("pre")).not_to_have_text(newest)
    await answer.get_by_test_id("button-trainwatch_share").click()
    await expect(page.get_by_test_id("message")).to_have_count(1)


async def a_channel_subscribes(page: Page) -> None:
    await page.get_by_test_id("invite-bot").click()
    await expect(page.get_by_text("I post one message when a training job fails")).to_be_visible()
    answer = await typed(page, "watch baseten:p7qr9qv/h8gpu42", private=False)
    await expect(answer).to_contain_text("You'll hear about")
    listed = await typed(page, "list", private=True)
    await expect(listed).to_contain_text("baseten:p7qr9qv/h8gpu42")


async def a_pattern_is_watched_on_a_phone(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    answer = await typed(page, "watch name~llama-70b announce=off", private=False)
    await expect(answer).to_contain_text("1 job now, and new ones as they start")
    listed = await typed(page, "list", private=True)
    await expect(listed).to_contain_text("1 pattern and 1 job")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    ended = await typed(page, "unwatch name~llama-70b", private=False)
    await expect(ended).to_contain_text("stopped watching jobs that match")
    await page.set_viewport_size({"width": 1280, "height": 900})


async def idle_gpus_are_alerted(page: Page) -> tuple[str | None, str | None]:
    """Return the timestamp and the version of the alert's message."""
    await page.get_by_test_id("channel-training").click()
    root = alert(page, "qwen-vision-pretrain")
    await expect(root).to_contain_text("GPUs idle", timeout=ALERT_MS)
    await expect(root.get_by_test_id("button-trainwatch_acknowledge")).to_be_visible()
    return await root.get_attribute("data-ts"), await root.get_attribute("data-version")


async def an_error_alert_has_its_lines_in_the_thread(page: Page) -> None:
    root = alert(page, "mistral-long-context")
    await expect(root).to_contain_text("GPU out of memory", timeout=ALERT_MS)
    await root.get_by_test_id("replies").click()
    thread = page.get_by_test_id("thread")
    await expect(thread.locator("pre").first).to_contain_text("CUDA out of memory")
    await page.get_by_test_id("thread-close").click()


async def a_failed_status_names_its_cause(page: Page) -> None:
    root = alert(page, "mistral-long-context")
    await expect(root).to_contain_text("Failed", timeout=ALERT_MS)
    await expect(root).to_contain_text(
        re.compile(r"GPU out of memory.*rank 3 of 8.*Failed \d+:\d\d [AP]M after 3 h.*Try:", re.DOTALL)
    )
    await expect(alert(page, "code-sft")).to_contain_text("rank 2", timeout=ALERT_MS)


async def someone_acknowledges_an_alert(page: Page) -> None:
    await page.get_by_test_id("channel-alerts").click()
    root = alert(page, "production")
    await root.get_by_test_id("button-trainwatch_acknowledge").click()
    await expect(root).to_contain_text("Acknowledged by @Ada Lovelace")


async def a_silence_shows_on_the_alert_and_can_be_undone(page: Page) -> None:
    root = alert(page, "production")
    await root.get_by_test_id("button-trainwatch_open:silence").click()
    await expect(page.get_by_test_id("modal")).to_contain_text("/train silence 1h")
    await page.get_by_test_id("modal-submit").click()
    await expect(root).to_contain_text(re.compile(r"Silenced until \d+:\d\d [AP]M by @Ada Lovelace"))
    await root.get_by_role("button", name="Unmute").click()
    await expect(root).not_to_contain_text("Silenced")
    answer = await typed(page, "silence 2h", private=True)
    await answer.get_by_role("button", name="Silence all").click()
    await expect(root).to_contain_text("Silenced until")
    announced = page.locator("#list").get_by_test_id("message").filter(has_text="all alerts in this channel")
    await announced.get_by_role("button", name="Unmute").click()
    await expect(announced).to_contain_text("@Ada Lovelace unmuted all alerts in this channel.")
    await expect(root).not_to_contain_text("Silenced")


async def stopping_asks_and_can_be_undone(page: Page) -> None:
    root = alert(page, "production")
    await root.get_by_test_id("overflow-trainwatch_more").click()
    await root.get_by_role("button", name="Stop watching").click()
    await expect(page.get_by_test_id("modal")).to_contain_text("This channel gets no more alerts for")
    await page.get_by_test_id("modal-submit").click()
    await expect(root).to_contain_text("@Ada Lovelace stopped watching")
    await root.get_by_role("button", name="Undo").click()
    await expect(root.get_by_role("button", name="Undo")).to_have_count(0)
    await page.get_by_test_id("channel-training").click()


async def recovery_edits_the_same_message(page: Page, first: tuple[str | None, str | None]) -> None:
    root = alert(page, "qwen-vision-pretrain")
    await expect(root).to_contain_text("back to normal after", timeout=RECOVERY_MS)
    ts, version = await root.get_attribute("data-ts"), await root.get_attribute("data-version")
    assert ts == first[0]
    assert int(version or 0) > int(first[1] or 0)
    await expect(alert(page, "qwen-vision-pretrain")).to_have_count(1)


def alert(page: Page, job: str) -> Locator:
    """The messages about a job, except the confirmation of the subscription."""
    messages = page.locator("#list").get_by_test_id("message").filter(has_text=job)
    return messages.filter(has_not_text="You'll hear about")


async def typed(page: Page, text: str, *, private: bool) -> Locator:
    """Type a command; returns the message that appears."""
    answers = page.locator("#list").get_by_test_id("ephemeral" if private else "message")
    count = await answers.count()
    await page.get_by_test_id("composer").fill(f"/train {text}")
    await page.keyboard.press("Enter")
    await expect(answers).to_have_count(count + 1)
    return answers.nth(count)


@contextlib.asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Demo]:
    """Run the demo with its temporary files in a folder; ends it if the test has not."""
    process = await started(folder, {})
    try:
        url = await asyncio.wait_for(_url(process), LONGEST_S)
        yield Demo(process, url, _children(process.pid))
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def started(folder: Path, settings: Mapping[str, str]) -> asyncio.subprocess.Process:
    environment = {**os.environ, "TMPDIR": str(folder), **settings}
    if "PORT" not in settings:
        environment.pop("PORT", None)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "emulator.demo", cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _url(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    raise AssertionError("The demo ended without an address.")


def left_over(ended: Demo, folder: Path) -> list[str]:
    """Processes and temporary files that outlived the demo."""
    processes = [f"process {pid}" for pid in ended.bots if Path(f"/proc/{pid}").exists()]
    return [*processes, *(path.name for path in folder.iterdir())]


def _children(pid: int) -> frozenset[int]:
    """The processes that this one started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found.add(int(path.parent.name))
    return frozenset(found)
