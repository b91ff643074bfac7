"""A job's log: lines in order of time, found by bisection, however many there are.

Not the vendors' pages (``baseten_logs.py``, ``fireworks.py``, ``rivergen.py`` cut those) and not what the lines
say (``training_text.py``). A log is any sequence of lines: a list for tests, a `Script` for a log that is computed
from the line's number and so costs no memory, at a million lines or without an end.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from typing import overload

import msgspec

SKEW_NS = 300 * 10**9
"""How far in the future of the clock a line may be stamped and still be shown (with `visible_at_ns`)."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line as the vendor's store holds it; each vendor shows the fields it knows."""

    timestamp_ns: int
    message: str
    replica: str | None = None
    level: str | None = None
    request_id: str | None = None
    rank: int = 0
    component: str | None = None
    """The part of a Baseten deployment that wrote it; only a request names it, never the answer."""
    visible_at_ns: int | None = None
    """When the vendor begins to show it; None: at its own timestamp. Later than that: a late line."""


class Script(Sequence[Line]):
    """Lines computed from their number; `line_at` must be pure and must not go back in time."""

    def __init__(self, length: int, line_at: Callable[[int], Line], *, after: Sequence[Line] = ()) -> None:
        """Put `length` computed lines behind the stored lines `after`."""
        self._after = after
        self._length = length
        self._line_at = line_at

    def __len__(self) -> int:
        return len(self._after) + self._length

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        stored = len(self._after)
        return self._after[index] if index < stored else self._line_at(index - stored)


class Log:
    """The lines of one job, oldest first, and which of them can be seen at a given moment."""

    __slots__ = ("lines",)

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        """Keep a `Script` as it is; sort anything else into a list."""
        self.lines: Sequence[Line] = lines if isinstance(lines, Script) else sorted(lines, key=_timestamp)

    def append(self, *lines: Line) -> None:
        """Add lines while the emulator runs; a line older than the last one goes where its time puts it.

        Raises:
            TypeError: the log is a `Script`, which cannot grow.
        """
        if not isinstance(self.lines, MutableSequence):
            raise TypeError("a computed log cannot grow")
        for line in lines:
            insort(self.lines, line, key=_timestamp)

    def position(self, timestamp_ns: int) -> int:
        """Return the number of the first line at or after this moment."""
        return bisect_left(self.lines, timestamp_ns, key=_timestamp)

    def visible(self, start: int, stop: int, now_ns: int, *, newest_first: bool = False) -> Iterator[tuple[int, Line]]:
        """Yield (number, line) of the lines numbered start..stop-1 that can be seen at `now_ns`."""
        stop = min(stop, self.position(now_ns + SKEW_NS))
        lines = self.lines
        for number in range(stop - 1, start - 1, -1) if newest_first else range(start, stop):
            line = lines[number]
            visible_at_ns = line.visible_at_ns
            if (line.timestamp_ns if visible_at_ns is None else visible_at_ns) <= now_ns:
                yield number, line


def _timestamp(line: Line) -> int:
    return line.timestamp_ns
