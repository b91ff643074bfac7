"""Keep the lines of a response whose times lie outside the range that was requested. Pure.

The platform has chosen these lines for the range, so their times are wrong, or in a form that cannot be read. They must
not decide where reading goes on. Unless the query itself excludes them, they are shown once, with the time of the line
before them, and a gap counts them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from bot.domain.durations import EARLIEST_NS, NS_PER_SECOND
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogLine
from bot.domain.wording import plural

TOLERANCE_NS = 60 * NS_PER_SECOND
"""Workers that write one log may be this far out of order; such a line does not have a wrong time."""
UNTIMED_NS = EARLIEST_NS
"""The time of the lines of a page on which no timestamp can be read; no real line has it."""
_KEY_BYTES = 8
_MOST_REMEMBERED = 4096


@dataclass(slots=True)
class MistimedLines:
    """Those of one page of a query. `remembered` has those of earlier pages, as they may come again."""

    remembered: bytes = b""
    shown: list[LogLine] = field(default_factory=list)
    excluded: int = 0
    """Number of lines that are not shown: they lie outside the bounds of the query, or the page is full."""

    def add(self, lines: Sequence[LogLine], excluded: Iterable[LogLine]) -> None:
        """Add the lines of one response, and those that the query excludes."""
        known = {self.remembered[at : at + _KEY_BYTES] for at in range(0, len(self.remembered), _KEY_BYTES)}
        self.shown += [line for line, key in _keyed(lines) if self._is_new(key, known)]
        self.excluded += sum(self._is_new(key, known) for _, key in _keyed(excluded))

    def placed(self, stamp_ns: int, room: int) -> list[LogLine]:
        """The lines to show, at the time of another line; those for which there is no room are counted instead."""
        self.excluded += max(0, len(self.shown) - max(room, 0))
        self.shown = self.shown[: max(room, 0)]
        return [line._replace(timestamp_ns=stamp_ns) for line in self.shown]

    def gap(self) -> Gap | None:
        """The gap that counts them; None if there are none."""
        count = len(self.shown) + self.excluded
        if not count:
            return None
        verb = "has" if count == 1 else "have"
        text = f"{plural(count, 'line')} {verb} a time outside the window, or none that can be read."
        if self.shown:
            text += " Each is shown with the time of the line before it."
        if self.excluded:
            text += f" {self.excluded:,} of them {'is' if self.excluded == 1 else 'are'} not shown."
        return Gap(Part.LOGS, GapReason.MISTIMED_LINES, text, lines=count)

    def _is_new(self, key: bytes, known: set[bytes]) -> bool:
        if key in known:
            return False
        known.add(key)
        self.remembered = (self.remembered + key)[-_MOST_REMEMBERED * _KEY_BYTES :]
        return True


def _keyed(lines: Iterable[LogLine]) -> list[tuple[LogLine, bytes]]:
    """The lines with what identifies each: its content, and how many equal ones come before it."""
    counts, keyed = Counter[LogLine](), list[tuple[LogLine, bytes]]()
    for line in lines:
        counts[line] += 1
        text = f"{line._replace(level=None)!r}\0{counts[line]}"
        keyed.append((line, blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()))
    return keyed
