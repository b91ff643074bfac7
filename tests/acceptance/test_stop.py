"""SIGTERM during deliveries: the bot stops promptly, and the next process delivers the rest.

Unlike a kill (`test_kill.py`), a stop repeats no message and leaves no leases.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from emulator.demo import connected
from emulator.logs import Line
from emulator.world import to_ns
from tests.acceptance.program import Machine
from tests.support.waiting import LONGEST_S

SETTINGS = {
    "TRAINWATCH_POLL_INTERVAL": "1s",
    "TRAINWATCH_LOOKBACK": "1m",
    "TRAINWATCH_LEASE": "10m",
    "TRAINWATCH_LOG_LEVEL": "error",
}
"""The lease is longer than the test: a message that the stop does not release never arrives."""
NAMES = ["alpha", "bravo", "charlie", "delta", "echo"]


def alerts(machine: Machine) -> Counter[str]:
    """Count the messages in the channel with each job's alert."""
    messages = [
        json.dumps(one.blocks) for one in machine.on.slack.workspace.channel("#training").messages if one.metadata
    ]
    return Counter(name for name in NAMES for text in messages if f"job-{name}" in text)


def evidence(machine: Machine) -> set[str]:
    """Jobs whose log lines appear in a message."""
    messages = [json.dumps(one.blocks) for one in machine.on.slack.workspace.channel("#training").all_messages]
    return {name for name in NAMES if any(f"{name} broke" in text for text in messages)}


async def stop(process: asyncio.subprocess.Process) -> bytes:
    """Send SIGTERM. Returns the standard error of the process."""
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), LONGEST_S)
    return errors


async def test_stop_during_deliveries_loses_and_repeats_no_message(machine: Machine, tmp_path: Path) -> None:
    jobs = [machine.world.add_training_job("proj", f"job-{name}") for name in NAMES]
    slack = machine.on.slack
    slow_slack_s = 1.0
    slack.fail("chat.postMessage", "", delay_s=slow_slack_s, is_applied=True, times=10_000)
    first = await machine.start("serve", **SETTINGS)
    try:
        await connected(machine.on, first)
        for name in NAMES:
            watch = f"watch baseten:proj/job-{name}"
            await slack.person_actions.slash("ada", "#training", "/train", watch, wait_s=LONGEST_S)
        for name, job in zip(NAMES, jobs, strict=True):
            job.log.append(Line(to_ns(datetime.now(UTC)), f"ERROR: {name} broke", "abc12", "ERROR"))
        await slack.person_actions.until(lambda: alerts(machine) or None, timeout_s=LONGEST_S)
        errors = await stop(first)
        assert (0, b"") == (first.returncode, errors)
        assert 0 < len(alerts(machine)) < len(NAMES)
        slack.context.faults.clear()

        second = await machine.start("serve", **SETTINGS)
        try:
            await slack.person_actions.until(lambda: evidence(machine) == set(NAMES) or None, timeout_s=LONGEST_S)
            await asyncio.sleep(1)
        finally:
            errors = await stop(second)
        assert (0, b"") == (second.returncode, errors)
    finally:
        if first.returncode is None:
            first.kill()
            await first.wait()
    assert dict.fromkeys(NAMES, 1) == alerts(machine)
    replies = Counter(
        json.dumps(one.blocks) for one in slack.workspace.channel("#training").all_messages if one.is_reply
    )
    assert {1} == set(replies.values())
