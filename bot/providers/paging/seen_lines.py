"""What every log reader shares: which lines were already given, kept small enough to store between two polls.

Paging by time windows is `time_windows`; paging by a platform's own tokens is that provider's. Both ask the
platform again for what they may have missed (page seams, late lines) and subtract what they already gave, here.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from hashlib import blake2b
from operator import itemgetter
from typing import ParamSpec, TypeVar

import msgspec

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogCursor, LogLine
from bot.errors import CursorLost, ProtocolError
from bot.providers.http.errors import BodyTooLarge

MOST_SEEN = 262_144
"""Lines a `SeenLines` holds at most (2 MiB): 90 s of 2,900 lines a second. Beyond it the oldest go first."""

LONGEST_OVERLAP = timedelta(hours=12)

_HASH_BITS = 38
_HASH_SHIFT = 64 - _HASH_BITS
_MOST_OFFSET_MS = 2**_HASH_SHIFT - 1
_ALL_BITS = 2**64 - 1
_ODD = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio: spreads stamps that differ little (Fibonacci hashing)."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_Asked = ParamSpec("_Asked")
_Answer = TypeVar("_Answer")


class SeenLines:
    """The multiset of lines already given within some span of time: eight bytes a line, sorted by time.

    A key is the line's millisecond, relative to a base, above 38 bits of a hash over the whole line; two different
    lines are taken for one only within the same millisecond (with 1,000 lines in it: once in 550,000). The level is
    no part of a line's identity, since platforms detect it afterwards. True duplicates count as often as they were
    given: what is asked again is subtracted copy by copy.
    """

    __slots__ = ("_base_ms", "_keys")

    def __init__(self, base_ms: int = 0, keys: bytes = b"") -> None:
        """Restore what `base_ms` and `packed` gave; without arguments nothing was seen."""
        self._base_ms = base_ms
        self._keys = array("Q")
        self._keys.frombytes(keys)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def base_ms(self) -> int:
        """What the keys count milliseconds from."""
        return self._base_ms

    @property
    def first_ms(self) -> int:
        """The millisecond of the oldest line held; `base_ms` when none is."""
        return self._base_ms + (self._keys[0] >> _HASH_BITS if self._keys else 0)

    @property
    def last_ms(self) -> int:
        """The millisecond of the newest line held; `base_ms` when none is."""
        return self._base_ms + (self._keys[-1] >> _HASH_BITS if self._keys else 0)

    def packed(self) -> bytes:
        """All keys, eight bytes each."""
        return self._keys.tobytes()

    def unseen(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """Those of `lines`, ordered by time either way, that were not given yet.

        Only sound when `lines` holds, of each millisecond that was given in part, all that the platform has: ask
        again from a whole millisecond on.
        """
        if not self._keys:
            return list(lines)
        first_ns = self.first_ms * NS_PER_MS
        last_ns = (self.last_ms + 1) * NS_PER_MS
        given = self._counts(lines)
        new = []
        for line in lines:
            if first_ns <= line.timestamp_ns < last_ns:
                key = self._key(line)
                if given.get(key):
                    given[key] -= 1
                    continue
            new.append(line)
        return new

    def add(self, lines: Iterable[LogLine]) -> None:
        """Remember lines as given. They and those held already lie within 18 hours: `keep` comes first."""
        chosen = list(lines)
        if not chosen:
            return
        first_ms = min(line.timestamp_ns for line in chosen) // NS_PER_MS
        if not self._keys or first_ms < self._base_ms:
            self._rebase(first_ms)
        new = sorted(map(self._key, chosen))
        tail = bisect_left(self._keys, new[0])
        if tail < len(self._keys):
            new = sorted([*self._keys[tail:], *new])
            del self._keys[tail:]
        self._keys.extend(new)
        if len(self._keys) > MOST_SEEN:
            del self._keys[: len(self._keys) - MOST_SEEN]

    def keep(self, first_ms: int, last_ms: int | None = None) -> None:
        """Forget all lines before `first_ms` and after `last_ms`."""
        if last_ms is not None:
            del self._keys[self._position(last_ms + 1) :]
        del self._keys[: self._position(first_ms)]
        if self._keys and self._keys[0] >> _HASH_BITS > _MOST_OFFSET_MS // 8:
            self._rebase(self.first_ms)

    def count(self, first_ms: int, last_ms: int | None = None) -> int:
        """How many lines were given between these milliseconds, both included."""
        end = len(self._keys) if last_ms is None else self._position(last_ms + 1)
        return max(0, end - self._position(first_ms))

    def _counts(self, lines: Sequence[LogLine]) -> Counter[int]:
        if not lines:
            return Counter()
        first_ms = min(lines[0].timestamp_ns, lines[-1].timestamp_ns) // NS_PER_MS
        last_ms = max(lines[0].timestamp_ns, lines[-1].timestamp_ns) // NS_PER_MS
        return Counter(self._keys[self._position(first_ms) : self._position(last_ms + 1)])

    def _position(self, ms: int) -> int:
        offset = min(max(ms - self._base_ms, 0), _MOST_OFFSET_MS)
        return bisect_left(self._keys, offset << _HASH_BITS)

    def _rebase(self, base_ms: int) -> None:
        """Count from another millisecond, none later than the oldest line."""
        shift = (self._base_ms - base_ms) << _HASH_BITS
        if self._keys:
            self._keys = array("Q", (key + shift for key in self._keys))
        self._base_ms = base_ms

    def _key(self, line: LogLine) -> int:
        # By position, as this runs once per line read. Stored cursors hold hashes of this text: do not change it.
        timestamp_ns, message, rank, replica, _, request_id = line
        text = f"{message}\0{replica if rank is None else f'rank {rank} {replica}'}\0{request_id}".encode(
            "utf-8", "surrogatepass"
        )
        digest = int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
        mixed = (digest + timestamp_ns * _ODD) & _ALL_BITS
        offset: int = timestamp_ns // NS_PER_MS - self._base_ms
        if not 0 <= offset <= _MOST_OFFSET_MS:
            offset = 0 if offset < 0 else _MOST_OFFSET_MS
        return (offset << _HASH_BITS) | (mixed >> _HASH_SHIFT)


def in_order(lines: list[LogLine], *, newest_first: bool = False) -> list[LogLine]:
    """The lines by timestamp, equal ones as they arrived. Sorts in place, and only when needed."""
    stamps = list(map(itemgetter(0), lines))
    if stamps != sorted(stamps, reverse=newest_first):
        lines.sort(key=itemgetter(0), reverse=newest_first)
    return lines


def identity(line: LogLine) -> LogLine:
    """What tells a line from others: all but its level, which platforms detect afterwards."""
    return line._replace(level=None)


def retry_on_malformed_response(ask: Callable[_Asked, Awaitable[_Answer]]) -> Callable[_Asked, Awaitable[_Answer]]:
    """`ask`, asking once more when the answer cannot be read: a body cut short or a proxy's page seldom comes twice.

    What comes twice is raised; a body that is too large would be so again.
    """

    async def asked(*args: _Asked.args, **kwargs: _Asked.kwargs) -> _Answer:
        try:
            return await ask(*args, **kwargs)
        except BodyTooLarge:
            raise
        except ProtocolError:
            return await ask(*args, **kwargs)

    return asked


def pack_cursor(state: msgspec.Struct) -> LogCursor:
    """A cursor from a provider's own state."""
    return LogCursor(msgspec.msgpack.encode(state))


def unpack_cursor(cursor: LogCursor, kind: type[_Struct]) -> _Struct:
    """The state that `pack_cursor` packed.

    Raises:
        CursorLost: the cursor was not made by this provider, or by another version of it.
    """
    try:
        return msgspec.msgpack.decode(cursor.state, type=kind)
    except msgspec.DecodeError as error:
        raise CursorLost from error
