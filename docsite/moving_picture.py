"""`make tour`: the moving picture of the README, taken from the demo by a browser.

An alert arrives, somebody acknowledges it, opens its chart and evidence, and resolves it. The page is the real one and
the bot answers each press. Only the pointer and the captions are added. Look at the result before you commit it.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "images" / "tour.gif"
WIDTH, HEIGHT, SHOWN_WIDTH = 1200, 700, 960
FREQUENT_COLOURS, OTHER_COLOURS = 128, 127
MAX_BYTES = 1_500_000
PATIENCE_MS = 180_000
"""The demo's first alert comes after half a minute; a busy machine takes longer."""
POINTER_STEPS, POINTER_MS, PRESS_MS = 6, 60, 200
STORY = "story-out-of-memory"
"""The button that starts it."""
ADDITIONS = """() => {
  const caption = document.createElement("div");
  caption.id = "tour-caption";
  caption.style.cssText = "position:fixed;left:0;right:0;bottom:0;z-index:9999;padding:11px 24px;text-align:center;" +
    "background:#1d3557;color:#fff;font:600 21px system-ui,sans-serif";
  const pointer = document.createElement("div");
  pointer.id = "tour-pointer";
  pointer.style.cssText = "position:fixed;z-index:9999;width:26px;height:26px;pointer-events:none";
  pointer.innerHTML = '<svg viewBox="0 0 24 24" width="26" height="26"><path d="M4 2l15 9-7 1.5L8.5 20z" ' +
    'fill="#111" stroke="#fff" stroke-width="1.6" stroke-linejoin="round"/></svg>';
  const style = document.createElement("style");
  style.textContent = "#stage, #coach { display: none !important }";
  document.body.append(caption, pointer, style);
}"""
"""The caption and the pointer; the controls of the demo, which Slack does not have, are hidden."""


@dataclass(slots=True)
class Film:
    """The frames so far."""

    page: Page
    frames: list[tuple[Image.Image, int]] = field(default_factory=list)
    """Each with the milliseconds that it is shown."""
    at: tuple[float, float] = (WIDTH * 0.62, HEIGHT * 0.8)
    """Where the pointer is."""

    def take(self, shown_ms: int, caption: str = "") -> None:
        """Add a frame of what the page shows now."""
        self.page.evaluate(
            "([x, y, caption]) => { const box = document.querySelector('#tour-pointer').style;"
            " box.left = `${x}px`; box.top = `${y}px`;"
            " if (caption) document.querySelector('#tour-caption').textContent = caption; }",
            [*self.at, caption],
        )
        picture = Image.open(io.BytesIO(self.page.screenshot(animations="disabled", caret="hide")))
        size = (SHOWN_WIDTH, HEIGHT * SHOWN_WIDTH // WIDTH)
        self.frames.append((picture.convert("RGB").resize(size, Image.Resampling.LANCZOS), shown_ms))

    def press(self, target: Locator) -> None:
        """Move the pointer to a button, and press it."""
        box = target.bounding_box()
        assert box is not None
        end = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        start = self.at
        for step in range(1, POINTER_STEPS + 1):
            part = step / POINTER_STEPS
            self.at = tuple(a + (b - a) * part for a, b in zip(start, end, strict=True))  # type: ignore[assignment]
            self.take(POINTER_MS if step < POINTER_STEPS else PRESS_MS)
        target.click()

    def save(self, file: Path) -> None:
        """Write the moving picture; the frames share one palette, so that only what changes is stored."""
        palette = build_palette([frame for frame, shown_ms in self.frames if shown_ms > PRESS_MS])
        pictures = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame, _ in self.frames]
        times = [shown_ms for _, shown_ms in self.frames]
        pictures[0].save(file, save_all=True, append_images=pictures[1:], duration=times, loop=0, optimize=True)


def build_palette(frames: list[Image.Image]) -> Image.Image:
    """The colours of all frames: the most frequent ones, so that large areas keep theirs, and a spread of others."""
    width, height = frames[0].size
    everything = Image.new("RGB", (width, height * len(frames)))
    for number, frame in enumerate(frames):
        everything.paste(frame, (0, number * height))
    pixels = Counter(pixel for frame in frames for pixel in zip(*[iter(frame.tobytes())] * 3, strict=True))
    frequent = [part for colour, _ in pixels.most_common(FREQUENT_COLOURS) for part in colour]
    spread = everything.quantize(OTHER_COLOURS, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*frequent, *spread[: OTHER_COLOURS * 3]])
    return palette


def film_story(film: Film) -> None:
    """From the quiet channel to the resolved alert."""
    page = film.page
    page.get_by_test_id("channel-stories").click()
    page.get_by_test_id(STORY).dispatch_event("click")
    messages = page.locator("#list").get_by_test_id("message")
    expect(messages.first).to_contain_text("You'll hear about", timeout=PATIENCE_MS)
    film.take(1300, "A channel watches a training run")
    alert = messages.filter(has=page.get_by_test_id("replies")).first
    expect(alert).to_contain_text("GPU memory is filling up", timeout=PATIENCE_MS)
    film.take(1500, "A warning, before it breaks")
    page.get_by_test_id("advance-next").dispatch_event("click")
    expect(alert).to_contain_text("GPU out of memory", timeout=PATIENCE_MS)
    expect(alert).to_contain_text("Failed", timeout=PATIENCE_MS)
    show(alert)
    film.take(2200, "The same message: what broke, on which rank, at which step, what to try")
    film.press(alert.get_by_test_id("button-trainwatch_acknowledge"))
    expect(alert).to_contain_text("Acknowledged by")
    show(alert)
    film.take(1200, "Acknowledge: everyone sees who has it, and reminders stop")
    film.press(alert.get_by_test_id("replies"))
    thread = page.get_by_test_id("thread")
    show(thread.get_by_test_id("message").filter(has_text="Predicted from").last, block="start")
    film.take(1700, "Its thread: the memory of that GPU before the crash …")
    show(thread.get_by_test_id("message").filter(has_text="Why this").last, block="start")
    film.take(1700, "… the lines of the log that show it, and why")
    film.press(page.get_by_test_id("thread-close"))
    film.press(alert.get_by_role("button", name="Resolve"))
    expect(alert.get_by_role("button", name="Reopen")).to_be_visible()
    show(alert)
    film.take(1600, "Resolve: closed, with who did it")


def show(message: Locator, block: str = "center") -> None:
    """Scroll a message into view, and wait until the page has drawn it there."""
    message.evaluate("(element, block) => element.scrollIntoView({ block, behavior: 'instant' })", block)
    message.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo; yields the address of its page."""
    command = [sys.executable, "-m", "emulator.demo"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(found[0] for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+\S*", line)))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def main() -> int:
    """Film the story; returns the exit code."""
    chromium = os.environ.get("TRAINWATCH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(url)
        page.locator("body[data-live]").wait_for()
        page.evaluate(ADDITIONS)
        film = Film(page)
        film_story(film)
        film.save(TARGET)
        browser.close()
    seconds, size = sum(shown for _, shown in film.frames) / 1000, TARGET.stat().st_size
    print(f"{TARGET.relative_to(ROOT)}: {len(film.frames)} frames, {seconds:.1f} s, {size / 1000:.0f} kB")
    return 0 if size <= MAX_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
