"""Draw charts in a separate process, so that the event loop goes on and the memory is given back.

The process starts with the first chart and ends when none was asked for in a while.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

from bot.domain.charts import Chart
from bot.errors import BotError

log = logging.getLogger(__name__)

_TIMEOUT_S = 30.0
_IDLE_S = 60.0
_UNDRAWABLE = (ValueError, ArithmeticError, RuntimeError, MemoryError)
"""What the library raises for samples that it cannot draw."""


class DrawingFailed(BotError):
    """The picture could not be drawn."""


class Painter:
    """Draws one picture after the other."""

    def __init__(self, idle_s: float = _IDLE_S) -> None:
        self._idle_s = idle_s
        self._pool: ProcessPoolExecutor | None = None
        self._turn = asyncio.Lock()
        self._closing: asyncio.TimerHandle | None = None

    async def draw(self, build: Callable[[], Sequence[Chart]], form: str = "png") -> bytes:
        """Return charts as one `png` or `svg`. They are built in a thread while the process starts.

        Raises:
            DrawingFailed: the process ended or took too long, or the samples cannot be drawn.
        """
        async with self._turn:
            if self._closing is not None:
                self._closing.cancel()
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    pool = self._started()
                    charts = await asyncio.to_thread(build)
                    return await loop.run_in_executor(pool, _draw, charts, form)
            except (TimeoutError, BrokenProcessPool) as error:
                log.error("chart not drawn", extra={"reason": type(error).__name__})
                self.close()
                raise DrawingFailed from error
            except _UNDRAWABLE as error:
                log.error("chart not drawn", extra={"reason": type(error).__name__})
                raise DrawingFailed from error
            finally:
                self._closing = loop.call_later(self._idle_s, self.close)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process that draws, if there is one."""
        return tuple(self._pool._processes or ()) if self._pool is not None else ()

    def close(self) -> None:
        """End the process."""
        if self._closing is not None:
            self._closing.cancel()
        pids, pool, self._pool = self.pids, self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
            self._pool.submit(_load)
        return self._pool


def _load() -> None:
    import bot.charts.draw  # noqa: F401, PLC0415 - matplotlib is loaded in the process only


def _draw(charts: Sequence[Chart], form: str) -> bytes:
    from bot.charts.draw import draw  # noqa: PLC0415

    return draw(charts, form)
