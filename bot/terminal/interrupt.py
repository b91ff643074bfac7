"""Ctrl-C: the first one ends the reading, and what was read is printed. The second one ends the command."""

import asyncio
import signal
import threading
from collections.abc import Coroutine

from bot.providers.budget import CommandBudget
from bot.terminal.exit_codes import ExitCode

_END_WITHIN_S = 2.5
"""How long after Ctrl-C the command may print what it has."""


async def run_interruptibly(work: Coroutine[object, object, int], budget: CommandBudget) -> int:
    """Run a command that spends a budget, and return its exit code, or that of an interrupted one.

    Only the main thread receives signals; in another one the command simply runs.
    """
    if threading.current_thread() is not threading.main_thread():
        return await work
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    timers: list[asyncio.TimerHandle] = []

    def interrupt() -> None:
        if timers:
            task.cancel()
            return
        timers.append(loop.call_later(_END_WITHIN_S, task.cancel))
        budget.cancel("Interrupted.")

    usual = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        code = await task
    except asyncio.CancelledError:
        if not timers:
            raise
        code = ExitCode.INTERRUPTED
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, usual)
        for timer in timers:
            timer.cancel()
    return ExitCode.INTERRUPTED if timers else code
