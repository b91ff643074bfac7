"""An event loop in virtual time on which a process may be paused, as by SIGSTOP or a suspended machine.

A paused process executes nothing, while time goes on for all others. Afterwards it does what it would have done, late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import TypeVarTuple, Unpack

from tests.simulation.incarnation import current_process
from tests.support.virtual_time import VirtualTimeLoop

_Args = TypeVarTuple("_Args")


class PausingLoop(VirtualTimeLoop):
    """Delays the callbacks of paused processes."""

    def call_soon(
        self, callback: Callable[[Unpack[_Args]], object], *args: *_Args, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback soon, or when its process goes on."""
        context = copy_context() if context is None else context
        handle: asyncio.Handle = super().call_soon(
            lambda: self._run(handle, partial(callback, *args), context), context=context
        )
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Args]], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run a callback at a time, or when its process goes on."""
        context = copy_context() if context is None else context
        handle: asyncio.TimerHandle = super().call_at(
            when, lambda: self._run(handle, partial(callback, *args), context), context=context
        )
        return handle

    def _run(self, handle: asyncio.Handle, work: Callable[[], object], context: Context) -> None:
        process = current_process.get()
        if handle.cancelled():
            return
        if process is None or process.paused_until_s <= self.time():
            work()
            return
        super().call_at(process.paused_until_s, lambda: self._run(handle, work, context), context=context)
