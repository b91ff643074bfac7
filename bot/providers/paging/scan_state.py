"""What a scan by time windows remembers: about the endpoint, between pages (the cursor), and within one page. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from bot.domain.logs import LogLine
from bot.providers.paging.scan_direction import ScanDirection
from bot.providers.paging.seen_lines import SeenLines


@dataclass(slots=True)
class Endpoint:
    """The bounds of one log endpoint: documented ones, and those that its answers have shown so far."""

    longest: timedelta
    """The longest window it accepts."""
    fallback: timedelta
    """The longest window that an older version of it accepts; tried when it refuses a longer one."""
    page_size: int = 1000
    largest: int = 0
    """The largest page it has returned: a smaller one was probably not cut."""


class ScanState(msgspec.Struct, array_like=True):
    """The content of a cursor. It is stored by position, so new fields go to the end."""

    follow: bool
    newest_first: bool
    start_ns: int
    """Lines before it are left out."""
    end_ns: int
    """Lines after it are left out; fixed when a scan begins."""
    position: int | None = None
    """Where the next request begins; None before a scan. `seen` holds every line emitted at or after it."""
    cut_at: int = 0
    """The largest page that was smaller than asked and yet not the last; 0 when there was none."""
    floor_ms: int | None = None
    """Where a follower's next scan begins; None before the first is complete."""
    newest_ns: int = 0
    """For a follower, the newest line emitted; otherwise, the last."""
    seen_base_ms: int = 0
    seen: bytes = b""
    scans: int = 0
    """The number of scans that a follower has completed."""


@dataclass(slots=True)
class PageLines:
    """Collects the new lines of one page, and remembers those that later requests may return again."""

    state: ScanState
    direction: ScanDirection
    limit: int
    lines: list[LogLine] = field(default_factory=list)
    seen: SeenLines = field(init=False)
    _remembered: int = 0
    """The number of `lines` that `remember` has dealt with."""

    def __post_init__(self) -> None:
        self.seen = SeenLines(self.state.seen_base_ms, self.state.seen)

    def add(self, lines: list[LogLine]) -> bool:
        """Add the new ones of these whole milliseconds; return False when not all of them fit."""
        inside = self._within_bounds(lines)
        # Lines after the last seen one are new; the check costs a hash per line, so it is made only before that.
        last_seen = self.direction.position(self.seen.first_ms if self.state.newest_first else self.seen.last_ms)
        new = self.seen.unseen(self.direction.before(inside, last_seen + 1))
        new += self.direction.at_or_after(inside, last_seen + 1)
        room = self.limit - len(self.lines)
        self.lines += new[:room]
        return len(new) <= room

    def remember(self, keep_from: int) -> None:
        """Remember the lines at or after a position, and forget all others."""
        keep_ms = self.direction.ms(keep_from)
        if self.state.newest_first:
            self.seen.keep(0, keep_ms)
        else:
            self.seen.keep(keep_ms)
        self.seen.add(self.direction.at_or_after(self.lines[self._remembered :], keep_from))
        self._remembered = len(self.lines)

    def seen_from(self, position: int) -> int:
        """Return how many lines at or after a position were emitted before."""
        return len(self.seen) if self.state.newest_first else self.seen.count(position)

    def next_floor(self, keep_from: int) -> int:
        """Return where a follower's next scan begins: where `seen` is complete."""
        return max(keep_from, self.seen.first_ms + 1) if self.seen.is_full else keep_from

    def _within_bounds(self, lines: list[LogLine]) -> list[LogLine]:
        start_ns, end_ns = self.state.start_ns, self.state.end_ns
        if not lines or all(start_ns <= line.timestamp_ns <= end_ns for line in (lines[0], lines[-1])):
            return lines
        return [line for line in lines if start_ns <= line.timestamp_ns <= end_ns]
