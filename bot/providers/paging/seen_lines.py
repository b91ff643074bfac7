"""Remember which log lines were already emitted, in a form small enough to store between two polls. Pure.

Readers request some lines again, at the seams of pages and for lines that arrive late, and subtract those already
emitted.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from hashlib import blake2b
from operator import itemgetter

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogLine

MOST_SEEN = 262_144
"""Maximum number of lines in a `SeenLines` (2 MiB): 90 s of 2,900 lines per second. The oldest are dropped first."""

LONGEST_OVERLAP = timedelta(hours=12)

_HASH_BITS = 38
_HASH_SHIFT = 64 - _HASH_BITS
_MOST_OFFSET_MS = 2**_HASH_SHIFT - 1
_ALL_BITS = 2**64 - 1
_ODD = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: spreads timestamps that differ little (Fibonacci hashing)."""


class SeenLines:
    """The multiset of lines already emitted within some span of time: eight bytes per line, sorted by time.

    A key is the line's millisecond, relative to a base, above 38 bits of a hash of the line. Two different lines can
    collide only within the same millisecond (with 1,000 lines in it: once in 550,000). The level does not identify a
    line, because platforms detect it afterwards. Duplicates count as often as they were emitted.
    """

    __slots__ = ("_keys", "_most", "base_ms")

    def __init__(self, base_ms: int = 0, keys: bytes = b"", *, most: int = MOST_SEEN) -> None:
        """Restore from `base_ms` and `packed`; without arguments, start empty. Holds up to `most` lines."""
        self.base_ms = base_ms
        """The millisecond that keys are relative to."""
        self._most = most
        self._keys = array("Q")
        self._keys.frombytes(keys)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def is_full(self) -> bool:
        """Whether the oldest lines may have been dropped."""
        return len(self._keys) >= self._most

    @property
    def first_ms(self) -> int:
        """The millisecond of the oldest line; `base_ms` when empty."""
        return self.base_ms + (self._keys[0] >> _HASH_BITS if self._keys else 0)

    @property
    def last_ms(self) -> int:
        """The millisecond of the newest line; `base_ms` when empty."""
        return self.base_ms + (self._keys[-1] >> _HASH_BITS if self._keys else 0)

    def packed(self) -> bytes:
        """Return all keys, eight bytes each."""
        return self._keys.tobytes()

    def unseen(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Return those of `lines`, ordered by time either way, that were not emitted yet.

        Of each millisecond that was emitted in part, `lines` must hold all that the platform has.
        """
        if not self._keys or not lines:
            return list(lines)
        first_ms, last_ms = sorted(line.timestamp_ns // NS_PER_MS for line in (lines[0], lines[-1]))
        emitted = Counter(self._keys[self._position(first_ms) : self._position(last_ms + 1)])
        first_ns, last_ns = self.first_ms * NS_PER_MS, (self.last_ms + 1) * NS_PER_MS
        new = []
        for line in lines:
            if first_ns <= line.timestamp_ns < last_ns:
                key = self._key(line)
                if emitted.get(key):
                    emitted[key] -= 1
                    continue
            new.append(line)
        return new

    def add(self, lines: Iterable[LogLine]) -> None:
        """Remember lines as emitted. All lines must lie within 18 hours, so call `keep` first."""
        chosen = list(lines)
        if not chosen:
            return
        first_ms = min(line.timestamp_ns for line in chosen) // NS_PER_MS
        if not self._keys or first_ms < self.base_ms:
            self._rebase(first_ms)
        new = sorted(map(self._key, chosen))
        tail = bisect_left(self._keys, new[0])
        if tail < len(self._keys):
            new = sorted([*self._keys[tail:], *new])
            del self._keys[tail:]
        self._keys.extend(new)
        del self._keys[: max(0, len(self._keys) - self._most)]

    def keep(self, first_ms: int, last_ms: int | None = None) -> None:
        """Forget the lines before `first_ms` and after `last_ms`."""
        if last_ms is not None:
            del self._keys[self._position(last_ms + 1) :]
        del self._keys[: self._position(first_ms)]
        if self._keys and self._keys[0] >> _HASH_BITS > _MOST_OFFSET_MS // 8:
            self._rebase(self.first_ms)

    def count(self, first_ms: int) -> int:
        """Return how many lines were emitted at or after a millisecond."""
        return len(self._keys) - self._position(first_ms)

    def _position(self, ms: int) -> int:
        return bisect_left(self._keys, min(max(ms - self.base_ms, 0), _MOST_OFFSET_MS) << _HASH_BITS)

    def _rebase(self, base_ms: int) -> None:
        """Make keys relative to another millisecond, not later than the oldest line."""
        shift = (self.base_ms - base_ms) << _HASH_BITS
        self._keys = array("Q", (key + shift for key in self._keys))
        self.base_ms = base_ms

    def _key(self, line: LogLine) -> int:
        # By position, as this runs once per line read. Stored cursors hold hashes of this text: do not change it.
        timestamp_ns, message, rank, replica, _, request_id = line
        text = f"{message}\0{replica if rank is None else f'rank {rank} {replica}'}\0{request_id}"
        digest = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        mixed = (digest + timestamp_ns * _ODD) & _ALL_BITS
        offset: int = timestamp_ns // NS_PER_MS - self.base_ms
        if not 0 <= offset <= _MOST_OFFSET_MS:
            offset = 0 if offset < 0 else _MOST_OFFSET_MS
        return (offset << _HASH_BITS) | (mixed >> _HASH_SHIFT)


def in_order(lines: list[LogLine], *, newest_first: bool = False) -> list[LogLine]:
    """Sort the lines by timestamp, in place; lines with equal timestamps keep their order."""
    # By position: this runs for every line read, and `itemgetter` is faster than `attrgetter` on a NamedTuple.
    stamps = list(map(itemgetter(0), lines))
    if stamps != sorted(stamps, reverse=newest_first):
        lines.sort(key=itemgetter(0), reverse=newest_first)
    return lines


def identity(line: LogLine) -> LogLine:
    """Return what identifies a line: all but its level, which platforms detect afterwards."""
    return line._replace(level=None)
