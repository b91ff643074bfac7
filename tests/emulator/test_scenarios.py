"""The stories that a person starts, and the clock that moves for everything at once."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import pytest

from emulator.demo_bot import Ahead, follow
from emulator.demo_clock import DemoClock
from emulator.faults import Faults
from emulator.scenarios import SCENARIOS, Cast, Scenario, scenario_named
from emulator.timeline import Timeline
from emulator.world import World
from tests.fakes.cloud import NOON


def job_count(world: World) -> int:
    return sum(len(project.jobs) for project in world.projects.values()) + len(world.batch_jobs)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_story_can_be_started_twice_and_its_events_are_in_order(scenario: Scenario) -> None:
    world, faults = World(lambda: NOON), Faults()
    for number in range(2):
        before = job_count(world)
        scenario.write(Cast(world, faults, Timeline(NOON), number))
        assert job_count(world) > before
    assert scenario.watched(0) != scenario.watched(1)
    seconds = [beat.at_s for beat in scenario.beats]
    assert seconds == sorted(seconds)
    assert seconds


def test_the_platform_that_goes_down_comes_back() -> None:
    faults = Faults()
    cast = Cast(World(lambda: NOON), faults, Timeline(NOON), 0)
    changes = [beat.change for beat in scenario_named("platform-down").beats if beat.change]
    changes[0](cast)
    assert [fault.path for fault in faults.pending] == ["/fireworks"]
    changes[1](cast)
    assert faults.pending == []


def test_an_unknown_story_is_refused() -> None:
    with pytest.raises(KeyError):
        scenario_named("flood")


def test_the_clock_moves_forward_only_and_takes_its_followers_along() -> None:
    moves: list[float] = []
    clock = DemoClock(NOON.timestamp, followers=[moves.append])
    clock.move(600)
    assert clock.utc_now() == NOON + timedelta(minutes=10)
    assert moves == [600]
    with pytest.raises(ValueError, match="forward"):
        clock.move(-1)


async def test_the_bot_adds_up_the_moves_it_reads_until_the_demo_ends() -> None:
    ahead = Ahead()
    source, sink = os.pipe()
    os.write(sink, b"600\n1")
    os.write(sink, b"5.5\n")
    os.close(sink)
    await asyncio.to_thread(follow, ahead, source)
    os.close(source)
    assert ahead.seconds == 615.5
