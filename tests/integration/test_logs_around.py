"""`logs --around` on every log endpoint over HTTP: exact context at any density, in few requests, and exact paging."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from bot.commands.handlers.logs import read_page
from bot.commands.handlers.logs_around import read_around
from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.domain.gaps import GapReason
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, parse_level
from bot.providers.baseten.api import make_client
from bot.providers.baseten.deployments import BasetenDeployments
from bot.providers.baseten.training import BasetenTraining
from bot.providers.fireworks import create as create_fireworks
from bot.providers.fireworks.provider import FireworksProvider
from bot.providers.http.client import LimiterPool
from bot.providers.rivergen import create as create_rivergen
from bot.providers.rivergen.provider import RivergenProvider
from bot.redaction.redactor import Redactor
from emulator.logs import Line
from emulator.quirks import BasetenQuirks
from emulator.world import Status
from tests.fakes.cloud import NOON, NOON_NS, Cloud, running_cloud
from tests.support.waiting import LONGEST_S

AnyProvider = BasetenTraining | BasetenDeployments | FireworksProvider | RivergenProvider
MS, SECOND, DAY = 10**6, 10**9, 86_400 * 10**9
CONTEXT = 50
SOURCES = ("baseten", "baseten by POST", "baseten-model", "fireworks", "rivergen")
Stamps = Callable[[random.Random], list[int]]


def every(step_ns: int, count: int) -> Stamps:
    return lambda dice: [number * step_ns for number in range(count)]


def bursts(dice: random.Random) -> list[int]:
    """Silence of days, then milliseconds that hold more lines than a page, and nanoseconds that hold several."""
    at_ns, stamps = 0, list[int]()
    for _ in range(6):
        at_ns += dice.choice((SECOND, 3600 * SECOND, 3 * DAY)) // MS * MS
        stamps += [at_ns + dice.randrange(0, MS, 7) for _ in range(dice.choice((3, 40, 1300)))]
        at_ns += MS
    return sorted(stamps)


DENSITIES: dict[str, Stamps] = {
    "one line a day": every(DAY, 150),
    "one line a minute": every(60 * SECOND, 6_000),
    "ten thousand lines a second": every(SECOND // 10_000, 30_000),
    "bursts and silence": bursts,
}


def put(cloud: Cloud, source: str, stamps: Sequence[int]) -> tuple[AnyProvider, JobRef, list[LogLine]]:
    """Put a log that ends an hour before noon into the cloud; return its provider, its job and its lines as read."""
    first_ns = NOON_NS - 3600 * SECOND - stamps[-1]
    lines = [Line(first_ns + stamp, f"line {number}", "r0abc", "INFO", rank=1) for number, stamp in enumerate(stamps)]
    began = NOON - timedelta(microseconds=(NOON_NS - first_ns) // 1000, minutes=1)
    world, config = cloud.world, cloud.config(source.partition("-")[0].partition(" ")[0])
    limiters = LimiterPool()
    match source:
        case "fireworks":
            world.add_batch_job("acme", "job", lines=lines, statuses=[Status(began, "RUNNING")], num_ranks=4)
            read = [LogLine(line.timestamp_ns, line.message, rank=1) for line in lines]
            return create_fireworks(config, limiters), JobRef("fireworks", "acme/job"), read
        case "rivergen":
            world.add_rivergen_run("mdl-1", "run-1", lines=lines, statuses=[Status(began, "running")])
            level = parse_level("INFO")
            read = [LogLine(line.timestamp_ns // MS * MS, line.message, level=level) for line in lines]
            return create_rivergen(config, limiters), JobRef("rivergen", "mdl-1/run-1"), read
        case "baseten-model":
            world.add_deployment("mod1", "dep1", lines=lines, statuses=[Status(began, "ACTIVE")])
            provider: AnyProvider = BasetenDeployments(make_client(source, config, limiters), cloud.clock)
            job = JobRef("baseten-model", "mod1/dep1")
        case _:
            cloud.quirks.baseten = BasetenQuirks(training_methods="post" if "POST" in source else "both")
            world.add_training_job("proj", "job1", lines=lines, statuses=[Status(began, "TRAINING_JOB_RUNNING")])
            provider = BasetenTraining(make_client("baseten", config, limiters), cloud.clock)
            job = JobRef("baseten", "proj/job1")
    level = parse_level("INFO")
    return provider, job, [LogLine(one.timestamp_ns, one.message, replica="r0abc", level=level) for one in lines]


async def run(cloud: Cloud, provider: AnyProvider, job: JobRef, command: LogsCommand) -> LogsAnswer:
    parsed = parse(format_command(command))
    assert isinstance(parsed, LogsCommand)
    read = read_page if parsed.around_ns is None else read_around
    answer = await read(provider, job, parsed, Redactor(), cloud.clock())
    # Baseten gives no proof that a millisecond with more lines than a page was read completely, although it was.
    assert {gap.reason for gap in answer.gaps} <= {GapReason.UNREACHABLE_LINES}
    return answer


@pytest.mark.parametrize("density", list(DENSITIES))
@pytest.mark.parametrize("source", SOURCES)
async def test_context_and_pages_are_exact_and_take_few_requests(source: str, density: str) -> None:
    dice = random.Random(f"{source} {density}")
    async with running_cloud(LONGEST_S) as cloud:
        provider, job, lines = put(cloud, source, DENSITIES[density](dice))
        for position in (0, len(lines) - 1, *(dice.randrange(len(lines)) for _ in range(2))):
            around_ns = lines[position].timestamp_ns + dice.choice((0, 0, 1, -400))
            before = provider.request_rate().last_minute
            command = LogsCommand(str(job), around_ns=around_ns, context=CONTEXT, limit=2 * CONTEXT + 1)
            answer = await run(cloud, provider, job, command)
            assert provider.request_rate().last_minute - before <= 80
            first = expect_context(lines, answer, around_ns)
            await expect_pages(cloud, provider, job, answer, lines, first)
        await provider.aclose()


def expect_context(lines: list[LogLine], answer: LogsAnswer, around_ns: int) -> int:
    """Check that the answer has the nearest line, marked, with its context; return where it begins in the log."""
    assert answer.marked is not None
    marked_ns = answer.lines[answer.marked].timestamp_ns
    assert abs(marked_ns - around_ns) // 1000 == min(abs(line.timestamp_ns - around_ns) for line in lines) // 1000
    first = lines.index(answer.lines[0])
    assert sorted(answer.lines, key=_order) == sorted(lines[first : first + len(answer.lines)], key=_order)
    older = sum(1 for line in answer.lines if line.timestamp_ns < marked_ns)
    newer = sum(1 for line in answer.lines if line.timestamp_ns > marked_ns)
    same = len(answer.lines) - older - newer
    assert older + same > min(CONTEXT, sum(line.timestamp_ns < marked_ns for line in lines))
    assert newer + same > min(CONTEXT, sum(line.timestamp_ns > marked_ns for line in lines))
    assert len(answer.lines) <= 2 * CONTEXT + 1 + 30 * same
    return first


async def expect_pages(
    cloud: Cloud, provider: AnyProvider, job: JobRef, answer: LogsAnswer, lines: list[LogLine], first: int
) -> None:
    """Press Older and Newer some times from the answer: together they are an unbroken part of the log."""
    shown, older, newer = list(answer.lines), answer.older, answer.newer
    for _ in range(3):
        if older is not None:
            page = await run(cloud, provider, job, older)
            shown, older = [*page.lines, *shown], page.older
            first -= len(page.lines)
        if newer is not None:
            page = await run(cloud, provider, job, newer)
            shown, newer = [*shown, *page.lines], page.newer
    assert first >= 0
    assert [line.message for line in sorted(shown, key=_order)] == [
        line.message for line in sorted(lines[first : first + len(shown)], key=_order)
    ]
    assert first == 0 or older is not None


def _order(line: LogLine) -> tuple[int, int]:
    return line.timestamp_ns, int(line.message.removeprefix("line "))
