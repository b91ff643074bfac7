"""The bot told to stop (SIGTERM) while alerts are on their way: it ends at once, and the next one delivers the rest.

What a kill without warning may do is in `test_kill.py`; an announced stop doubles nothing and waits for no lease.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from emulator.demo import connected
from emulator.logs import Line
from emulator.world import to_ns
from tests.acceptance.program import Machine

PACE = {"TRAINWATCH_POLL_INTERVAL": "1s", "TRAINWATCH_LOOKBACK": "1m", "TRAINWATCH_LOG_LEVEL": "error"}
WORDS = ["alpha", "bravo", "charlie", "delta", "echo"]


def alerts(machine: Machine) -> Counter[str]:
    """How often each job's alert stands in the channel, as a root or in a thread."""
    told = [json.dumps(one.blocks) for one in machine.on.slack.workspace.channel("#training").messages if one.metadata]
    return Counter(name for name in WORDS for text in told if f"job-{name}" in text)


def evidence(machine: Machine) -> set[str]:
    """Which jobs' lines have been shown in a thread or a root."""
    told = [json.dumps(one.blocks) for one in machine.on.slack.workspace.channel("#training").all_messages]
    return {name for name in WORDS if any(f"{name} broke" in text for text in told)}


async def stop(process: asyncio.subprocess.Process) -> tuple[float, bytes]:
    """SIGTERM; how long it took, and what was said."""
    told_at = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    return time.monotonic() - told_at, errors


async def test_a_stop_amid_deliveries_loses_nothing_and_doubles_nothing(machine: Machine, tmp_path: Path) -> None:
    jobs = [machine.world.add_training_job("proj", f"job-{name}") for name in WORDS]
    slack = machine.on.slack
    slow_slack_s = 0.3
    slack.fail("chat.postMessage", "", delay_s=slow_slack_s, is_applied=True, times=10_000)
    first = await machine.start("serve", **PACE)
    try:
        await connected(machine.on, first)
        for name in WORDS:
            await slack.person_actions.slash("ada", "#training", "/train", f"watch baseten:proj/job-{name}", wait_s=10)
        for name, job in zip(WORDS, jobs, strict=True):
            job.log.append(Line(to_ns(datetime.now(UTC)), f"ERROR: {name} broke", "abc12", "ERROR"))
        await slack.person_actions.until(lambda: alerts(machine) or None, timeout_s=20)
        took_s, errors = await stop(first)
        assert (0, b"") == (first.returncode, errors)
        assert 6 > took_s
        before = alerts(machine)
        assert 0 < len(before) < len(WORDS)

        second = await machine.start("serve", **PACE)
        try:
            await slack.person_actions.until(lambda: evidence(machine) == set(WORDS) or None, timeout_s=40)
            await asyncio.sleep(1)
        finally:
            _, errors = await stop(second)
        assert (0, b"") == (second.returncode, errors)
    finally:
        if first.returncode is None:
            first.kill()
            await first.wait()
    assert dict.fromkeys(WORDS, 1) == alerts(machine)
    replies = Counter(
        json.dumps(one.blocks) for one in slack.workspace.channel("#training").all_messages if one.is_reply
    )
    assert {1} == set(replies.values())
