"""Starts the stories of the demo and moves its time forward, for the page's bar and for scripts."""

import asyncio
import heapq
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from emulator.demo_clock import DemoClock
from emulator.sandbox import Sandbox
from emulator.scenarios import SCENARIOS, Beat, Cast, Scenario, scenario_named
from emulator.slack.model import Change, Json
from emulator.timeline import Timeline

CHANNEL = "stories"
STEP_S, STEPS_MAX, STEP_PAUSE_S = 10.0, 40, 0.1
"""A move is made in steps, so that the bot sees what happens in between; 10 minutes take four to six seconds."""
AFTER_EVENT_S = 1.0
WATCH_S = 30.0
TICK_S = 0.5


@dataclass(order=True, slots=True)
class _Due:
    at_s: float
    number: int
    beat: Beat = field(compare=False)
    cast: Cast = field(compare=False)
    title: str = field(compare=False)


@dataclass(slots=True)
class Director:
    """The stage of the page (``emulator.slack.stage``)."""

    on: Sandbox
    clock: DemoClock
    started: Counter[str] = field(default_factory=Counter)
    _due: list[_Due] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _held_until_s: float = 0.0
    """On the monotonic clock: time is not moved before."""
    _moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Add the channel of the stories."""
        people = self.on.slack.workspace.users
        self.on.slack.workspace.add_channel(CHANNEL, members=people, topic="The stories that you start")

    def state(self) -> Json:
        """What the page shows besides Slack."""
        following = self._due[0] if self._due else None
        stories = [{"name": one.name, "title": one.title, "summary": one.summary} for one in SCENARIOS]
        return {
            "channel": self._channel_id,
            "stories": stories,
            "started": dict(self.started),
            "now": self.clock.now_s(),
            "ahead_s": self.clock.ahead_s,
            "next": following and {"at": following.at_s, "story": following.title, "label": following.beat.label},
            "is_moving": self._moving.locked(),
        }

    async def start(self, user: str, name: str) -> Json:
        """Make the jobs of a story, and watch them as this person would.

        Raises:
            KeyError: the story is unknown.
        """
        scenario = scenario_named(name)
        number = self.started[name]
        self.started[name] += 1
        watch = f"watch {scenario.watched(number)}"
        cast = Cast(self.on.world, self.on.faults, Timeline(self.on.world.now), number)
        scenario.write(cast)
        self._plan(scenario, cast)
        await self._type(user, watch)
        self._publish()
        reference = scenario.watched(number).split()[0]
        return {"channel": self._channel_id, "question": f"@trainwatch what happened to {reference}"}

    async def advance(self, seconds: float | None) -> None:
        """Move time forward in steps; None: to just after the next event of a story."""
        async with self._moving:
            self._publish()
            await asyncio.sleep(max(0.0, self._held_until_s - time.monotonic()))
            if seconds is None:
                seconds = self._due[0].at_s + AFTER_EVENT_S - self.clock.now_s() if self._due else 0.0
            left = max(0.0, seconds)
            step = max(STEP_S, left / STEPS_MAX)
            while left > 0:
                self.clock.move(min(step, left))
                left -= step
                self._play()
                self._publish()
                await asyncio.sleep(STEP_PAUSE_S)
        self._publish()

    async def run(self) -> None:
        """Play what is due, until cancelled."""
        while True:
            if self._play():
                self._publish()
            await asyncio.sleep(TICK_S)

    @property
    def _channel_id(self) -> str:
        return self.on.slack.workspace.channel(CHANNEL).id

    def _plan(self, scenario: Scenario, cast: Cast) -> None:
        for beat in scenario.beats:
            at = cast.timeline.start + timedelta(seconds=beat.at_s)
            heapq.heappush(self._due, _Due(at.timestamp(), next(self._numbers), beat, cast, scenario.title))

    def _play(self) -> bool:
        """Do what the stories hold until now; returns whether there was anything."""
        now_s = self.clock.now_s()
        is_due = bool(self._due and self._due[0].at_s <= now_s)
        while self._due and self._due[0].at_s <= now_s:
            due = heapq.heappop(self._due)
            self._held_until_s = max(self._held_until_s, time.monotonic() + due.beat.hold_s)
            if due.beat.change:
                due.beat.change(due.cast)
        return is_due

    async def _type(self, user: str, text: str) -> None:
        await self.on.slack.person_actions.slash(user, self._channel_id, "/train", text, wait_s=WATCH_S)

    def _publish(self) -> None:
        self.on.slack.workspace.publish(Change("stage"))
