"""An event loop in virtual time on which a process may be paused, as by SIGSTOP or a suspended machine.

A paused process executes nothing, while time goes on for all others. Afterwards it does what it would have done, late.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, TypeVarTuple, Unpack

from tests.simulation.incarnation import current_process
from tests.support.virtual_time import VirtualTimeLoop

_Args = TypeVarTuple("_Args")


class PausingLoop(VirtualTimeLoop):
    """Delays the callbacks of paused processes."""

    def _call_soon(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None) -> _Handle:
        # asyncio calls this for every callback; to wrap the callback in another one would take much longer.
        handle = _Handle(callback, args, self, copy_context() if context is None else context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Args]], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run a callback at a time, or when its process goes on."""
        handle = _TimerHandle(when, callback, args, self, copy_context() if context is None else context)
        heapq.heappush(self._scheduled, handle)  # type: ignore[attr-defined]
        handle._scheduled = True
        return handle


class _Handle(asyncio.Handle):
    """A callback that waits while the process that registered it is paused."""

    _context: Context
    _loop: PausingLoop

    def _run(self) -> None:
        process = self._context.get(current_process)
        if process is None or process.paused_until_s <= self._loop.time():
            super()._run()
        else:
            self._loop.call_at(process.paused_until_s, self._run_later, context=Context())

    def _run_later(self) -> None:
        if not self.cancelled():
            self._run()


class _TimerHandle(_Handle, asyncio.TimerHandle):
    """The same for a callback with a time."""

    _scheduled: bool
