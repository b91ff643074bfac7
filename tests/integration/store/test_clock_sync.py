"""Clocks that jump or differ between processes: due times, leases and shared work."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import cycle

import pytest

from bot.domain.alerts import Receipt
from bot.domain.boards import BoardKind, BoardSettings
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.domain.watches import PollShare
from bot.steady_clock import SteadyClock
from bot.store.store import Store
from bot.watcher.clock_sync import ClockSync, ClockSyncSettings
from tests.integration.store.building import add_to_outbox, delivery
from tests.integration.store.test_digests import open_incidents
from tests.support.waiting import LONGEST_S

HOURS_2 = timedelta(hours=2)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=90)
QUICK = ClockSyncSettings(adopt_after_s=60, short_absence=timedelta(days=1), lease=LEASE, align_s=0)
"""So that nothing sleeps, and few ticks suffice."""


@dataclass
class Machine:
    """One monotonic clock for all processes of a test, and a system clock for each."""

    start: datetime
    elapsed_s: float = 0.0
    ahead: dict[str, timedelta] = field(default_factory=dict)
    """How far each process's system clock is ahead of the truth."""
    syncs: list[ClockSync] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed_s)

    def clock(self, name: str, ahead: timedelta = timedelta(0)) -> SteadyClock:
        self.ahead[name] = ahead
        return SteadyClock(lambda: self.now + self.ahead[name], lambda: self.elapsed_s)

    async def run(self, store: Store, clock: SteadyClock) -> ClockSync:
        """Start a process."""
        sync = ClockSync(store, clock, QUICK)
        await sync.start()
        self.syncs.append(sync)
        return sync

    async def advance(self, seconds: float) -> None:
        """Let the time pass, with a tick of every process every two seconds."""
        ends_s = self.elapsed_s + seconds
        while self.elapsed_s < ends_s:
            self.elapsed_s += min(2.0, ends_s - self.elapsed_s)
            for sync in self.syncs:
                await sync.tick()


@pytest.fixture
def machine(now: datetime) -> Machine:
    return Machine(now)


async def subscribe(store: Store, count: int, now: datetime) -> None:
    for index in range(count):
        await store.subscriptions.add("C1", None, JobRef("fake", f"job{index}"), "U1", RuleSettings(), now)


async def claimed_ids(store: Store, clock: SteadyClock, limit: int = 100, share: PollShare | None = None) -> set[int]:
    return {one.id for one in await store.watches.claim_due(clock(), lease=LEASE, limit=limit, share=share)}


@pytest.mark.parametrize("jump", [HOURS_2, -HOURS_2, MINUTE, -MINUTE, timedelta(days=400), timedelta(days=-400)])
async def test_a_jump_of_the_system_clock_changes_no_time(store: Store, machine: Machine, jump: timedelta) -> None:
    clock = machine.clock("a")
    sync = await machine.run(store, clock)
    for ahead in (jump, timedelta(0), -jump):
        machine.ahead["a"] = ahead
        await machine.advance(20)
        assert clock() == machine.now
        assert sync.state.offset == ahead
    assert sync.state.jumps == 3


@pytest.mark.parametrize("jump", [HOURS_2, -HOURS_2])
async def test_a_lasting_difference_is_adopted_and_everything_is_due(
    store: Store, machine: Machine, jump: timedelta
) -> None:
    clock = machine.clock("a")
    await machine.run(store, clock)
    await subscribe(store, 3, clock())
    held = await claimed_ids(store, clock, limit=1)
    machine.ahead["a"] = jump
    await machine.advance(54)
    assert clock() == machine.now

    await machine.advance(10)

    assert clock() == machine.now + jump
    free = await claimed_ids(store, clock) - held
    await machine.advance(LEASE.total_seconds())
    assert (2, held) == (len(free), (await claimed_ids(store, clock)) & held)


@pytest.mark.parametrize("skew", [MINUTE, -MINUTE, HOURS_2, -HOURS_2])
async def test_a_process_that_joins_takes_the_time_of_the_one_that_runs(
    store: Store, machine: Machine, skew: timedelta
) -> None:
    first = machine.clock("a")
    await machine.run(store, first)
    await machine.advance(3)
    second = machine.clock("b", skew)
    await machine.run(store, second)

    for _ in range(40):
        await machine.advance(2)
        assert first() == machine.now
        assert abs(second() - machine.now) <= timedelta(seconds=3)


