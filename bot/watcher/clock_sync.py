"""Make the clocks of all processes on one database agree, and adopt the system clock's time when that is safe.

Leases and due times are compared between processes, so the processes must share one time (ADR 24). Whether another
process runs is seen from a counter that it increases, never from its clock.

1. A process that starts alone uses its system clock.
2. A process that joins others uses their time, whatever its system clock reads.
3. A system clock that jumps changes nothing at first. When it has differed for `adopt_after_s`, in the same direction
   on every process, it was set on purpose: its time is adopted. If that is earlier, everything becomes due.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.watches import PollShare
from bot.steady_clock import SteadyClock
from bot.store.clocks import ProcessClock
from bot.store.store import Store

log = logging.getLogger(__name__)

_ALIGN_EVERY_S = 0.05
_JOINING = 0
"""The generation of a process that does not know yet whether others run; nobody uses its time."""


@dataclass(frozen=True, slots=True)
class ClockSyncSettings:
    """How the clocks of several processes agree."""

    sync_s: float = 2.0
    """Time between two comparisons."""
    silent_s: float = 7.0
    """A process that has written nothing for this long does not run."""
    short_absence: timedelta = timedelta(minutes=2)
    """After a longer one a starting process waits `silent_s` before it works, to see whether others run."""
    tolerance: timedelta = timedelta(seconds=2)
    adopt_after_s: float = 300.0
    align_s: float = 3.0
    """How long to watch for the next update of another process after its time was taken; longer than `sync_s`."""
    correct_s: float = 30.0
    """Time between two searches for due times that are too far in the future."""
    lease: timedelta = timedelta(seconds=90)
    furthest_poll: timedelta = timedelta(minutes=15)
    """Nothing waits longer for a poll."""
    furthest_delivery: timedelta = timedelta(hours=2)


@dataclass(slots=True)
class _Seen:
    """When the counter of another process last changed, on our monotonic clock."""

    beat: int
    at_s: float
    is_running: bool = False


@dataclass(slots=True)
class ClockState:
    """What the last comparison found."""

    offset: timedelta = timedelta(0)
    """How far the system clock is ahead of the time in use."""
    others: int = 0
    """Other processes that run."""
    jumps: int = 0
    """Jumps of the system clock since the start."""
    share: PollShare | None = None
    """The part of the jobs that this process polls first; None: it runs alone."""


class ClockSync:
    """Compares this process's clock with those of the others, as a Worker of `run_loop`."""

    def __init__(
        self, store: Store, clock: SteadyClock, settings: ClockSyncSettings | None = None, process: str | None = None
    ) -> None:
        self._clocks, self._due_times, self._clock = store.clocks, store.due_times, clock
        self._settings = settings or ClockSyncSettings()
        self._process = process or secrets.token_hex(8)
        self._beat, self._generation = 0, 1
        self._seen: dict[str, _Seen] = {}
        self._started_s = clock.monotonic()
        self._is_joining = False
        """Whether the time in use is that of a process that may not run any more."""
        self._differs_since_s: float | None = None
        self._synced_s = self._corrected_s = float("-inf")
        self.state = ClockState()

    async def start(self) -> None:
        """Take the time of the processes that run. Call it before any work.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        stored = await self._clocks.list_all()
        self._started_s = self._clock.monotonic()
        if not stored:
            await self._sync()
            return
        newest = max(stored, key=lambda one: (one.generation, one.at))
        absence = self._clock() - newest.at
        self._is_joining = True
        self._note_beats(stored)
        self._set(newest.at, newest.generation)
        while absence > self._settings.short_absence and self._is_joining:
            await asyncio.sleep(min(self._settings.sync_s, self._settings.silent_s) / 2)
            await self._sync()

    async def tick(self) -> int:
        """Compare when it is time. Always returns 0, because it is idle in between."""
        now_s = self._clock.monotonic()
        if now_s - self._synced_s >= self._settings.sync_s:
            await self._sync()
        if now_s - self._corrected_s >= self._settings.correct_s:
            self._corrected_s = now_s
            wrong = await self._due_times.correct(
                self._clock(),
                furthest_poll=self._settings.furthest_poll,
                furthest_delivery=self._settings.furthest_delivery,
            )
            if wrong:
                log.warning(
                    "due times too far in the future", extra={"polls": wrong.polls, "deliveries": wrong.deliveries}
                )
        return 0

    async def stop(self) -> None:
        """Delete this process's clock, so that the next process need not wait for it."""
        await self._clocks.remove([self._process])

    async def _sync(self) -> None:
        self._synced_s = self._clock.monotonic()
        self._note_jump()
        running = await self._exchange()
        has_joined = self._is_joining and bool(running)
        if running:
            self._is_joining = False
        followed = [self._follow(one) for one in running]
        if has_joined or any(one is not None for one in followed):
            await self._align()
        if any(one is not None and one < -self._settings.tolerance for one in followed):
            await self._due_times.make_due(self._clock(), self._settings.lease)  # what this process wrote since
        self.state.others = len(running)
        self.state.share = self._share_with([one.process for one in running])
        if not self._is_joining:
            offsets = [self.state.offset, *(timedelta(seconds=one.wall_offset_s) for one in running)]
            await self._adopt_lasting_difference(offsets)
        elif self._clock.monotonic() - self._started_s >= self._settings.silent_s:
            self._is_joining = False
            await self._adopt(self.state.offset, is_alone=True)

    async def _exchange(self) -> list[ProcessClock]:
        """Write our clock and return those of the other processes that run and have a time."""
        others = await self._clocks.publish(self._next_clock())
        self._note_beats(others)
        await self._remove_silent()
        return [one for one in others if self._seen[one.process].is_running and one.generation != _JOINING]

    def _next_clock(self) -> ProcessClock:
        """Our clock, as others read it."""
        self._beat += 1
        generation = _JOINING if self._is_joining else self._generation
        return ProcessClock(self._process, self._beat, generation, self._clock(), self.state.offset.total_seconds())

    def _share_with(self, others: Sequence[str]) -> PollShare | None:
        """Divide the jobs by rank, so that each process has a part whatever its load and the lag of its clock."""
        rank = sorted([*others, self._process]).index(self._process)
        return PollShare(rank, len(others) + 1) if others else None

    def _follow(self, other: ProcessClock) -> timedelta | None:
        """Use the time of another process if that was set later, or is ahead; return by how much it differs."""
        is_ahead = other.generation == self._generation and other.at > self._clock()
        if other.generation <= self._generation and not is_ahead:
            return None
        difference = other.at - self._clock()
        self._set(other.at, other.generation)
        if abs(difference) > self._settings.tolerance:
            log.info("clock set to that of another process", extra={"by_s": _seconds(difference)})
        return difference

    async def _align(self) -> None:
        """Read the clocks of the others until one is updated, because a time that was written earlier lags.

        Of two processes, the one whose time lags finds no job due that the other has not claimed before.
        """
        for _ in range(round(self._settings.align_s / _ALIGN_EVERY_S)):
            await asyncio.sleep(_ALIGN_EVERY_S)
            others = [one for one in await self._clocks.list_all() if one.process != self._process]
            fresh = [one for one in others if one.process in self._seen and self._seen[one.process].beat != one.beat]
            self._note_beats(others)
            if fresh:
                for one in fresh:
                    if one.generation != _JOINING:
                        self._follow(one)
                return

    def _set(self, now: datetime, generation: int) -> None:
        self._clock.set(now)
        self._generation = generation
        self.state.offset = self._clock.system_offset()

    def _note_beats(self, others: Sequence[ProcessClock]) -> None:
        now_s = self._clock.monotonic()
        known, self._seen = self._seen, {}
        for one in others:
            seen = known.get(one.process) or _Seen(one.beat, now_s)
            if seen.beat != one.beat:
                seen = _Seen(one.beat, now_s, is_running=True)
            self._seen[one.process] = seen

    async def _remove_silent(self) -> None:
        now_s = self._clock.monotonic()
        silent = [name for name, seen in self._seen.items() if now_s - seen.at_s >= self._settings.silent_s]
        if silent:
            await self._clocks.remove(silent)

    def _note_jump(self) -> None:
        offset = self._clock.system_offset()
        jump, self.state.offset = offset - self.state.offset, offset
        if abs(jump) > self._settings.tolerance:
            self.state.jumps += 1
            log.warning("system clock jumped", extra={"by_s": _seconds(jump), "ahead_s": _seconds(offset)})

    async def _adopt_lasting_difference(self, offsets: Sequence[timedelta]) -> None:
        """Adopt the smallest difference when all system clocks have differed in one direction for long."""
        tolerance, now_s = self._settings.tolerance, self._clock.monotonic()
        smallest = min(offsets, key=abs)
        if not (all(one > tolerance for one in offsets) or all(one < -tolerance for one in offsets)):
            self._differs_since_s = None
        elif self._differs_since_s is None:
            self._differs_since_s = now_s
        elif now_s - self._differs_since_s >= self._settings.adopt_after_s:
            self._differs_since_s = None
            await self._adopt(smallest, is_alone=False)

    async def _adopt(self, difference: timedelta, *, is_alone: bool) -> None:
        """Set the time in use by this difference. After a step back, everything becomes due.

        Claims of processes that were killed end, but not those of this one and of others that run.
        """
        self._set(self._clock() + difference, self._generation + 1)
        if abs(difference) > self._settings.tolerance:
            log.warning("system clock adopted", extra={"by_s": _seconds(difference)})
            await self._due_times.move_attempts(
                difference, self._clock(), with_leases=not is_alone, clock=self._next_clock()
            )
        if difference < -self._settings.tolerance:
            await self._due_times.make_due(self._clock(), self._settings.lease)


def _seconds(span: timedelta) -> float:
    return round(span.total_seconds(), 1)
