"""What `trainwatch logs` must give for any options, in a few lines of plain Python over the whole log.

Written from the help text alone; shares no code with the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.acceptance.program import Row, stamp

RANKS = {"DEBUG": 1, "INFO": 2, "WARNING": 3, "ERROR": 4, "CRITICAL": 5}
DEFAULT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Options:
    """What can be typed behind `logs REF`. Times are nanoseconds since the epoch."""

    start_ns: int | None = None
    end_ns: int | None = None
    level: str | None = None
    grep: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replica: tuple[str, ...] = ()
    rank: tuple[int, ...] = ()
    request_id: str | None = None
    limit: int | None = None
    tail: int | None = None
    everything: bool = False
    order: str | None = None
    """`asc`, `desc` or neither."""

    def words(self) -> list[str]:
        """As they are typed."""
        return [word for name, value in self._given() for word in ([name] if value is None else [f"{name}={value}"])]

    def _given(self) -> Iterator[tuple[str, str | None]]:
        for name, moment in (("--start", self.start_ns), ("--end", self.end_ns)):
            if moment is not None:
                yield name, stamp(moment)
        for name, text in (("--level", self.level), ("--grep", self.grep), ("--request-id", self.request_id)):
            if text is not None:
                yield name, text
        for name, texts in (("--include", self.include), ("--exclude", self.exclude), ("--replica", self.replica)):
            yield from ((name, text) for text in texts)
        yield from (("--rank", str(rank)) for rank in self.rank)
        for name, count in (("--limit", self.limit), ("--tail", self.tail)):
            if count is not None:
                yield name, str(count)
        if self.everything:
            yield "--all", None
        if self.order:
            yield f"--{self.order}", None


def wanted(rows: list[Row], options: Options) -> list[Row]:
    """The rows that these options leave, of a log that is oldest first."""
    kept = [row for row in rows if _passes(row, options)]
    count = len(kept) if options.everything else options.tail or options.limit or DEFAULT_LIMIT
    from_the_beginning = options.order == "asc" and options.tail is None
    taken = kept[:count] if from_the_beginning else kept[max(0, len(kept) - count) :]
    return taken[::-1] if options.order == "desc" else taken


def _passes(row: Row, options: Options) -> bool:
    at, message = row["timestamp"], row["message"]
    return (
        (options.start_ns is None or stamp(options.start_ns) <= at)
        and (options.end_ns is None or at <= stamp(options.end_ns))
        and (options.level is None or RANKS.get(row["level"], 0) >= RANKS[options.level.upper()])
        and (options.grep is None or re.search(options.grep, message, re.ASCII) is not None)
        and all(text in message for text in options.include)
        and not any(text in message for text in options.exclude)
        and (not options.replica or row["source"] in options.replica)
        and (not options.rank or row["source"] in [f"rank {rank}" for rank in options.rank])
        and (options.request_id is None or row["request_id"] == options.request_id)
    )
