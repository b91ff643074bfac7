"""An event loop whose clock advances only while every task waits, so that tests of long waits end at once.

For code that waits, retries and times out, on transports in memory. Nothing may wait for a socket or a thread.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")

_TURN_S = 1e-6
"""Duration of one turn of the loop. Without it a wait that rounds to zero would never end."""


class _JumpingSelector(selectors.DefaultSelector):
    """Skips each wait and adds its length to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the ready sockets, or end the wait."""
        if timeout == 0:  # callbacks wait, so the sockets are read in a later turn
            self.now += _TURN_S
            return []
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("Every task waits for something that cannot happen.")
        self.now += _TURN_S if ready else _TURN_S + (timeout or 0.0)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with a virtual clock."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the seconds of the virtual clock."""
        return self._jumping.now


def virtual_now() -> float:
    """Return the seconds of the virtual clock; a replacement for `time.monotonic`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop), "decorate the test with @in_virtual_time"
    return loop.time()


def in_virtual_time(test: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Run an asynchronous test on a `VirtualTimeLoop`."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
