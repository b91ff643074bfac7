"""What happens in one simulation, drawn from its seed: jobs, errors, failures, faults, kills and clock changes."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.domain.grouping import STANDARD
from bot.domain.subscriptions import NotifyLevel

CHANNELS = ("C1", "C2")
LENGTH_S = 60.0
"""How long things go wrong; afterwards everything works until nothing is left to send."""
_WORDS = ("amber", "basalt", "cedar", "dune", "ember", "fjord", "grove", "harbor", "islet", "juniper", "kelp", "lagoon")


@dataclass(frozen=True)
class SlackFaults:
    """How often a call goes wrong, as shares of 1."""

    refused: float = 0.0
    """The connection fails before Slack reads the call."""
    answer_lost: float = 0.0
    """Slack accepts; the connection is reset before the answer."""
    late: float = 0.0
    """Slack accepts after the client has given up."""
    server_error: float = 0.0
    rate_limited: float = 0.0


@dataclass(frozen=True)
class Event:
    """Something that happens to a job (`log`, `fail`, `finish`, `restart`) or to a process.

    That is `kill`, `kill at commit`, `pause`, `pause at call` or `clock`, which without a target changes that of the
    machine on which all processes run.
    """

    at_s: float
    what: str
    target: str = ""
    text: str = ""
    number: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """Everything that a seed decides in advance."""

    seed: int
    jobs: tuple[str, ...]
    subscriptions: tuple[tuple[str, str], ...]
    """(channel, job)."""
    processes: int
    events: tuple[Event, ...]
    slack_faults: SlackFaults
    slack_outages: tuple[tuple[float, float], ...]
    platform_outages: tuple[tuple[float, float], ...]
    platform_error_rate: float
    platform_slow_rate: float
    notify: NotifyLevel
    """What the channels are notified of besides alerts."""
    storm_size: int
    """Incidents with a message each; one more and the others share a digest."""
    can_read_history: bool
    clocks_change: bool = False
    """Whether system clocks differ and jump."""


def draw(seed: int, *, can_read_history: bool = True) -> Scenario:
    """Draw the scenario of a seed."""
    dice = random.Random(seed)
    jobs = tuple(f"p/job{number}" for number in range(dice.randint(1, 3)))
    subscriptions = [(dice.choice(CHANNELS), job) for job in jobs]
    if dice.random() < 0.3:
        subscriptions += [(channel, jobs[0]) for channel in CHANNELS if (channel, jobs[0]) not in subscriptions]
    processes = 2 if dice.random() < 0.3 else 1
    events = [event for job in jobs for event in _job_events(dice, job)]
    events += _process_events(dice, processes)
    calm, clocks_change = dice.random() < 0.1, dice.random() < 0.2
    clock_events = _clock_events(dice, processes) if clocks_change else []
    if random.Random(f"{seed}:machine").random() < 0.5:
        clock_events = [replace(event, target="") for event in clock_events]
    events += clock_events
    return Scenario(
        seed=seed,
        jobs=jobs,
        subscriptions=tuple(subscriptions),
        processes=processes,
        events=tuple(sorted(events, key=lambda one: one.at_s)),
        slack_faults=SlackFaults() if calm else _slack_faults(dice),
        slack_outages=_spans(dice, 0.25, 30),
        platform_outages=_spans(dice, 0.2, 40),
        platform_error_rate=dice.choice((0.0, 0.0, 0.1, 0.3)),
        platform_slow_rate=dice.choice((0.0, 0.0, 0.1)),
        notify=dice.choice((NotifyLevel.FAILURES, NotifyLevel.FAILURES, *NotifyLevel)),
        storm_size=dice.choice((1, STANDARD.storm_size, STANDARD.storm_size)),
        can_read_history=can_read_history,
        clocks_change=clocks_change,
    )


def _job_events(dice: random.Random, job: str) -> list[Event]:
    """Errors, and then perhaps an end. A failure that a restart undoes may pass between two polls unseen."""
    end, end_s = dice.choice(("fail", "fail", "finish", "run on", "flap")), dice.uniform(20, LENGTH_S)
    last_s = LENGTH_S if end == "run on" else end_s
    events = [
        Event(dice.uniform(1, last_s), "log", job, f"ERROR {dice.choice(_WORDS)} {dice.choice(_WORDS)} is broken")
        for _ in range(dice.randint(0, 3))
    ]
    if end == "flap":
        events += [Event(end_s, "fail", job), Event(end_s + dice.uniform(1, 30), "restart", job)]
    elif end != "run on":
        events.append(Event(end_s, end, job))
    return events


def _process_events(dice: random.Random, processes: int) -> list[Event]:
    events = []
    for number in range(processes):
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            at_s, kind = dice.uniform(2, LENGTH_S), dice.random()
            if kind < 0.3:
                what = dice.choice(("pause", "pause at call"))
                events.append(Event(at_s, what, f"bot{number}", number=dice.choice((1, 10, 35, 60))))
            elif kind < 0.6:
                events.append(Event(at_s, "kill", f"bot{number}", number=dice.uniform(0.5, 8)))
            else:
                moment = dice.choice(("before", "after"))
                events.append(Event(at_s, "kill at commit", f"bot{number}", moment, dice.randint(1, 6)))
    return events


def _clock_events(dice: random.Random, processes: int) -> list[Event]:
    def jump(at_s: float) -> Event:
        offset_s = dice.choice((-7200, -60, -3, 0, 3, 60, 7200))
        return Event(at_s, "clock", f"bot{dice.randrange(processes)}", number=offset_s)

    return [jump(dice.uniform(0, LENGTH_S)) for _ in range(dice.randint(1, 4))]


def _slack_faults(dice: random.Random) -> SlackFaults:
    def share() -> float:
        return dice.choice((0.0, 0.0, 0.1, 0.25))

    return SlackFaults(share(), share(), dice.choice((0.0, 0.1, 0.2)), share(), dice.choice((0.0, 0.1)))


def _spans(dice: random.Random, likely: float, longest_s: float) -> tuple[tuple[float, float], ...]:
    if dice.random() >= likely:
        return ()
    start_s = dice.uniform(0, LENGTH_S)
    return ((start_s, start_s + dice.uniform(1, longest_s)),)


def epoch() -> datetime:
    """When every simulation begins."""
    return datetime(2026, 3, 13, 12, tzinfo=UTC)
