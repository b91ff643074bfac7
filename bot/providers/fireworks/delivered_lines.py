"""A multiset of log lines by time, small enough for a cursor. Pure.

`bot.providers.paging.seen_lines.SeenLines` handles whole milliseconds. The gateway's pages end anywhere within a
millisecond, even between two equal lines, and its timestamps may lie anywhere in time.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

from bot.domain.logs import LogLine

LineKey = tuple[int, int]
"""The nanosecond of a line, and 64 bits of a digest of the rest."""


class DeliveredLines:
    """Lines by time, each as often as it occurred: sixteen bytes per line."""

    __slots__ = ("_digests", "_stamps")

    def __init__(self, stamps: bytes = b"", digests: bytes = b"") -> None:
        """Restore from `packed`; without arguments, start empty.

        Raises:
            ValueError: the bytes are not from `packed`.
        """
        self._stamps = array("q")
        self._digests = array("Q")
        self._stamps.frombytes(stamps)
        self._digests.frombytes(digests)
        if len(self._stamps) != len(self._digests):
            raise ValueError("stamps and digests differ in number")

    def __len__(self) -> int:
        return len(self._stamps)

    def packed(self) -> tuple[bytes, bytes]:
        """Return all timestamps and all digests."""
        return self._stamps.tobytes(), self._digests.tobytes()

    def counts(self, first_ns: int, last_ns: int) -> Counter[LineKey]:
        """Return the lines between two times, inclusive, and how often each occurs."""
        span = slice(bisect_left(self._stamps, first_ns), bisect_right(self._stamps, last_ns))
        return Counter(zip(self._stamps[span], self._digests[span], strict=True))

    def add(self, keys: Iterable[LineKey]) -> None:
        """Add lines, in any order."""
        new = sorted(keys)
        if not new:
            return
        tail = bisect_left(self._stamps, new[0][0])
        if tail < len(self._stamps):
            new = sorted([*zip(self._stamps[tail:], self._digests[tail:], strict=True), *new])
            del self._stamps[tail:], self._digests[tail:]
        self._stamps.extend(stamp for stamp, _ in new)
        self._digests.extend(digest for _, digest in new)

    def keep(self, first_ns: int, last_ns: int) -> None:
        """Keep only the lines between two times, inclusive."""
        end, begin = bisect_right(self._stamps, last_ns), bisect_left(self._stamps, first_ns)
        del self._stamps[end:], self._digests[end:]
        del self._stamps[:begin], self._digests[:begin]

    def count_since(self, first_ns: int) -> int:
        """Return the number of lines at or after a time."""
        return len(self._stamps) - bisect_left(self._stamps, first_ns)

    def newest_since(self, count: int) -> int:
        """Return the earliest time with at most `count` lines at or after it."""
        return 0 if len(self._stamps) <= count else self._stamps[-count - 1] + 1


def key_of(line: LogLine) -> LineKey:
    """Return what identifies a line."""
    text = f"{line.source}\0{line.message}".encode("utf-8", "surrogatepass")
    return line.timestamp_ns, int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