@pytest.mark.parametrize("skew", [MINUTE, -MINUTE])
async def test_processes_a_minute_apart_share_the_work_and_respect_leases(
    store: Store, machine: Machine, skew: timedelta
) -> None:
    clocks = {"a": machine.clock("a"), "b": machine.clock("b", skew)}
    for clock in clocks.values():
        await machine.run(store, clock)
        await machine.advance(1)
    await machine.advance(10)
    await subscribe(store, 10, clocks["a"]())
    held = await claimed_ids(store, clocks["a"], limit=5)
    await machine.advance(4)
    assert held.isdisjoint(await claimed_ids(store, clocks["b"]))
    await machine.advance(LEASE.total_seconds() - 20)
    assert set() == await claimed_ids(store, clocks["b"])
    await machine.advance(30)
    assert 10 == len(await claimed_ids(store, clocks["b"]))


async def test_a_jump_on_one_of_two_machines_is_not_adopted(store: Store, machine: Machine) -> None:
    clocks = [machine.clock(name) for name in "ab"]
    for clock in clocks:
        await machine.run(store, clock)
        await machine.advance(1)
    machine.ahead["b"] = HOURS_2
    await machine.advance(80)
    assert {timedelta(0)} == {clock() - machine.now for clock in clocks}


@pytest.mark.parametrize("jump", [HOURS_2, -HOURS_2])
async def test_processes_adopt_a_jump_that_all_of_them_see(store: Store, machine: Machine, jump: timedelta) -> None:
    clocks = [machine.clock("a"), machine.clock("b", MINUTE)]
    for clock in clocks:
        await machine.run(store, clock)
        await machine.advance(8)
    for name in "ab":
        machine.ahead[name] += jump
    await machine.advance(66)
    times = [clock() for clock in clocks]
    assert abs(times[0] - times[1]) <= timedelta(seconds=3)
    assert abs(times[0] - machine.now - jump) <= MINUTE + timedelta(seconds=3)


@pytest.mark.parametrize("ahead", [timedelta(0), HOURS_2, -HOURS_2])
async def test_after_a_kill_the_system_clock_is_adopted_within_seconds(
    store: Store, machine: Machine, ahead: timedelta
) -> None:
    await machine.run(store, machine.clock("a"))
    await subscribe(store, 1, machine.now)
    await machine.advance(30)
    await store.watches.claim_due(machine.now, lease=LEASE)
    machine.syncs.clear()
    machine.elapsed_s += 20
    clock = machine.clock("b", ahead)
    await machine.run(store, clock)

    await machine.advance(10)

    assert clock() == machine.now + ahead
    await machine.advance(LEASE.total_seconds())
    assert 1 == len(await claimed_ids(store, clock))


@pytest.mark.parametrize("jump", [HOURS_2, -HOURS_2])
async def test_a_process_that_starts_right_after_a_kill_uses_the_time_that_was_just_adopted(
    store: Store, machine: Machine, jump: timedelta
) -> None:
    """The attempts that the killed process made are at that time."""
    clock = machine.clock("a")
    await machine.run(store, clock)
    machine.ahead["a"] = jump
    while clock() == machine.now:
        await machine.advance(2)
    machine.syncs.clear()  # killed at once

    successor = machine.clock("b", jump)
    await machine.run(store, successor)
    assert abs(successor() - clock()) < timedelta(seconds=3)


async def test_a_stopped_process_leaves_no_time_behind(store: Store, machine: Machine) -> None:
    await (await machine.run(store, machine.clock("a", HOURS_2))).stop()
    clock = machine.clock("b")
    await machine.run(store, clock)
    assert clock() == machine.now


