"""One emulated cloud on a real loopback port, with a clock that stands still until a test moves it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from emulator.faults import Faults
from emulator.hazards import Hazards
from emulator.logs import Line
from emulator.serve import Keys, running, vendors
from emulator.world import World, to_ns

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON_MS = to_ns(NOON) // 10**6
NOON_NS = to_ns(NOON)


Body = dict[str, Any]


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Cloud:
    world: World
    clock: Clock
    client: httpx.AsyncClient
    hazards: Hazards = field(default_factory=Hazards)
    faults: Faults = field(default_factory=Faults)

    async def get(self, path: str, expect: int = 200, **params: Any) -> Body:
        return self._body(await self.client.get(path, params=params, headers=_key(path)), expect)

    async def post(self, path: str, body: object, expect: int = 200) -> Body:
        return self._body(await self.client.post(path, json=body, headers=_key(path)), expect)

    async def raw(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params, headers=_key(path))

    @staticmethod
    def _body(response: httpx.Response, expect: int) -> Body:
        assert (response.status_code, response.headers["content-type"]) == (expect, "application/json")
        body: Body = response.json()
        return body


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    clock = Clock()
    world, hazards, faults = World(clock=clock), Hazards(), Faults()
    async with (
        running(vendors(world, hazards=hazards, faults=faults)) as url,
        httpx.AsyncClient(base_url=url, timeout=5) as client,
    ):
        yield Cloud(world, clock, client, hazards, faults)


def line(offset_ms: float, message: str, **fields: object) -> Line:
    """A line so many milliseconds before (negative) or after noon."""
    return Line(NOON_NS + round(offset_ms * 10**6), message, **fields)  # type: ignore[arg-type]


def messages(body: Body, under: str = "logs") -> list[str]:
    return [item["message"] for item in body.get(under, [])]


def _key(path: str) -> dict[str, str]:
    return {"authorization": f"Bearer {getattr(Keys(), path.split('/')[1])}"}
