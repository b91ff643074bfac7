"""From a line at the platform to its alert in Slack: the real bot, 500 jobs, ten alerts a second."""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bench.report import Row, Section
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.steady_clock import read_system_clock
from bot.store.migrate import upgrade
from bot.store.store import open_store
from emulator.demo import bot_process, connected, free_port
from emulator.logs import Line
from emulator.sandbox import Sandbox, sandbox
from emulator.slack.app import create_slack
from emulator.world import TrainingJob, World, to_ns

JOBS, CHANNELS = 500, 100
"""Few enough alerts in each channel that none of them becomes a digest."""
ALERTS_PER_SECOND, ALERTS = 10, 400
INTERVAL_S = 15.0
"""The default poll interval."""
ALLOWED_S = 2.0
SETTLE_S = 30.0
"""Until polls are spread over the interval."""
LONGEST_S = 120.0
TEXT = (
    f"The real bot with SQLite polls {JOBS} emulated training jobs every {INTERVAL_S:.0f} s."
    f" {ALERTS_PER_SECOND} of them log an error each second, {ALERTS} in all, each in another job, in {CHANNELS}"
    " channels. The latency is the time from the line's appearance to the message's arrival in the emulated Slack,"
    " which limits its rate as the real one does. The limit of requests is raised to 200 a second; 500 jobs need 67."
)


def section() -> Section:
    """Measure the latency of alerts; takes two minutes."""
    latencies_s, metric_s = asyncio.run(_measure())
    p50, p95 = (_quantile(latencies_s, share) for share in (0.5, 0.95))
    allowed_s = INTERVAL_S + ALLOWED_S
    return Section(
        "Latency of alerts",
        TEXT,
        [
            Row("Line to Slack, p50", f"{p50:.1f} s"),
            Row("Line to Slack, p95", f"{p95:.1f} s", target=f"≤ {allowed_s:.0f} s", met=p95 <= allowed_s),
            Row("Line to Slack, slowest", f"{latencies_s[-1]:.1f} s"),
            Row("… p95 in the bot's own metric", f"≤ {metric_s:g} s", "bucket of the histogram"),
            Row("Alerts that arrived", f"{len(latencies_s):,}", target=f"{ALERTS:,}", met=len(latencies_s) == ALERTS),
        ],
    )


async def _measure() -> tuple[list[float], float]:
    """Latencies in ascending order, and the p95 of the bot's own metric."""
    async with _running_bot() as (on, jobs, port):
        await asyncio.sleep(SETTLE_S)
        visible_at: dict[str, float] = {}
        for job in random.Random(11).sample(jobs, ALERTS):
            now = datetime.now(UTC)
            job.log.append(Line(to_ns(now), f"ERROR: {job.job_id} broke", "abc12", "ERROR"))
            visible_at[job.job_id] = now.timestamp()
            await asyncio.sleep(1 / ALERTS_PER_SECOND)
        arrived_at = await _arrivals(on, len(visible_at))
        return sorted(at - visible_at[name] for name, at in arrived_at.items()), await _metric_p95(port)


@asynccontextmanager
async def _running_bot() -> AsyncIterator[tuple[Sandbox, list[TrainingJob], int]]:
    world, slack, port = World(), create_slack(), free_port()
    workspace = slack.context.workspace
    bot = workspace.app.bot_user_id
    channels = [workspace.add_channel(f"team-{number}", members=["ada", bot]) for number in range(CHANNELS)]
    jobs = [world.add_training_job("proj", f"job{number:03}") for number in range(JOBS)]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bot.db"
        await upgrade(url)
        store = await open_store(url)
        for number, job in enumerate(jobs):
            channel, ref = channels[number % CHANNELS].id, JobRef("baseten", f"proj/{job.job_id}")
            await store.subscriptions.add(channel, None, ref, "U1", RuleSettings(), read_system_clock())
        await store.aclose()
        own = {
            "DATABASE_URL": url,
            "TRAINWATCH_HEALTH_PORT": str(port),
            "TRAINWATCH_LOG_LEVEL": "error",
            "BASETEN_REQUESTS_PER_SECOND": "200",
        }
        async with sandbox(world, slack=slack) as on, bot_process({**on.settings, **own}, Path(folder)) as process:
            await connected(on, process)
            yield on, jobs, port


async def _arrivals(on: Sandbox, expected: int) -> dict[str, float]:
    """Wait for the messages; return when each arrived, by the job it names."""
    loop, found = asyncio.get_running_loop(), dict[str, float]()
    ends_s = loop.time() + LONGEST_S
    while len(found) < expected and loop.time() < ends_s:
        await asyncio.sleep(1)
        for channel in on.slack.context.workspace.channels.values():
            for message in channel.messages:
                for name in re.findall(r"(job\d{3}) broke", json.dumps(message.blocks)):
                    found.setdefault(name, float(message.ts))
    return found


async def _metric_p95(port: int) -> float:
    """The upper bound of the histogram's bucket that has the 95th percentile."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    counts: dict[float, float] = {}
    for bound, count in re.findall(
        r'trainwatch_alert_latency_seconds_bucket\{le="([^"]+)",severity="\w+"\} (\S+)', text
    ):
        counts[float(bound)] = counts.get(float(bound), 0.0) + float(count)
    total = max(counts.values(), default=0.0)
    return min((bound for bound, count in counts.items() if count >= 0.95 * total), default=0.0)


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