async def test_due_times_too_far_ahead_are_corrected_and_logged(
    store: Store, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    await subscribe(store, 2, machine.now + timedelta(days=1))
    clock = machine.clock("a")
    await machine.run(store, clock)
    assert set() == await claimed_ids(store, clock)

    await machine.advance(1)

    assert 2 == len(await claimed_ids(store, clock))
    (record,) = [one for one in caplog.records if one.message == "due times too far in the future"]
    assert 2 == vars(record)["polls"]


async def test_a_process_that_joins_aligns_its_time_although_what_it_reads_is_old(
    store: Store, machine: Machine
) -> None:
    first, second = machine.clock("a"), machine.clock("b", MINUTE)
    running = await machine.run(store, first)
    machine.elapsed_s = 1.0
    joining = ClockSync(store, second, replace(QUICK, align_s=LONGEST_S))
    await joining.start()
    machine.elapsed_s = 2.0
    await running.tick()
    machine.elapsed_s = 3.5  # what the first one wrote is older than the second one's time lags
    tick = asyncio.create_task(joining.tick())
    async with asyncio.timeout(LONGEST_S):
        while len(await store.clocks.list_all()) < 2:  # noqa: ASYNC110 - until it has read the old time
            await asyncio.sleep(0.005)
    machine.elapsed_s = 4.0
    await running.tick()
    await tick

    assert first() == second() == machine.now


async def test_each_process_polls_its_share_first_and_later_all(store: Store, machine: Machine) -> None:
    clocks = [machine.clock(name) for name in "ab"]
    syncs = []
    for clock in clocks:
        syncs.append(await machine.run(store, clock))
        await machine.advance(1)
    await machine.advance(6)
    await subscribe(store, 10, machine.now)
    shares = [sync.state.share for sync in syncs]
    assert {(0, 2), (1, 2)} == {(one.rank, one.processes) for one in shares if one is not None}

    assert 5 == len(await claimed_ids(store, clocks[0], share=shares[0]))
    assert set() == await claimed_ids(store, clocks[0], share=shares[0])
    machine.elapsed_s += 2
    assert 5 == len(await claimed_ids(store, clocks[0], share=shares[0]))


async def test_a_clock_that_was_set_back_delays_no_digest_of_runs_nor_sends_one_early(
    store: Store, machine: Machine
) -> None:
    clock = machine.clock("a", timedelta(days=3))
    daily = BoardSettings(BoardKind.DAILY, minute=(clock().hour + 1) % 24 * 60)
    await store.boards.choose("C0", daily, clock() - timedelta(days=3))
    await store.boards.choose("C1", BoardSettings(BoardKind.LIVE), clock())
    await store.boards.choose("C2", daily, clock())
    await machine.run(store, clock)
    machine.ahead["a"] = timedelta(0)
    await machine.advance(70)

    assert {one.channel for one in await store.boards.list_due(clock())} == {"C1", "C2"}


async def test_a_clock_that_was_set_back_delays_no_digest_and_no_search(store: Store, machine: Machine) -> None:
    clock = machine.clock("a")
    await machine.run(store, clock)
    await open_incidents(store, clock(), *range(10))
    await add_to_outbox(store, clock(), delivery("note", channel="C2"))
    (one,) = await store.deliveries.claim(clock(), lease=LEASE)
    await store.deliveries.mark_failed(one.id, one.token, "reset", clock(), is_unknown=True)
    (unknown,) = await store.deliveries.attempts.claim(clock(), lease=LEASE)
    await store.deliveries.mark_sent(one.id, unknown.token, Receipt("C2", "1.1"), clock())
    machine.ahead["a"] = -HOURS_2
    await machine.advance(70)

    assert clock() == machine.now - HOURS_2
    assert len(await store.digests.list_due(clock())) == 1
    assert len(await store.deliveries.attempts.claim_sent(clock(), lease=LEASE)) == 1


async def test_what_a_process_wrote_before_it_followed_a_clock_that_was_set_back_is_due(
    store: Store, machine: Machine
) -> None:
    clocks = [machine.clock("a"), machine.clock("b")]
    for clock in clocks:
        await machine.run(store, clock)
        await machine.advance(8)
    for name in "ab":
        machine.ahead[name] = -HOURS_2
    turns = cycle(zip(machine.syncs, reversed(clocks), strict=True))
    late = clocks[0]
    while all(clock() > machine.now - MINUTE for clock in clocks):
        machine.elapsed_s += 1
        sync, late = next(turns)
        await sync.tick()
    assert late() > machine.now - MINUTE
    await open_incidents(store, late(), *range(10))

    await machine.advance(4)

    assert abs(late() - machine.now + HOURS_2) < MINUTE
    assert len(await store.digests.list_due(late())) == 1
