"""The bot of the demo: ``trainwatch serve`` as anyone runs it, on a clock that the demo moves forward.

Each line on standard input is a number of seconds. Both clocks of the process jump by it, the system clock and the one
that counts suspended time, as they do when a machine wakes up. Nothing else differs from ``python -m bot serve``.
"""

import os
import sys
import threading
from dataclasses import dataclass
from datetime import timedelta

from bot.__main__ import run
from bot.steady_clock import PROCESS_CLOCK, monotonic_s, read_system_clock

STDIN = 0
READ_BYTES = 4096


@dataclass(slots=True)
class Ahead:
    """The seconds that the clock was moved."""

    seconds: float = 0.0


def follow(ahead: Ahead, source: int = STDIN) -> None:
    """Add what a descriptor says, until it ends. Reads the descriptor: a buffered reader would block the exit."""
    rest = b""
    while data := os.read(source, READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        ahead.seconds += sum(map(float, lines))


def serve() -> int:
    """Serve on the movable clock; returns the exit code."""
    ahead = Ahead()
    PROCESS_CLOCK.system = lambda: read_system_clock() + timedelta(seconds=ahead.seconds)
    PROCESS_CLOCK.monotonic = lambda: monotonic_s() + ahead.seconds
    threading.Thread(target=follow, args=(ahead,), daemon=True).start()
    return run(["serve"])


if __name__ == "__main__":
    sys.exit(serve())
