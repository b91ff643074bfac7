"""The emulated vendors on a loopback port, with hazards and faults that a test changes as it goes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.domain.logs import LogLine, parse_level
from bot.providers.testing import Trouble
from emulator.faults import Fault, Faults
from emulator.hazards import Hazards
from emulator.logs import Line
from emulator.serve import Keys, running, vendors
from emulator.world import World, to_ns

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON_NS = to_ns(NOON)
KEYS = Keys("baseten-key-1f6a9c", "fireworks-key-7d02be", "rivergen-key-93c4aa")

FAULTS = {
    Trouble.UNAUTHORIZED: Fault("status", status=401),
    Trouble.FORBIDDEN: Fault("status", status=403),
    Trouble.NOT_FOUND: Fault("status", status=404),
    Trouble.RATE_LIMITED: Fault("status", status=429),
    Trouble.RATE_LIMITED_FOR_ONE_SECOND: Fault("status", status=429, retry_after_s=1),
    Trouble.SERVER_ERROR: Fault("status", status=500),
    Trouble.SILENCE: Fault("stall", delay_s=30),
    Trouble.CUT_OFF: Fault("cut_off"),
    Trouble.TRUNCATED: Fault("truncate"),
    Trouble.HTML: Fault("html", status=200),
}


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, span: timedelta) -> None:
        self.now += span


@dataclass
class Cloud:
    """All vendors, at `url`/baseten and so on."""

    world: World
    clock: Clock
    url: str = ""
    hazards: Hazards = field(default_factory=Hazards)
    faults: Faults = field(default_factory=Faults)

    def config(self, vendor: str, **more: str) -> dict[str, str]:
        """Settings of a vendor's provider that gives up within a fraction of a second."""
        return {
            f"{vendor}_api_key": getattr(KEYS, vendor),
            f"{vendor}_base_url": f"{self.url}/{vendor}",
            f"{vendor}_timeout_s": "0.3",
            f"{vendor}_retry_budget_s": "0.1",
            f"{vendor}_requests_per_second": "100000",
            **more,
        }

    @contextlib.contextmanager
    def suffer(self, trouble: Trouble) -> Iterator[None]:
        """Every request meets this."""
        self.faults.set([FAULTS[trouble]])
        try:
            yield
        finally:
            self.faults.set([])


@contextlib.asynccontextmanager
async def running_cloud(*, compress: bool = False) -> AsyncIterator[Cloud]:
    """An empty cloud at noon."""
    clock = Clock()
    cloud = Cloud(World(clock=clock), clock)
    app = vendors(cloud.world, hazards=cloud.hazards, faults=cloud.faults, keys=KEYS, compress=compress)
    async with running(app) as cloud.url:
        yield cloud


def as_read(line: Line) -> LogLine:
    """The line as a provider gives it, when the vendor shows a replica."""
    return LogLine(line.timestamp_ns, line.message, None, line.replica, parse_level(line.level), line.request_id)


def some_lines(count: int, *, end_ns: int = NOON_NS - 10**9, step_ns: int = 700_000) -> list[Line]:
    """Lines before noon: shared timestamps, true duplicates, two replicas, lines without a level, odd text."""
    texts = (
        "step {} loss=0.12",
        "  indented {}",
        "Traceback (most recent call last):\n  File {}",
        "\t<!channel> `{}` \u2028 ü",
    )
    lines = []
    for number in range(count):
        at_ns = end_ns - (count - number // 3 * 3) * step_ns
        text = texts[number % 4].format(number // 3 if number % 12 < 6 else number)
        level = (None, "INFO", "WARNING", "ERROR", None)[number % 5]
        request_id = f"req-{number % 7}" if number % 4 == 0 else None
        lines.append(Line(at_ns, text, f"r{number % 2}abc", level, request_id))
        if number % 50 == 0:
            lines.append(lines[-1])
    return lines
