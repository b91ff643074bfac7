"""Redacting a long page does not block the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from bot.commands.handlers.log_stream import redact_lines
from bot.domain.logs import LogLine
from bot.redaction.redactor import HIDDEN, Redactor
from tests.support.waiting import LONGEST_S


class Slow:
    """Returns when the event is set."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
        return lines, int(self.go_on.wait(LONGEST_S))


async def test_long_page_does_not_block_the_event_loop() -> None:
    slow = Slow()
    searching = asyncio.create_task(redact_lines(slow, [LogLine(1, "x" * 100_000)]))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    slow.go_on.set()
    assert (await searching)[1] == 1


async def test_short_and_long_pages_are_both_redacted() -> None:
    for text in ("x ", "x " * 100_000):
        lines, hidden = await redact_lines(Redactor(), [LogLine(1, f"{text}password=hunter2")])
        assert ([f"{text}password={HIDDEN}"], 1) == ([line.message for line in lines], hidden)
