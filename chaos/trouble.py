"""What goes wrong: lost and late answers of Slack, failing platforms, and kills."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from emulator import faults as cloud_faults
from emulator.demo import bot_process, connected
from emulator.sandbox import Sandbox
from emulator.slack.faults import Fault

FOREVER = 10**9
POSTS = ("chat.postMessage", "chat.update")
HISTORY = ("conversations.history", "conversations.replies")


def break_slack(on: Sandbox, seed: int) -> None:
    """Order failures of Slack for the whole run."""
    faults = on.slack.context.faults
    faults.chance = random.Random(seed)
    for method in POSTS:
        for fault in _post_faults():
            faults.order(method, fault)
    for method in HISTORY:
        faults.order(method, Fault("history reset", is_reset=True, probability=0.05, times=FOREVER))


def _post_faults() -> list[Fault]:
    return [
        Fault("reset after accept", is_reset=True, probability=0.03, is_applied=True, times=FOREVER),
        Fault("internal_error", status=500, probability=0.01, is_applied=True, times=FOREVER),
        Fault("slow answer", answer_delay_s=25.0, probability=0.003, is_applied=True, times=FOREVER),
        Fault("late accept", delay_s=25.0, probability=0.003, is_applied=True, times=FOREVER),
        Fault("reset", is_reset=True, probability=0.01, times=FOREVER),
        Fault("service_unavailable", status=503, probability=0.01, times=FOREVER),
        Fault("ratelimited", status=429, retry_after_s=2, probability=0.01, times=FOREVER),
    ]


def break_platforms(on: Sandbox, seed: int) -> None:
    """Make some requests to the platforms fail."""
    on.faults.set(
        [
            cloud_faults.Fault("status", "/baseten", probability=0.02, status=503),
            cloud_faults.Fault("reset", "/baseten", probability=0.01),
        ],
        seed=seed,
    )


def end_trouble(on: Sandbox) -> None:
    """From now on everything works."""
    on.slack.context.faults.clear()
    on.faults.set([])


@dataclass(slots=True)
class Killer:
    """Runs `trainwatch serve`, kills it at random times and starts it again."""

    on: Sandbox
    settings: dict[str, str]
    folder: Path
    rng: random.Random
    every_s: tuple[float, float]
    """The shortest and the longest life of a process."""
    kills: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, is_done: Callable[[], bool]) -> None:
        """Kill until the work is done; then leave the last process alone until `stopping` is set."""
        while not self.stopping.is_set():
            async with bot_process(self.settings, self.folder) as process:
                await connected(self.on, process)
                if is_done():
                    await self.stopping.wait()
                    return
                await asyncio.sleep(self.rng.uniform(*self.every_s))
                if not is_done():
                    process.kill()
                    await process.wait()
                    self.kills += 1
                else:
                    await self.stopping.wait()
                    return
