"""The emulated vendors on a loopback port, with quirks and faults that a test changes as it goes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from bot.domain.logs import LogLine, parse_level
from bot.providers.testing import RemoteFailure
from emulator.faults import Fault, Faults
from emulator.logs import Line
from emulator.quirks import Quirks
from emulator.server import Keys, running, vendors
from emulator.world import World, to_ns
from tests.fakes.clock import ManualClock
from tests.support.waiting import LONGEST_S

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON_NS = to_ns(NOON)
NOON_MS = NOON_NS // 10**6
Body = dict[str, Any]
KEYS = Keys()

FAULTS = {
    RemoteFailure.UNAUTHORIZED: Fault("status", status=401),
    RemoteFailure.FORBIDDEN: Fault("status", status=403),
    RemoteFailure.NOT_FOUND: Fault("status", status=404),
    RemoteFailure.RATE_LIMITED: Fault("status", status=429),
    RemoteFailure.RATE_LIMITED_FOR_ONE_SECOND: Fault("status", status=429, retry_after_s=1),
    RemoteFailure.SERVER_ERROR: Fault("status", status=500),
    RemoteFailure.SILENCE: Fault("stall", delay_s=600),
    RemoteFailure.CUT_OFF: Fault("cut_off"),
    RemoteFailure.TRUNCATED: Fault("truncate"),
    RemoteFailure.HTML: Fault("html", status=200),
}


@dataclass
class Cloud:
    """All emulated vendors on one port, at `url`/baseten and so on; tests change the world, quirks and faults."""

    world: World
    clock: ManualClock
    client: httpx.AsyncClient
    quirks: Quirks = field(default_factory=Quirks)
    faults: Faults = field(default_factory=Faults)
    timeout_s: float = LONGEST_S
    """How long providers wait for a response."""

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    async def get(self, path: str, expect: int = 200, **params: Any) -> Body:
        return _body(await self.raw(path, **params), expect)

    async def post(self, path: str, body: object, expect: int = 200) -> Body:
        return _body(await self.client.post(path, json=body, headers=_authorization(path)), expect)

    async def raw(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params, headers=_authorization(path))

    def config(self, vendor: str, **more: str) -> dict[str, str]:
        """Settings of a vendor's provider that hardly retries."""
        return {
            f"{vendor}_api_key": getattr(KEYS, vendor),
            f"{vendor}_base_url": f"{self.url}/{vendor}",
            f"{vendor}_timeout_s": str(self.timeout_s),
            f"{vendor}_retry_budget_s": "0.1",
            f"{vendor}_requests_per_second": "10000",
            **more,
        }

    @contextlib.contextmanager
    def failing(self, failure: RemoteFailure) -> Iterator[None]:
        """Inject a failure into every request."""
        self.faults.set([FAULTS[failure]])
        try:
            yield
        finally:
            self.faults.set([])


@contextlib.asynccontextmanager
async def running_cloud(timeout_s: float = LONGEST_S, *, compress: bool = False) -> AsyncIterator[Cloud]:
    """Serve an empty cloud whose clock shows noon. Its providers wait `timeout_s` for a response."""
    clock, quirks, faults = ManualClock(NOON), Quirks(), Faults()
    world = World(clock=clock)
    app = vendors(world, quirks=quirks, faults=faults, keys=KEYS, compress=compress)
    async with running(app) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        yield Cloud(world, clock, client, quirks, faults, timeout_s)


def _body(response: httpx.Response, expect: int) -> Body:
    assert (response.status_code, response.headers["content-type"]) == (expect, "application/json")
    body: Body = response.json()
    return body


def _authorization(path: str) -> dict[str, str]:
    return {"authorization": f"Bearer {getattr(KEYS, path.split('/')[1])}"}


def line(offset_ms: float, message: str, **fields: object) -> Line:
    """A line that many milliseconds before (negative) or after noon."""
    return Line(NOON_NS + round(offset_ms * 10**6), message, **fields)  # type: ignore[arg-type]


def messages(body: Body, under: str = "logs") -> list[str]:
    return [item["message"] for item in body.get(under, [])]


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
