"""Which simulated process a task belongs to, and its death: after a kill none of its tasks has any effect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import TypeVar

_Answer = TypeVar("_Answer")


class ProcessKilled(BaseException):
    """Ends everything a simulated process was doing, as SIGKILL does."""


class Incarnation:
    """One life of a process, from its start to its kill. It may be set to die around its n-th commit."""

    def __init__(self, on_death: Callable[[], None]) -> None:
        self.alive = True
        self.paused_until_s = 0.0
        """Until when it executes nothing, on the event loop's clock."""
        self.pause_at_call_s = 0.0
        """How long to pause at the next call of Slack or a platform."""
        self._on_death = on_death
        self._commits_left: int | None = None
        self._dies_after_commit = False

    def kill(self) -> None:
        """End this life."""
        if self.alive:
            self.alive = False
            self._on_death()

    def kill_at_commit(self, commits: int, *, after: bool) -> None:
        """Die right before or after the n-th commit from now."""
        self._commits_left, self._dies_after_commit = commits, after

    def count_commit(self, *, after: bool) -> None:
        """Note a commit that changed something.

        Raises:
            ProcessKilled: this was the commit to die at.
        """
        if self._commits_left is None or after is not self._dies_after_commit:
            return
        self._commits_left -= 1
        if self._commits_left <= 0:
            self.kill()
            raise ProcessKilled


current_process: ContextVar[Incarnation | None] = ContextVar("current_process", default=None)
"""The process whose task runs; None in the simulation itself."""


async def leave_process(call: Coroutine[object, object, _Answer]) -> _Answer:
    """Let others work on a call. They go on when the process is paused, is killed or stops waiting."""
    loop, process = asyncio.get_running_loop(), current_process.get()
    if process is not None and process.pause_at_call_s:
        process.paused_until_s, process.pause_at_call_s = loop.time() + process.pause_at_call_s, 0.0
    return await asyncio.shield(loop.create_task(call, context=Context()))


def check_alive() -> None:
    """Stop a task of a killed process where it would touch the disk or the network.

    Raises:
        ProcessKilled: its process was killed.
    """
    process = current_process.get()
    if process is not None and not process.alive:
        raise ProcessKilled
