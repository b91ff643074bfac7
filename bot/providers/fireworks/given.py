"""A multiset of the log lines that were given out, small enough for a cursor. Pure.

Beside `bot.providers.reading.SeenLines`, which is asked with whole milliseconds: the gateway's pages end anywhere in a
moment, also between two equal lines, so here each line that is met again is taken out.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from itertools import accumulate, repeat

import msgspec

from bot.domain.logs import LogLine

_DIGEST_BITS = 64
_DIGEST_BYTES = 8


class _Packed(msgspec.Struct, array_like=True):
    steps_ns: list[int]
    """The first time, then the distance of each to the one before."""
    digests: bytes
    counts: list[int]
    """Empty when all are 1, which is the rule."""


class GivenLines:
    """Lines by time and digest, with how often: a line said twice counts twice."""

    __slots__ = ("_counts", "_size")

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        """Take (key, count) pairs; a key is the nanosecond above the 64 bits of the digest."""
        self._counts = dict(counts)
        self._size = sum(self._counts.values())

    def __len__(self) -> int:
        return self._size

    def add(self, line: LogLine) -> None:
        """One more of this line."""
        key = _key(line)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._size += 1

    def remove(self, line: LogLine) -> bool:
        """One less of this line; False when there is none."""
        key = _key(line)
        count = self._counts.pop(key, 0)
        if count > 1:
            self._counts[key] = count - 1
        self._size -= count > 0
        return count > 0

    def between(self, first_ns: int, last_ns: int) -> GivenLines:
        """Only the lines of these times, both included."""
        low, high = first_ns << _DIGEST_BITS, (last_ns + 1) << _DIGEST_BITS
        return GivenLines(item for item in self._counts.items() if low <= item[0] < high)

    def merged(self, other: GivenLines) -> GivenLines:
        """The lines of both."""
        counts = dict(self._counts)
        for key, count in other._counts.items():
            counts[key] = counts.get(key, 0) + count
        return GivenLines(counts.items())

    def newest_since(self, count: int) -> int:
        """The earliest time from which on there are at most `count` different lines."""
        keys = sorted(self._counts)
        return 0 if len(keys) <= count else (keys[-count - 1] >> _DIGEST_BITS) + 1

    def packed(self) -> bytes:
        """As bytes, about a dozen a line."""
        keys = sorted(self._counts)
        stamps = [key >> _DIGEST_BITS for key in keys]
        steps = [after - before for before, after in zip([0, *stamps], stamps, strict=False)]
        digests = b"".join((key & (1 << _DIGEST_BITS) - 1).to_bytes(_DIGEST_BYTES, "big") for key in keys)
        counts = [] if len(keys) == self._size else [self._counts[key] for key in keys]
        return msgspec.msgpack.encode(_Packed(steps, digests, counts))

    @classmethod
    def unpacked(cls, packed: bytes) -> GivenLines:
        """What `packed` gave."""
        found = msgspec.msgpack.decode(packed, type=_Packed)
        places = range(0, len(found.digests), _DIGEST_BYTES)
        digests = (int.from_bytes(found.digests[place : place + _DIGEST_BYTES], "big") for place in places)
        keys = (
            stamp << _DIGEST_BITS | digest for stamp, digest in zip(accumulate(found.steps_ns), digests, strict=True)
        )
        return cls(zip(keys, found.counts or repeat(1), strict=False))


def _key(line: LogLine) -> int:
    text = f"{line.source}\0{line.message}".encode("utf-8", "surrogatepass")
    return line.timestamp_ns << _DIGEST_BITS | int.from_bytes(blake2b(text, digest_size=_DIGEST_BYTES).digest(), "big")
