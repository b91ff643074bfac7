"""Run the real program against emulated platforms and check its output and exit code.

`Machine.run` starts a separate process. `Machine.call` runs the same entry, `bot.__main__.run`, in a thread: hundreds
of commands in seconds, where a process would add nothing but its start.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import run
from emulator.logs import Line
from emulator.sandbox import Sandbox, sandbox
from emulator.server import Keys
from emulator.slack.app import Slack, create_slack
from emulator.slack.limits import RateLimits
from emulator.world import World, to_ns
from tests.support.waiting import LONGEST_S

REPOSITORY = Path(__file__).parents[2]
ANCHOR = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
"""When the logs of these tests end."""
ANCHOR_NS = to_ns(ANCHOR)


def for_each_vendor(**settings: str) -> dict[str, str]:
    """Settings of each platform."""
    vendors = ("BASETEN", "FIREWORKS", "RIVERGEN")
    return {f"{vendor}_{name}": value for vendor in vendors for name, value in settings.items()}


PATIENT = for_each_vendor(REQUESTS_PER_SECOND="10000", TIMEOUT_S="60", RETRY_BUDGET_S="0.2")
"""Asks without pause and waits longer than a busy machine takes; after a failure there is hardly a second try."""
QUICK = for_each_vendor(TIMEOUT_S="0.4")
"""For a platform that never answers: give up within a fraction of a second."""

Row = dict[str, Any]
"""One line of `logs --json`."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def rows(self) -> list[Row]:
        """The output as JSON lines."""
        return [json.loads(line) for line in self.out.split(b"\n") if line]

    @property
    def json(self) -> Row:
        """The output as one JSON document."""
        document: Row = json.loads(self.out)
        return document


@dataclass(slots=True)
class Machine:
    """A folder, an environment, and the emulator they lead to."""

    on: Sandbox
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = (sys.executable, "-m", "bot")

    @property
    def world(self) -> World:
        return self.on.world

    def process_environment(self, **more: str) -> dict[str, str]:
        """Only what a process needs, and the settings; nothing of the developer's own."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        from_here = {"PYTHONPATH": str(REPOSITORY)} if "-m" in self.program else {}
        return {**kept, **from_here, **self.environment, **more}

    async def start(self, *argv: str, **more: str) -> asyncio.subprocess.Process:
        """`trainwatch ARGV` as a process."""
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *self.program, *argv,
            cwd=self.folder, env=self.process_environment(**more), stdout=pipe, stderr=pipe,
        )  # fmt: skip

    async def run(self, *argv: str, **more: str) -> Ended:
        """`trainwatch ARGV` as a process, to its end."""
        process = await self.start(*argv, **more)
        try:
            out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Ended(process.returncode or 0, out, err.decode())

    async def call(self, *argv: str, **more: str) -> Ended:
        """The same within this process."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self.environment, **more}.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = await asyncio.to_thread(run, argv)
                out.flush()
        return Ended(code, out.buffer.getvalue(), err.getvalue())


@contextlib.asynccontextmanager
async def machine_at(folder: Path, *, slack: Slack | None = None, keys: Keys | None = None) -> AsyncIterator[Machine]:
    """A machine whose every setting leads to an empty world."""
    slack = slack or create_slack(limits=RateLimits(enabled=False))
    slack.sockets.ack_within_s = LONGEST_S
    async with sandbox(World(), slack=slack, keys=keys) as on:
        database = {"DATABASE_URL": f"sqlite:///{folder}/bot.db"}
        yield Machine(on, folder, {**on.settings, **PATIENT, **database})


def expected_rows(lines: Sequence[Line], system: str) -> list[Row]:
    """The lines as `logs --json` must show them, by what each system's document says that it shows."""
    return [_EXPECTED[system](line) for line in lines]


def stamp(timestamp_ns: int) -> str:
    """RFC 3339 with nine digits."""
    seconds, nanoseconds = divmod(timestamp_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def _baseten(line: Line) -> Row:
    return _row(line.timestamp_ns, line, line.level, line.replica, line.request_id)


def _fireworks(line: Line) -> Row:
    return _row(line.timestamp_ns, line, None, f"rank {line.rank}", None)


def _rivergen(line: Line) -> Row:
    return _row(line.timestamp_ns // 10**6 * 10**6, line, (line.level or "info").upper(), None, None)


_EXPECTED: Mapping[str, Any] = {
    "baseten": _baseten,
    "baseten-model": _baseten,
    "fireworks": _fireworks,
    "rivergen": _rivergen,
}


def _row(timestamp_ns: int, line: Line, level: str | None, source: str | None, request_id: str | None) -> Row:
    return {
        "timestamp": stamp(timestamp_ns),
        "level": level,
        "source": source,
        "message": line.message,
        "request_id": request_id,
    }
